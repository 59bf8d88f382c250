"""What comes back from a provider is believed for the browser, the sign-in and the client that it was made for."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.flow.login import count, rows
from tests.flow.providers import add_provider, back, leave, press
from tests.flow.world import World
from tests.peers.openid import OpenId, unsigned, with_hmac
from tests.unit.jose.forge import pair

Tamper = Callable[[OpenId], None]


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    yield found
    found.close()


def claims(**changed: Any) -> Tamper:
    return lambda there: there.says(**changed)


def later(name: str, by: int) -> Tamper:
    return lambda there: there.says(**{name: int(there.now()) + by})


def forged(make: Any) -> Tamper:
    def tamper(there: OpenId) -> None:
        there.forged = make

    return tamper


def signed(alg: str = "RS256", which: int = 0, **header: Any) -> Tamper:
    def tamper(there: OpenId) -> None:
        there.by, there.header = pair(alg, which), header

    return tamper


def answers(path: str, status: int, body: Any) -> Tamper:
    def tamper(there: OpenId) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        there.broken = {path: (status, raw)}

    return tamper


PUBLIC = json.dumps(pair("RS256").jwk()).encode()
# (id, what is wrong, the rule that is told to admins)
TOKENS: list[tuple[str, Tamper, str]] = [
    ("alg-none", forged(unsigned()), "id_token.alg"),
    ("alg-none-spelled-otherwise", forged(unsigned("nOnE")), "id_token.alg"),
    ("alg-none-without-signature", forged(unsigned(signature="")), "id_token.base64url"),
    ("hmac-with-the-public-key", forged(with_hmac(PUBLIC)), "id_token.alg"),
    ("hmac-with-the-client-secret", forged(with_hmac(b"between the two of us")), "id_token.alg"),
    ("another-key", signed(which=1, kid=pair("RS256").kid), "id_token.signature"),
    ("an-alg-that-is-not-listed", signed("EdDSA"), "id_token.alg"),
    ("a-key-that-nobody-published", signed(which=1), "id_token.key"),
    ("crit", signed(crit=["b64"]), "id_token.crit"),
    ("typ-of-an-access-token", signed(typ="at+jwt"), "id_token.typ"),
    ("another-issuer", claims(iss="https://evil.example"), "id_token.iss"),
    ("issuer-with-a-slash", lambda there: there.says(iss=f"{there.url}/"), "id_token.iss"),
    ("no-issuer", claims(iss=None), "id_token.missing"),
    ("another-audience", claims(aud="another"), "id_token.aud"),
    ("audiences-without-us", claims(aud=["a", "b"]), "id_token.aud"),
    ("several-audiences-without-azp", claims(aud=["us", "other"]), "id_token.azp"),
    ("foreign-azp", claims(azp="other"), "id_token.azp"),
    ("several-audiences-foreign-azp", claims(aud=["us", "other"], azp="other"), "id_token.azp"),
    ("no-audience", claims(aud=None), "id_token.missing"),
    ("old-nonce", claims(nonce="of-another-sign-in"), "id_token.nonce"),
    ("no-nonce", claims(nonce=None), "id_token.missing"),
    ("nonce-in-a-list", claims(nonce=["x"]), "id_token.nonce"),
    ("expired", later("exp", -61), "id_token.exp"),
    ("no-exp", claims(exp=None), "id_token.missing"),
    ("exp-is-text", claims(exp="soon"), "id_token.exp"),
    ("no-iat", claims(iat=None), "id_token.missing"),
    ("iat-in-the-future", later("iat", 120), "id_token.iat"),
    ("iat-long-ago", later("iat", -3600), "id_token.iat"),
    ("not-yet-valid", later("nbf", 120), "id_token.nbf"),
    ("no-subject", claims(sub=None), "id_token.missing"),
    ("subject-too-long", claims(sub="x" * 256), "id_token.sub"),
    ("subject-is-a-number", claims(sub=5), "id_token.sub"),
    ("subject-with-a-newline", claims(sub="a\nb"), "upstream.subject"),
    ("subject-not-ascii", claims(sub="\u00e9"), "id_token.sub"),
    ("no-token", answers("/token", 200, {"access_token": "x"}), "oidc.id_token"),
    ("token-is-a-number", answers("/token", 200, {"id_token": 5}), "oidc.id_token"),
    ("token-is-no-jwt", answers("/token", 200, {"id_token": "a.b"}), "id_token.segments"),
    ("encrypted", answers("/token", 200, {"id_token": "a.b.c.d.e"}), "id_token.segments"),
    ("html", answers("/token", 200, b"<html>"), "oidc.json"),
    ("the-code-was-refused", answers("/token", 400, {"error": "invalid_grant"}), "oidc.token"),
    ("we-are-unknown", answers("/token", 401, {"error": "invalid_client"}), "oidc.token"),
    ("no-keys", answers("/jwks", 200, {"keys": []}), "oidc.keys"),
    ("a-private-key", answers("/jwks", 200, {"keys": [{"kty": "oct", "k": "AAAA"}]}), "oidc.keys"),
    ("keys-are-a-list", answers("/jwks", 200, []), "oidc.metadata"),
]


@pytest.mark.parametrize(("tamper", "rule"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_an_id_token_that_is_not_for_this_sign_in_lets_nobody_in(
    world: World, there: OpenId, tamper: Tamper, rule: str
) -> None:
    """OI-1, CVE-18: and the page says what helps, with another way in."""
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    tamper(there)
    visit = back(browser, there, asked)
    assert visit.status == 200
    assert "cannot be trusted" in visit.page.words, visit.page.words
    assert "Password" in visit.page.words
    (event,) = world.events("provider_refused")
    assert event.data["reason"] == rule, event.data
    assert count(world, "users") == count(world, "upstream_links") == count(world, "sso_sessions") == 0


def test_an_honest_token_with_several_audiences_is_taken(world: World, there: OpenId) -> None:
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    there.says(aud=["us", "other"], azp="us")
    there.header = {"typ": None, "kid": None}
    assert "New here" in back(browser, there, asked).page.heading


ANSWERS: list[tuple[str, dict[str, str | None], str, str]] = [
    ("the-person-said-no", {"code": None, "error": "access_denied"}, "cancelled", "upstream.declined"),
    ("an-error-with-a-code", {"error": "server_error"}, "cancelled", "upstream.declined"),
    ("no-code", {"code": None}, "cancelled", "upstream.empty"),
    ("another-issuer-answers", {"iss": "https://evil.example"}, "cannot be trusted", "oidc.iss"),
    ("a-foreign-code", {"code": "of-somebody-else"}, "cannot be trusted", "oidc.token"),
]


@pytest.mark.parametrize(
    ("changed", "words", "rule"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_an_answer_that_is_none_leads_back_with_a_sentence(
    world: World, there: OpenId, changed: dict[str, str | None], words: str, rule: str
) -> None:
    """OI-2, OI-5: the request that waited is kept."""
    add_provider(world, there)
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    request = web.begin()
    browser.open(request.url, initiator=web.redirect_uri)
    visit = back(browser, there, leave(browser), **changed)
    assert words in visit.page.words
    (event,) = world.events("provider_refused")
    assert event.data["reason"] == rule
    visit = back(browser, there, leave(browser))
    assert "New here" in visit.page.heading
    assert "Web" in visit.page.words, "it is still the app's request"


def test_an_answer_behind_a_hash_looks_empty_and_keeps_the_request(world: World, there: OpenId) -> None:
    """OI-5: a callback with an empty query."""
    add_provider(world, there)
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    browser.open(web.begin().url, initiator=web.redirect_uri)
    leave(browser)
    visit = browser.open("/login/upstream/there/callback", initiator=there.url)
    assert "was cancelled" in visit.page.words
    assert "Web" in visit.page.heading
    assert "New here" in back(browser, there, leave(browser)).page.heading


def test_the_issuer_is_required_where_the_metadata_promises_it(world: World, there: OpenId) -> None:
    """OI-2, RFC 9207 section 2.4."""
    there.metadata = {"authorization_response_iss_parameter_supported": True}
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    assert "cannot be trusted" in back(browser, there, leave(browser)).page.words
    assert "New here" in back(browser, there, leave(browser), iss=there.url).page.heading


def test_another_browser_gets_nothing_of_a_sign_in_under_way(world: World, there: OpenId) -> None:
    """UP-3, CVE-17, CVE-21: the address alone is worth nothing elsewhere, and stays good where it began."""
    add_provider(world, there)
    browser, thief = world.browser(), world.browser()
    browser.open("/login")
    asked = leave(browser)
    thief.open("/login")
    visit = back(thief, there, asked)
    assert "began in another browser" in visit.page.words
    assert there.asked["/token"] == 0
    there.person["name"] = "Victim"
    assert "New here" in back(browser, there, asked).page.heading
    arrival = browser.at.url if browser.at else ""
    assert "New here" not in thief.open(arrival).page.heading


def test_a_person_is_not_signed_in_by_somebody_elses_answer(world: World, there: OpenId) -> None:
    """UP-3: forced sign-in. The attacker's own answer, opened in the victim's browser."""
    add_provider(world, there)
    attacker, victim = world.browser(), world.browser()
    attacker.open("/login")
    asked = leave(attacker)
    victim.open("/login")
    leave(victim)
    visit = back(victim, there, asked)
    assert "began in another browser" in visit.page.words
    assert count(world, "sso_sessions") == 0


def test_an_answer_is_good_once(world: World, there: OpenId) -> None:
    """UP-3, CVE-17: played again it opens nothing, also not with a new code."""
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    back(browser, there, asked)
    press(browser, "Make my account")
    browser.open("/logout")
    press(browser, "Sign out")
    visit = back(browser, there, asked)
    assert "began in another browser" in visit.page.words or "used already" in visit.page.words
    assert count(world, "sso_sessions", "ended_at IS NULL") == 0
    assert there.asked["/token"] == 1


def test_an_answer_is_good_for_ten_minutes(world: World, there: OpenId) -> None:
    """UP-3."""
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    world.clock.advance(minutes=10, seconds=1)
    assert "took too long" in back(browser, there, asked).page.words


def test_providers_are_not_mixed_up(world: World, there: OpenId) -> None:
    """UP-4: what one sends to the other's address is worth nothing, and its code goes nowhere."""
    evil = OpenId.on_loopback(world.clock.now)
    try:
        add_provider(world, there)
        add_provider(world, evil, "evil")
        browser = world.browser()
        browser.open("/login")
        asked = leave(browser, "There")
        asked["redirect_uri"] = asked["redirect_uri"].replace("/there/", "/evil/")
        visit = back(browser, there, asked)
        # The browser itself keeps the cookies of one way from the other.
        assert "began in another browser" in visit.page.words
        jar = browser.jar
        for key, cookie in list(jar.cookies.items()):
            if cookie.name == "as_return":
                jar.cookies[(key[0], "/", key[2])] = type(cookie)(
                    **{name: getattr(cookie, name) for name in cookie.__slots__} | {"path": "/"}
                )
        visit = back(browser, there, asked)
        assert "cannot be trusted" in visit.page.words
        assert {event.data["reason"] for event in world.events("provider_refused")} >= {"upstream.mixed_up"}
        assert evil.asked["/token"] == there.asked["/token"] == 0
    finally:
        evil.close()


def test_a_flood_of_unknown_keys_asks_the_provider_nothing_more(world: World, there: OpenId) -> None:
    """OI-3: one look at its keys in half a minute, whatever is brought."""
    add_provider(world, there)
    there.header = {"kid": "nobody"}
    for _ in range(8):
        browser = world.browser()
        browser.open("/login")
        assert "cannot be trusted" in back(browser, there, leave(browser)).page.words
    assert there.asked["/jwks"] <= 2
    assert there.asked["/.well-known/openid-configuration"] == 1


def test_parameters_that_come_twice_do_not_count(world: World, there: OpenId) -> None:
    add_provider(world, there)
    browser = world.browser()
    browser.open("/login")
    asked = leave(browser)
    url = f"{asked['redirect_uri']}?state={asked['state']}&code=a&code=b"
    assert "was cancelled" in browser.open(url, initiator=there.url).page.words
    assert there.asked["/token"] == 0


def test_what_a_provider_says_is_shown_as_text(world: World, there: OpenId) -> None:
    """OI-7: mark-up, control characters and endless names."""
    add_provider(world, there)
    there.person |= {"name": "<script>alert(1)</script>\x1b[31m" + "x" * 5000, "email": "a\u2028@b"}
    browser = world.browser()
    browser.open("/login")
    visit = back(browser, there, leave(browser))
    assert "<script>alert" not in visit.reply.text
    assert "\x1b" not in visit.reply.text
    press(browser, "Make my account", {"email": ""})
    ((name,),) = rows(world, "SELECT name FROM users")
    assert len(name) <= 255
    assert "\x1b" not in name
