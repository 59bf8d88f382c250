"""grant_type=authorization_code, clause by clause."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.flow.world import Resident, World
from tests.oidc import OAuthError, RelyingParty, Request, Tokens, answer_pages, challenge_of, random_text


def code_for(world: World, party: RelyingParty, person: Resident, **asked: str) -> tuple[Request, str]:
    browser = world.browser()
    request = party.begin(**asked)
    visit = answer_pages(browser, browser.open(request.url, initiator=party.redirect_uri), person)
    assert visit.left_for, visit.page.words
    return request, party.returned(request, visit.left_for)["code"]


def form_of(party: RelyingParty, request: Request, spent: str, /, **changed: str) -> dict[str, str]:
    given = {
        "grant_type": "authorization_code",
        "code": spent,
        "redirect_uri": party.redirect_uri,
        "code_verifier": request.verifier,
    } | changed
    return {name: value for name, value in given.items() if value != ""}


def test_a_code_gives_tokens_that_say_what_happened(world: World) -> None:
    """TK-10, TK-11, ID-2, ID-3, ID-4, ID-5, ID-6: claims of a password sign-in, checked by an independent library."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    tokens = web.redeem(request, code)
    access = web.verify_access_token(tokens.access_token, world.url)
    signed_in = int(world.clock.now())
    for claims in (tokens.claims, access):
        assert claims["sub"] == ada.subject
        assert (claims["amr"], claims["acr"], claims["auth_time"]) == (["pwd"], "pwd", signed_in)
        assert claims["exp"] - claims["iat"] == 300
    assert access["sid"] == tokens.claims["sid"]
    assert access["client_id"] == "web"
    assert access["scope"] == "openid profile email"
    assert len(access["jti"]) >= 22
    assert "web" not in access["aud"]
    assert ada.subject not in {ada.id, ada.email, ada.username}
    assert "azp" not in tokens.claims


def test_nonce_is_absent_when_none_was_sent(world: World) -> None:
    """ID-3: a nonce is copied exactly, and left out when there was none."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada, nonce="")
    reply = web.token(form_of(web, request, code))
    assert "nonce" not in web.tokens(reply).claims


def test_a_code_is_spent_once(world: World) -> None:
    """TK-1: the second redemption gets invalid_grant; within 10 s it is a double submit and revokes nothing. TK-3."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    tokens = web.redeem(request, code)
    world.clock.advance(seconds=10)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.redeem(request, code)
    assert web.refresh(tokens).access_token
    assert not world.events("code_replayed")


def test_a_late_replay_revokes_what_was_issued(world: World) -> None:
    """TK-3: its own client, with the right verifier, at +11 s ends the family and its access tokens."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    tokens = web.redeem(request, code)
    world.clock.advance(seconds=11)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.redeem(request, code)
    assert world.events("code_replayed")
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.refresh(tokens)
    assert web.introspect(tokens.access_token) == {"active": False}


@pytest.mark.parametrize("what", ["another client", "wrong verifier"])
def test_a_replay_by_somebody_else_revokes_nothing(world: World, what: str) -> None:
    """TK-3: a replay by another client or without the verifier is refused, and the tokens live."""
    ada, web, other = world.add_user(), world.add_client(), world.add_client("other")
    request, code = code_for(world, web, ada)
    tokens = web.redeem(request, code)
    world.clock.advance(seconds=30)
    party, verifier = (other, request.verifier) if what == "another client" else (web, random_text())
    with pytest.raises(OAuthError, match="invalid_grant"):
        party.redeem(request, code, code_verifier=verifier)
    assert web.refresh(tokens).access_token


Spoil = Callable[[dict[str, str]], dict[str, str]]
MISSES: list[tuple[str, dict[str, Any], str]] = [
    ("rfc7636-4.6-wrong-verifier", {"code_verifier": random_text()}, "invalid_grant"),
    ("rfc7636-4.5-no-verifier", {"code_verifier": ""}, "invalid_grant"),
    ("rfc6749-4.1.3-other-redirect-uri", {"redirect_uri": "https://app.example/other"}, "invalid_grant"),
    ("rfc6749-4.1.3-no-redirect-uri", {"redirect_uri": ""}, "invalid_request"),
    ("rfc6749-4.1.3-no-code", {"code": ""}, "invalid_request"),
    ("unknown-code", {"code": f"{'x' * 22}.{'y' * 43}"}, "invalid_grant"),
    ("garbage-code", {"code": "💥"}, "invalid_grant"),
    ("rfc7636-4.1-short-verifier", {"code_verifier": "short"}, "invalid_request"),
    ("verifier-with-newline", {"code_verifier": "a" * 43 + "\n"}, "invalid_request"),
]


@pytest.mark.parametrize(("changed", "error"), [(c, e) for _, c, e in MISSES], ids=[i for i, _, _ in MISSES])
def test_a_failed_redemption_does_not_burn_the_code(
    world: World, changed: dict[str, str], error: str
) -> None:
    """TK-2, TK-4, CVE-10: a miss leaves the code for the right client."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    with pytest.raises(OAuthError, match=error):
        web.tokens(web.token(form_of(web, request, code, **changed)))
    assert web.redeem(request, code).access_token


def test_unknown_expired_foreign_and_used_codes_look_the_same(world: World) -> None:
    """TK-2: one body for all."""
    ada, web, other = world.add_user(), world.add_client(), world.add_client("other")
    used_request, used = code_for(world, web, ada)
    web.redeem(used_request, used)
    foreign_request, foreign = code_for(world, web, ada)
    expired_request, expired = code_for(world, web, ada)
    bodies = [
        web.token(form_of(web, used_request, used)),
        other.token(form_of(other, foreign_request, foreign)),
        web.token(form_of(web, used_request, f"{'x' * 22}.{'y' * 43}")),
    ]
    world.clock.advance(seconds=61)
    bodies.append(web.token(form_of(web, expired_request, expired)))
    said = [{k: v for k, v in reply.json().items() if k != "reference"} for reply in bodies]
    assert all(words == said[0] for words in said)
    assert said[0]["error"] == "invalid_grant"
    assert {world.explain(reply.json()["reference"]).rule for reply in bodies} == {
        "code_spent",
        "code_client",
        "code_unknown",
    }


def test_a_verifier_where_no_challenge_was_stored_is_refused(world: World) -> None:
    """TK-4: and without it the code still works, for a client that may leave PKCE out."""
    ada, web = world.add_user(), world.add_client(pkce_optional=True)
    request, code = code_for(world, web, ada, code_challenge="", code_challenge_method="")
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.redeem(request, code)
    assert web.tokens(web.token(form_of(web, request, code, code_verifier="")), nonce=request.nonce)


def test_a_code_lives_a_minute(world: World) -> None:
    """AZ-17: 60 seconds."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    world.clock.advance(seconds=60)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.redeem(request, code)


@pytest.mark.parametrize("act", ["disable", "lock", "end session"])
def test_a_code_is_worth_nothing_once_its_person_or_session_has_ended(world: World, act: str) -> None:
    """TK-7, CVE-5: the issuing function looks at the live state."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    end(world, ada, act)
    with pytest.raises(OAuthError, match="invalid_grant"):
        web.redeem(request, code)


def end(world: World, person: Resident, act: str) -> None:
    from authserver.audit import SYSTEM  # noqa: PLC0415
    from authserver.sessions import ending, sso  # noqa: PLC0415
    from authserver.users import edit  # noqa: PLC0415

    with world.writing() as db:
        match act:
            case "disable":
                edit.disable(db, world.issuer, person.id, by=SYSTEM)
            case "lock":
                edit.lock(db, world.issuer, person.id, by=SYSTEM)
            case _:
                for session in sso.of_user(db, world.issuer, person.id, world.clock()):
                    ending.end(
                        db, world.issuer, session.id, reason="signed_out", by=SYSTEM, now=world.clock()
                    )


def test_the_token_endpoint_takes_only_forms(world: World) -> None:
    """TK-5, TK-6: POST, a form, the body alone, each field once; answers are JSON and not stored."""
    ada, web = world.add_user(), world.add_client()
    request, code = code_for(world, web, ada)
    form = form_of(web, request, code)
    _, headers = web.credentials()
    url = "/oauth/token"
    assert world.get(url).status == 405
    assert world.get(url).header("Allow") == "OPTIONS, POST"
    json_reply = world.send("POST", world.url + url, headers | {"Content-Type": "application/json"}, b"{}")
    in_query = world.post(f"{url}?code={code}", {k: v for k, v in form.items() if k != "code"}, headers)
    twice = world.post(url, [*form.items(), ("code", code)], headers)
    for reply in (json_reply, in_query, twice):
        assert (reply.status, reply.json()["error"]) == (400, "invalid_request")
        assert reply.header("Cache-Control") == "no-store"
    assert web.redeem(request, code).access_token


def test_grants_that_do_not_exist_here(world: World) -> None:
    """TK-9: password and implicit answer unsupported_grant_type."""
    web = world.add_client()
    for grant in ("password", "implicit", "urn:x", "Authorization_Code"):
        reply = web.token({"grant_type": grant, "username": "a", "password": "b"})
        assert (reply.status, reply.json()["error"]) == (400, "unsupported_grant_type")
    assert web.token({}).json()["error"] == "invalid_request"


@pytest.mark.parametrize("junk", ['https://x/"é', "\\", "\x7f", "💥", '"' * 50])
def test_what_was_sent_is_never_echoed(world: World, junk: str) -> None:
    """TK-12: error_description holds only what RFC 6749 allows."""
    web = world.add_client()
    forms: list[dict[str, str]] = [
        {"grant_type": junk},
        {"grant_type": "authorization_code", "code": junk, "redirect_uri": junk},
        {"grant_type": "refresh_token", "refresh_token": junk, "scope": junk},
    ]
    for form in forms:
        reply = web.token(form)
        assert reply.status == 400
        words = reply.json()["error_description"]
        assert junk not in words
        assert all(c == " " or ("\x21" <= c <= "\x7e" and c not in '"\\') for c in words)


def test_a_grant_type_must_be_the_clients(world: World) -> None:
    web = world.add_client(grant_types=["authorization_code"])
    with pytest.raises(OAuthError, match="unauthorized_client"):
        web.refresh("as_rt1_x")


def test_challenge_arithmetic_is_rfc7636s(world: World) -> None:
    """RFC 7636 appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def tokens_of(world: World, party: RelyingParty, person: Resident, **asked: str) -> Tokens:
    request, code = code_for(world, party, person, **asked)
    return party.redeem(request, code)
