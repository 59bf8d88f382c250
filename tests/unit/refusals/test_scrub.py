"""Nothing that opens anything is kept of a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.errors import Refusal
from authserver.opaque import new_secret
from authserver.refusals.scrub import LONGEST, scrubbed
from tests.flow.world import World

SECRETS = {
    "refresh-token": f"as_rt1_{'0' * 32}.3.abcd1234.{new_secret()}",
    "client-secret": f"as_cs1_{new_secret()}",
    "ticket": f"{new_secret(16)}.{new_secret(32)}",
    "jwt": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLWJ5dGVz",
    "hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "handle": "aB3" + new_secret(40)[:48],
}
NAMED = {
    "code=": "code=s3cr3t!",
    "password": "password=hunter2",
    "encoded": "https://app.example/cb?x=1&access_token=s3cr3t",
    "json": '{"client_secret": "s3cr3t"}',
    "header": "Authorization: Bearer s3cr3t",
    "basic": "authorization: Basic dXNlcjpwYXNz",
    "upper": "CODE=s3cr3t",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("around", ["{}", "given {} here", "https://app.example/?x={}", "x" * 290 + " {}"])
def test_what_looks_like_a_secret_is_not_kept(secret: str, around: str) -> None:
    """AU-2: no token, code, secret or hash, whole or in part."""
    kept = scrubbed(around.format(secret))
    assert secret[-24:] not in kept
    assert secret[20:44] not in kept


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_what_is_named_like_a_secret_is_not_kept(text: str) -> None:
    """AU-2: the name stays, the value goes."""
    kept = scrubbed(text)
    assert not {"s3cr3t", "hunter2", "dXNlcjpwYXNz"} & set(kept.replace('"', " ").replace("=", " ").split())
    assert "…" in kept


@pytest.mark.parametrize(
    "text",
    [
        "https://app.example/callback/", "openid profile notes:read", "redirect_uri differs in the trailing slash",
        "com.example.app:/cb", "S256", "https://api.example/v1?tenant=north", "the code is not valid", "web-client_2",
    ],
)  # fmt: skip
def test_what_explains_a_refusal_is_kept(text: str) -> None:
    assert scrubbed(text) == text


@given(st.text())
def test_any_text_comes_out_short_and_printable(text: str) -> None:
    """AU-5: no control character, no direction mark, and nothing that a database refuses."""
    kept = scrubbed(text)
    assert len(kept) <= LONGEST
    assert not {"\x00", "\n", "\r", "\x1b", "\u202e", "\u2028"} & set(kept)
    kept.encode("utf-8")


def test_a_code_in_a_refusal_never_reaches_the_store(world: World) -> None:
    """AU-2: whatever a view puts into a refusal by mistake."""
    ticket = SECRETS["ticket"]
    given = Refusal("No.", detail=f"code {ticket} is spent", value=f"code={ticket}", nearest=ticket)
    reference = world.issuer.refusals.note(
        given, step="token", client=SECRETS["jwt"], person=SECRETS["handle"]
    )
    world.explain(reference)
    stored = str(world.rows("SELECT detail, rule FROM refusals"))
    assert not [secret for secret in SECRETS.values() if secret[-24:] in stored]
