"""Whether a provider works, before anybody depends on it: the real steps, and a whole sign-in that makes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from authserver.errors import Refusal
from authserver.upstream import trial
from authserver.upstream.contract import Passed
from tests.agent import Browser
from tests.flow.admin import admin
from tests.flow.login import count
from tests.flow.providers import add_provider, back, left
from tests.flow.world import World
from tests.peers.openid import SECRET, OpenId

TRIAL = "/login/upstream/there/trial"
Broken = dict[str, tuple[int, bytes]]


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    yield found
    found.close()


def boss(world: World) -> Browser:
    return world.signed_in(world.add_user("boss@example.org", role="owner"))


def begin(browser: Browser) -> dict[str, str]:
    return left(browser.submit(browser.open(TRIAL).page.form("Begin the trial")))


def test_a_trial_by_a_draft_shows_what_came_back_and_makes_nothing(world: World, there: OpenId) -> None:
    """AD-7, UP-7, UP-8: whom it names, how they proved it, and what each value would become here."""
    world.add_group("staff")
    rules = {"groups": {"uni": "staff"}, "mfa_amr": ["mfa"]}
    add_provider(world, there, status="draft", rules=rules)
    there.person |= {"email": "ada@uni.example", "email_verified": True, "groups": ["uni", "other"]}
    there.says(amr=["mfa", "otp"])
    browser = boss(world)
    visit = back(browser, there, begin(browser))
    words = visit.page.words
    for told in ("s1", "Ada Lovelace", "ada@uni.example", "e-mail, to be verified", "uni, other", "staff"):
        assert told in words, words
    assert "amr upstream otp mfa, acr mfa" in words or "amr upstream otp, acr mfa" in words, words
    assert "asked whether they are new" in words
    assert (count(world, "users"), count(world, "upstream_links"), count(world, "sso_sessions")) == (1, 0, 1)
    assert "There" not in world.browser().open("/login").page.words, "a draft is for nobody else"
    assert "Begin the trial" in browser.open(visit.url).page.words, "it is shown once"


def test_a_trial_that_would_let_nobody_in_says_why_to_the_admin(world: World, there: OpenId) -> None:
    """AD-7: the rule and what was found, where other people read a sentence."""
    add_provider(world, there, status="draft")
    there.says(aud="another")
    browser = boss(world)
    visit = back(browser, there, begin(browser))
    assert "It would have let nobody in" in visit.page.words
    assert "id_token.aud" in visit.page.words


def test_a_trial_is_for_admins_and_for_the_browser_that_began_it(world: World, there: OpenId) -> None:
    """AD-1, UP-3: what came back is shown to nobody else, and signs nobody in."""
    add_provider(world, there, status="draft")
    browser = boss(world)
    asked = begin(browser)
    other = world.signed_in(world.add_user("admin@example.org", role="admin"))
    assert "s1" not in back(other, there, asked).page.words
    eve = world.signed_in(world.add_user("eve@example.org"))
    assert eve.open(TRIAL).status == 404
    stranger = world.browser()
    assert stranger.open(TRIAL).page.heading.startswith("Sign in")
    visit = back(browser, there, asked)
    assert eve.open(visit.url).status == 404
    world.clock.advance(minutes=6)
    assert "needs a fresh sign-in" in browser.open(TRIAL).page.words, (
        "it asks for a fresh sign-in, as every change does"
    )


def test_a_draft_takes_nobody_in_by_a_trials_answer(world: World, there: OpenId) -> None:
    """UP-6: what was proved for a trial is no arrival of a login."""
    add_provider(world, there, status="draft")
    browser = boss(world)
    visit = back(browser, there, begin(browser))
    tx = visit.url.partition("tx=")[2]
    visit = browser.open(f"/login/arrival?tx={tx}")
    assert "New here" not in visit.page.heading
    assert count(world, "upstream_links") == 0


def steps(world: World, there: OpenId, **changed: Any) -> list[trial.Step]:
    provider = add_provider(world, there, status="draft", config=changed)
    return list(trial.steps(world.issuer, provider))


def test_the_steps_of_a_test_are_those_of_a_sign_in(world: World, there: OpenId) -> None:
    """AD-7, OI-3: metadata, keys, and whether it knows us; by the admin API, audited, and no secret in it."""
    add_provider(world, there, status="draft")
    reply = admin(world).post("/providers/there/test")
    found = reply.json()
    assert found["passed"] is True
    assert [step["title"] for step in found["steps"]] == ["Its metadata", "Its keys", "Its token endpoint"]
    assert found["trial"] == f"{world.url}{TRIAL}"
    assert SECRET not in reply.text
    (event,) = world.events("provider_tested")
    assert event.data == {"provider": "there", "passed": True}
    assert there.posted[-1]["code"] == "authserver-test"


# (id, what is broken there, what is set wrong here, the step that fails, what to do)
STEPS: list[tuple[str, Broken, dict[str, Any], str, str]] = [
    ("no-metadata", {"/.well-known/openid-configuration": (404, b"{}")}, {}, "Its metadata", "Compare the issuer"),
    ("another-issuer", {"/.well-known/openid-configuration": (200, b'{"issuer": "https://evil.example"}')}, {},
     "Its metadata", "Compare the issuer"),
    ("html", {"/.well-known/openid-configuration": (200, b"<html>")}, {}, "Its metadata", "Compare the issuer"),
    ("no-keys", {"/jwks": (200, b'{"keys": []}')}, {}, "Its keys", "must publish keys"),
    ("keys-for-another-alg", {}, {"algs": ["EdDSA"]}, "Its keys", "Set algs"),
    ("we-are-unknown", {"/token": (401, b'{"error": "invalid_client"}')}, {}, "Its token endpoint", "client_secret"),
    ("it-is-broken", {"/token": (200, b"<html>")}, {}, "Its token endpoint", "firewall"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "changed", "title", "remedy"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS]
)
def test_a_step_that_fails_is_the_last_and_says_what_to_fix(
    world: World, there: OpenId, broken: Broken, changed: dict[str, Any], title: str, remedy: str
) -> None:
    """AD-7."""
    there.broken = broken
    last = steps(world, there, **changed)[-1]
    assert (last.title, last.passed) == (title, Passed.NO)
    assert remedy in last.remedy
    assert SECRET not in repr(last)


def test_an_address_that_is_not_registered_there_is_a_warning(world: World, there: OpenId) -> None:
    there.broken = {"/token": (400, b'{"error": "redirect_uri_mismatch"}')}
    last = steps(world, there)[-1]
    assert (last.passed, "login/upstream/there/callback" in last.remedy) == (Passed.WARNED, True)


def test_secrets_go_only_where_they_were_meant_for(world: World, there: OpenId) -> None:
    """AD-6: whoever moves the issuer enters the secret again; a title is changed without it."""
    add_provider(world, there)
    owner = admin(world)
    moved = owner.patch("/providers/there", {"config": {"issuer": "https://evil.example"}})
    assert moved.status == 422
    assert "config.client_secret" in moved.text
    assert owner.patch("/providers/there", {"title": "Renamed"}).status == 200
    given = {"config": {"issuer": "https://other.example", "client_secret": "a new one"}}
    reply = owner.patch("/providers/there", given)
    assert reply.status == 200
    assert reply.json()["config"]["client_secret"] == {"set": True}
    assert "a new one" not in reply.text


@pytest.mark.parametrize(
    "issuer", ["https://10.0.0.1", "https://169.254.169.254", "https://[::1]", "http://example.org"]
)
def test_an_address_that_leads_inside_is_not_even_saved(world: World, issuer: str) -> None:
    """OI-3, AD-7, CVE-19: whose name leads there is stopped when it is asked (clients/test_remote.py)."""
    config = {"issuer": issuer, "client_id": "us", "client_secret": "x"}
    with pytest.raises(Refusal) as refused:
        add_provider(world, None, "inside", status="draft", config=config)
    assert "config.issuer" in refused.value.fields
