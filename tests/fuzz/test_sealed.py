"""T-2, KEY-7, JOSE-1: what another installation sealed or signed, and tokens that were changed, are worth nothing."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authserver.config import Config
from tests.flow.world import inhabited, prepared
from tests.fuzz.samples import House, Sample, escaped, furnished, of_browser
from tests.fuzz.test_anything import check
from tests.oidc import unpadded
from tests.wire import FORM, Reply

TOKENS = ["access", "id", "refresh", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What an installation with roots and keys of its own gave to people and clients of the same names."""

    cookies: Mapping[str, str]
    form: Mapping[str, str]
    tokens: Mapping[str, str]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """It has our issuer, too: only keys and roots tell it from us. It is gone when the house is built."""
    config = Config(data_dir=tmp_path_factory.mktemp("foreign") / "data")
    prepared(config)
    with inhabited(config) as world:
        there, newcomer = furnished(world), world.browser()
        form = newcomer.open(there.web.begin().url).page.form("Sign in")
        jars = (there.visitor.jar, newcomer.jar)
        cookies = {cookie.name: cookie.value for jar in jars for cookie in jar.cookies.values()}
        return Foreign(cookies=cookies, form=dict(form.fields()), tokens=tokens_of(there))


def tokens_of(house: House) -> dict[str, str]:
    tokens = house.tokens
    return {
        "access": tokens.access_token,
        "id": tokens.id_token or "",
        "refresh": tokens.refresh_token or "",
        "admin": house.administrator.text or "",
    }


def shown(house: House, token: str) -> Iterator[tuple[Sample, Reply]]:
    """The token wherever one can be shown."""
    _, credentials = house.web.credentials()
    form = {"Content-Type": FORM, **credentials}
    bearer = {"Authorization": f"Bearer {token}"}
    for sample in (
        Sample(method="GET", path="/oauth/userinfo", headers=bearer),
        Sample(method="GET", path="/api/admin/users", headers=bearer),
        Sample(method="POST", path="/oauth/introspect", headers=form, form=escaped({"token": token})),
        Sample(
            method="POST",
            path="/oauth/token",
            headers=form,
            form=escaped({"grant_type": "refresh_token", "refresh_token": token}),
        ),
        Sample(
            method="POST",
            path="/oauth/token",
            headers=form,
            form=escaped(
                {"grant_type": "authorization_code", "code": token, "redirect_uri": house.web.redirect_uri}
            ),
        ),
    ):
        yield sample, house.send(sample)


def is_worthless(house: House, token: str) -> None:
    for sample, reply in shown(house, token):
        check(reply, sample)
        if sample.path == "/oauth/introspect" and reply.status == 200:
            assert reply.json() == {"active": False}, sample
        else:
            assert reply.status in {400, 401}, sample


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_of_another_installation_is_worthless(foreign: Foreign, house: House, kind: str) -> None:
    """KEY-7, JOSE-1: the names in it are ours, the signature is not."""
    is_worthless(house, foreign.tokens[kind])


def test_a_session_of_another_installation_signs_nobody_in(foreign: Foreign, house: House) -> None:
    """SS-1, KEY-7: the cookie is somebody's, but not of ours."""
    sample = with_cookies(of_browser(house.world.browser(), "GET", "/account"), foreign)
    reply = house.send(sample)
    check(reply, sample)
    assert (reply.status, reply.location) == (303, f"{house.world.url}/login?return_to=%2Faccount")


def test_a_form_of_another_installation_is_no_form_of_ours(foreign: Foreign, house: House) -> None:
    """WEB-2, KEY-7: its csrf_token is foreign."""
    form = escaped({**foreign.form, "username": house.person.email, "password": house.person.password})
    sample = with_cookies(of_browser(house.world.browser(), "POST", "/login", form=form), foreign)
    reply = house.send(sample)
    check(reply, sample)
    assert reply.status == 403


@pytest.mark.parametrize(
    "place", ["/login", "/login/again", "/login/choose", "/login/account", "/oauth/consent", "/login/x"]
)
def test_a_login_sealed_elsewhere_is_over(foreign: Foreign, house: House, place: str) -> None:
    """AZ-14, KEY-7: no page opens it, also with a csrf_token of ours; nobody gets a session of it."""
    for sample in house.samples.values():
        if sample.path != place:
            continue
        tx = ("tx", foreign.form["tx"])
        query = tuple(pair for pair in sample.query if pair[0] != "tx")
        form = tuple(pair for pair in sample.form or () if pair[0] != "tx")
        worse = replace(sample, query=(*query, tx), form=None if sample.form is None else (*form, tx))
        reply = house.send(worse)
        check(reply, worse)
        assert "as_session=" not in "".join(reply.all("Set-Cookie"))
        assert "code=" not in (reply.location or "")


def with_cookies(sample: Sample, foreign: Foreign) -> Sample:
    cookies = "; ".join(f"{name}={value}" for name, value in foreign.cookies.items())
    return replace(sample, headers={**sample.headers, "Cookie": cookies})


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def encoded(value: Any) -> str:
    return unpadded(json.dumps(value).encode())


MEMBERS: list[tuple[str, Any]] = [
    ("alg", "none"), ("alg", "HS256"), ("alg", "RS256"), ("alg", 5), ("alg", None), ("typ", "JWT"), ("crit", ["x"]),
    ("jwk", {"kty": "oct", "k": "AAAA"}), ("kid", "other"), ("kid", 5), ("b64", False), ("jku", "https://x.example"),
]  # fmt: skip
CLAIMS: list[tuple[str, Any]] = [
    ("exp", 9_999_999_999), ("exp", "tomorrow"), ("iat", -1), ("sub", "0" * 32), ("scope", "openid admin"), ("aud", []),
    ("iss", "https://x.example"), ("client_id", "signed"), ("amr", ["mfa"]), ("acr", "phr"), ("jti", None),
]  # fmt: skip
Damage = Callable[[str], str]


def of_bytes(at: float, letter: str) -> Iterator[Damage]:
    """Bytes changed, left out, or added."""
    yield lambda token: token[: int(at * len(token))] + letter + token[int(at * len(token)) + 1 :]
    yield lambda token: token[: 1 + int(at * len(token))]
    yield lambda token: token + letter
    yield lambda token: ".".join(reversed(token.split(".")))


def of_a_jwt(member: tuple[str, Any], claim: tuple[str, Any]) -> Iterator[Damage]:
    """Members and claims changed, without a key to sign them."""
    unsigned = encoded({"alg": "none", "typ": "at+jwt"})

    def part(number: int, change: Callable[[str], str]) -> Damage:
        def damage(token: str) -> str:
            parts = token.split(".")
            if len(parts) != 3:
                return token[1:]
            return ".".join([*parts[:number], change(parts[number]), *parts[number + 1 :]])

        return damage

    yield part(0, lambda header: encoded(decoded(header) | dict([member])))
    yield part(1, lambda claims: encoded(decoded(claims) | dict([claim])))
    yield part(2, lambda _: "")
    yield lambda token: ".".join([unsigned, *token.split(".")[1:2], ""])


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """How a token of ours is changed by whoever has it, and has no key."""
    at, letter = draw(st.floats(0, 0.999)), draw(st.sampled_from("Ab0_-.=+ é\x00"))
    jwt = of_a_jwt(draw(st.sampled_from(MEMBERS)), draw(st.sampled_from(CLAIMS)))
    return draw(st.sampled_from([*of_bytes(at, letter), *jwt]))


@settings(max_examples=400)
@given(kind=st.sampled_from(TOKENS), damage=damages())
def test_a_token_with_a_piece_changed_is_worthless(
    foreign: Foreign, house: House, kind: str, damage: Damage
) -> None:
    """T-2, JOSE-1, CVE-23: bits, members, claims, algorithms, segments."""
    token = tokens_of(house)[kind]
    worse = damage(token)
    if worse.strip() != token:
        is_worthless(house, worse)


@settings(max_examples=200)
@given(damage=damages())
def test_an_assertion_with_a_piece_changed_authenticates_nobody(
    foreign: Foreign, house: House, damage: Damage
) -> None:
    """T-2, CL-3: 401 invalid_client, whatever was changed."""
    good = house.signed.assertion()
    worse = damage(good)
    if worse.strip() == good:
        return
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_assertion_type": kind, "client_assertion": worse, "token": "x"}
    sample = Sample(
        method="POST", path="/oauth/introspect", headers={"Content-Type": FORM}, form=escaped(form)
    )
    reply = house.send(sample)
    check(reply, sample)
    assert (reply.status, reply.json()["error"]) in {(401, "invalid_client"), (400, "invalid_request")}, worse
