"""The authorization endpoint as browsers and apps meet it."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from authserver.apis import edit as apis
from authserver.audit import SYSTEM
from authserver.authentication import Level
from authserver.clients import edit as clients
from authserver.groups import edit as groups
from authserver.store import Hot, Session
from authserver.users import edit as users
from tests.agent import Browser, Visit, query_of
from tests.flow.taps import RIGHT, given_to
from tests.flow.world import CALLBACK, Resident, World
from tests.oidc import OAuthError, RelyingParty, Request, answer_pages, sign_in

APP = "https://app.example"


def visit(browser: Browser, party: RelyingParty, **asked: str) -> tuple[Request, Visit]:
    request = party.begin(**asked)
    return request, browser.open(request.url, initiator=APP)


def signed_in(world: World, person: Resident, party: RelyingParty) -> Browser:
    """A browser in which this person is signed in, by way of this app."""
    browser = world.browser()
    sign_in(browser, party, person)
    return browser


def silently(browser: Browser, party: RelyingParty, **asked: str) -> str:
    """What prompt=none gives: "code", or the error."""
    request, there = visit(browser, party, prompt="none", **asked)
    assert there.left_for, f"a page was shown: {there.page.words[:300]}"
    try:
        party.returned(request, there.left_for)
    except OAuthError as error:
        return error.error
    return "code"


# The way through


def test_the_app_gets_a_code_once_somebody_has_signed_in(world: World) -> None:
    """AZ-7: every success carries the issuer that discovery names."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    tokens = sign_in(world.browser(), web, ada, state='"<&%é+')
    assert tokens.claims["sub"] == ada.subject
    assert [event.client for event in world.events("grant_made")] == ["web"]


def test_somebody_signed_in_is_sent_back_at_once(world: World) -> None:
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    request, there = visit(browser, web)
    assert len(there.trail) == 1
    assert there.status == 303
    assert there.reply.header("Cache-Control") == "no-store"
    assert there.reply.header("Referrer-Policy") == "no-referrer"
    assert web.returned(request, there.left_for or "")["code"]


def test_the_way_of_somebody_signed_in_is_short(world: World) -> None:
    """The hot path: session and person; then grant, audit, code and app in one writing transaction."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    request = web.begin()
    with world.statements(6):
        there = browser.open(request.url, initiator=APP)
    assert there.left_for


def test_a_deep_link_survives_signing_in(world: World) -> None:
    """SS-10: every parameter comes out as it went in, and the state byte for byte."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    redirect = f"{CALLBACK}?lesson=7&at=%7E"
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"redirect_uris": [redirect]}, by=SYSTEM)
    browser = world.browser()
    _, there = visit(browser, web, redirect_uri=redirect, state='deep/"<&%é+ link')
    there = answer_pages(browser, there, ada)
    assert (there.left_for or "").startswith(f"{redirect}&code=")
    assert query_of(there.left_for or "")["state"] == 'deep/"<&%é+ link'


def test_form_post_brings_the_answer_in_a_form_of_its_own(world: World) -> None:
    """AZ-8, AZ-9: fields are escaped for HTML and nothing else; the page may post to the app's origin only."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    _, there = visit(browser, web, response_mode="form_post", state='"<&%é+')
    assert there.status == 200
    form = there.page.forms[0]
    assert (form.method, form.action) == ("POST", CALLBACK)
    fields = dict(form.fields(None, form.buttons[0]))
    assert fields["state"] == '"<&%é+'
    assert fields["iss"] == world.url
    policy = there.reply.header("Content-Security-Policy") or ""
    assert f"form-action 'self' {APP}" in policy
    assert "unsafe-inline" not in policy
    assert there.reply.header("Cache-Control") == "no-store"


def test_an_error_is_posted_where_form_post_was_asked_for(world: World) -> None:
    """AZ-7, AZ-9."""
    world.add_user()
    web = world.add_client(first_party=True)
    _, there = visit(world.browser(), web, response_mode="form_post", prompt="none")
    fields = dict(there.page.forms[0].fields())
    assert (fields["error"], fields["iss"]) == ("login_required", world.url)


def test_a_form_from_another_site_gives_what_a_link_gives(world: World) -> None:
    """AZ-5: it comes without our cookies, so it is sealed and asked again where they come along."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    before = browser.jar.get("as_browser")
    request = web.begin(state='"<&%é+')
    there = browser.post_from("/oauth/authorize", query_of(request.url), APP)
    assert [reply.status for reply in there.trail] == [303, 303]
    assert web.returned(request, there.left_for or "")["code"]
    assert browser.jar.get("as_browser") == before


def test_what_was_posted_is_not_read_from_the_address_too(world: World) -> None:
    """AZ-5."""
    web = world.add_client(first_party=True)
    fields = query_of(web.begin().url)
    there = world.browser().post_from(f"/oauth/authorize?state={'x' * 9}", fields, APP)
    assert there.status == 400
    assert there.left_for is None


def test_what_was_posted_lasts_half_an_hour(world: World) -> None:
    """AZ-14."""
    web = world.add_client(first_party=True)
    browser = world.browser()
    posted = browser.post_from("/oauth/authorize", query_of(web.begin().url), APP).trail[0].location or ""
    world.clock.advance(minutes=31)
    for url in (posted, f"{posted}x"):
        there = browser.open(url)
        assert (there.left_for, len(there.trail), there.page.forms) == (None, 1, [])


# Refusals that stay here


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"client_id": "nobody"}, "client_id.unknown"),
        ({"client_id": ""}, "client_id.missing"),
        ({"client_id": "we\u2028b"}, "client_id.unknown"),
        ({"redirect_uri": ""}, "redirect_uri.missing"),
        ({"redirect_uri": f"{CALLBACK}/"}, "redirect_uri.unregistered"),
        ({"redirect_uri": "https://evil.example/callback"}, "redirect_uri.unregistered"),
        ({"redirect_uri": f"{CALLBACK}?code=mine"}, "redirect_uri.unregistered"),
        ({"redirect_uri": f"{CALLBACK}#error=x"}, "redirect_uri.unregistered"),
        ({"redirect_uri": 'https://x/"é'}, "redirect_uri.unregistered"),
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_proved(
    world: World, changed: dict[str, str], rule: str
) -> None:
    """AZ-1, AZ-2, CVE-8, CVE-9, TK-12: a page with a reference, and the address never as a link."""
    web = world.add_client(first_party=True)
    _, there = visit(world.browser(), web, **changed)
    assert (there.status, there.left_for) == (400, None)
    assert {urlsplit(link.to).hostname for link in there.page.links} <= {None, "localhost"}
    explained = world.explain(reference_on(there))
    assert explained.rule == rule


def test_explain_says_what_a_near_miss_differs_in(world: World) -> None:
    """The reference on the page leads to the step, the rule, the value and the nearest match."""
    web = world.add_client(first_party=True)
    _, there = visit(world.browser(), web, redirect_uri=f"{CALLBACK}/")
    explained = world.explain(reference_on(there))
    assert explained.value == f"{CALLBACK}/"
    assert explained.client == "web"
    assert "differs in the trailing slash" in (explained.nearest or "")


def test_a_disabled_client_is_not_known(world: World) -> None:
    """AZ-2."""
    web = world.add_client(first_party=True)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"active": False}, by=SYSTEM)
    _, there = visit(world.browser(), web)
    assert (there.status, there.left_for) == (400, None)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_what_proves_the_app_comes_once(world: World, name: str) -> None:
    """AZ-5."""
    web = world.add_client(first_party=True)
    url = web.begin().url
    there = world.browser().open(f"{url}&{urlencode({name: query_of(url)[name]})}", initiator=APP)
    assert (there.status, there.left_for) == (400, None)


def reference_on(there: Visit) -> str:
    """The reference that the page shows."""
    words = there.page.words.split()
    return words[words.index("Reference") + 1]


# Refusals that travel


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "openid phone"}, "invalid_scope"),
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"id_token_hint": "x.y.z"}, "invalid_request"),
        ({"request": "e30."}, "request_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_to_the_app(world: World, changed: dict[str, str], error: str) -> None:
    """AZ-3, AZ-6, AZ-7, AZ-8, AZ-13, AZ-18: with state, issuer, and a reference that explains."""
    web = world.add_client(first_party=True)
    request, there = visit(world.browser(), web, state='"<&%é+', **changed)
    assert there.left_for
    with pytest.raises(OAuthError) as caught:
        web.returned(request, there.left_for)
    assert caught.value.error == error
    reference = caught.value.description.rpartition("(reference ")[2].removesuffix(")")
    assert world.explain(reference).client == "web"


@pytest.mark.parametrize("name", ["state", "scope", "nonce", "code_challenge", "x"])
def test_a_parameter_that_comes_twice_is_refused(world: World, name: str) -> None:
    """AZ-5: a repeated state is not returned, since nobody knows which was meant."""
    web = world.add_client(first_party=True)
    url = f"{web.begin().url}&{urlencode([(name, 'a'), (name, 'b')])}"
    there = world.browser().open(url, initiator=APP)
    answer = dict(parse_qsl(urlsplit(there.left_for or "").query))
    assert answer["error"] == "invalid_request"
    assert ("state" in answer) is (name != "state")


# prompt, max_age, hints


def test_silence_says_what_it_would_have_asked(world: World) -> None:
    """AZ-10: never a page; login, consent, step-up, account, groups each have their error."""
    ada = world.add_user()
    house = world.add_client("house", first_party=True)
    third = world.add_client("third")
    strict = world.add_client("strict", first_party=True, required_acr="mfa")
    closed = world.add_client("closed", first_party=True, allowed_groups=[])
    assert silently(world.browser(), house) == "login_required"
    browser = signed_in(world, ada, house)
    assert silently(browser, house) == "code"
    assert silently(browser, third) == "consent_required"
    assert silently(browser, strict) == "unmet_authentication_requirements"
    assert silently(browser, closed) == "access_denied"
    given_to(world, ada)
    assert silently(browser, strict) == "interaction_required"
    world.clock.advance(seconds=61)
    assert silently(browser, house, max_age="60") == "login_required"


def test_an_app_that_asks_in_silence_keeps_nobody_signed_in(world: World) -> None:
    """SS-2: background calls are not input."""
    ada, house = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, house)
    for _ in range(9):
        world.clock.advance(minutes=1)
        assert silently(browser, house) == "code"
    world.clock.advance(minutes=1, seconds=1)
    assert silently(browser, house) == "login_required"


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "59"}])
def test_whoever_must_sign_in_again_does_and_the_token_says_so(world: World, asked: dict[str, str]) -> None:
    """AZ-11, AZ-12: a session is not enough, and auth_time is new."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    first = sign_in(browser, web, ada)
    world.clock.advance(seconds=60)
    request, there = visit(browser, web, **asked)
    assert there.left_for is None
    assert any(form.has("password") for form in there.page.forms)
    there = answer_pages(browser, there, ada)
    tokens = web.redeem(request, web.returned(request, there.left_for or "")["code"])
    assert tokens.claims["auth_time"] == first.claims["auth_time"] + 60
    assert tokens.claims["sid"] == first.claims["sid"]


def test_a_max_age_that_is_met_asks_nothing(world: World) -> None:
    """AZ-12."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    world.clock.advance(seconds=60)
    _, there = visit(browser, web, max_age="60")
    assert there.left_for


def test_a_client_may_have_a_max_age_of_its_own(world: World) -> None:
    """AZ-12."""
    ada = world.add_user()
    house = world.add_client("house", first_party=True)
    strict = world.add_client("strict", first_party=True, default_max_age=30)
    browser = signed_in(world, ada, house)
    world.clock.advance(seconds=31)
    _, there = visit(browser, strict)
    assert there.left_for is None


def test_an_old_sign_in_page_does_not_count_for_a_new_request(world: World) -> None:
    """AZ-11: only a proof made for this request meets prompt=login; that of another tab does not."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    world.clock.advance(seconds=5)
    _, asked = visit(browser, web, prompt="login")
    sign_in(browser, web, ada, prompt="login")
    there = browser.open(asked.url)
    assert there.left_for is None
    assert any(form.has("password") for form in there.page.forms)


def test_the_chooser_goes_on_as_who_is_signed_in(world: World) -> None:
    """AZ-11: prompt=select_account asks, and a choice is enough."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    request, there = visit(browser, web, prompt="select_account")
    assert there.left_for is None
    assert ada.email in there.page.words
    form = next(form for form in there.page.forms if any(b.value == "continue" for b in form.buttons))
    button = next(button for button in form.buttons if button.value == "continue")
    there = browser.submit(form, button=button)
    tokens = web.redeem(request, web.returned(request, there.left_for or "")["code"])
    assert tokens.claims["sub"] == ada.subject


def test_the_chooser_lets_somebody_else_sign_in(world: World) -> None:
    """AZ-11, SS-9: the session is replaced, and nothing of the other person is left."""
    ada, bob = world.add_user(), world.add_user("bob@example.org", name="Bob")
    web = world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    request, there = visit(browser, web, prompt="select_account")
    form = next(form for form in there.page.forms if any(b.value == "other" for b in form.buttons))
    there = browser.submit(form, button=next(b for b in form.buttons if b.value == "other"))
    there = answer_pages(browser, there, bob)
    tokens = web.redeem(request, web.returned(request, there.left_for or "")["code"])
    assert tokens.claims["sub"] == bob.subject


def test_a_hint_of_another_person_asks_for_that_person(world: World) -> None:
    """SS-9: an ID token that names somebody else is never answered with whoever is there."""
    ada, bob = world.add_user(), world.add_user("bob@example.org", name="Bob")
    web = world.add_client(first_party=True)
    tokens = sign_in(world.browser(), web, bob)
    hint = tokens.id_token or ""
    browser = signed_in(world, ada, web)
    assert silently(browser, web, id_token_hint=hint) == "login_required"
    request, there = visit(browser, web, id_token_hint=hint)
    there = answer_pages(browser, there, ada)
    with pytest.raises(OAuthError, match="login_required"):
        web.returned(request, there.left_for or "")
    request, there = visit(browser, web, id_token_hint=hint)
    there = answer_pages(browser, there, bob)
    assert web.returned(request, there.left_for or "")["code"]


def test_a_hint_of_this_person_changes_nothing(world: World) -> None:
    """SS-9: also when its token expired long ago."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    hint = sign_in(browser, web, ada).id_token or ""
    world.clock.advance(minutes=9)
    assert silently(browser, web, id_token_hint=hint) == "code"


def test_an_access_token_is_no_hint(world: World) -> None:
    """LO-3, JOSE-1."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    tokens = sign_in(browser, web, ada)
    assert silently(browser, web, id_token_hint=tokens.access_token) == "invalid_request"


def test_a_hint_for_another_app_is_refused(world: World) -> None:
    """LO-3."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    other = world.add_client("other", first_party=True)
    browser = world.browser()
    tokens = sign_in(browser, web, ada)
    assert silently(browser, other, id_token_hint=tokens.id_token or "") == "invalid_request"


# Levels


def test_a_stronger_app_asks_for_the_missing_proof_alone(world: World) -> None:
    """SU-3, SU-4, SU-6: one more proof in the same session; auth_time stays."""
    ada = world.add_user()
    house = world.add_client("house", first_party=True)
    strict = world.add_client("strict", first_party=True, required_acr="mfa")
    browser = world.browser()
    first = sign_in(browser, house, ada)
    given_to(world, ada)
    world.clock.advance(seconds=30)
    request, there = visit(browser, strict)
    assert not any(form.has("password") for form in there.page.forms)
    there = tap(browser, there)
    tokens = strict.redeem(request, strict.returned(request, there.left_for or "")["code"])
    assert tokens.claims["acr"] == Level.MFA.acr
    assert {"pwd", "hwk", "mfa"} == set(tokens.claims["amr"])
    assert tokens.claims["auth_time"] == first.claims["auth_time"]
    assert tokens.claims["sid"] == first.claims["sid"]


@pytest.mark.parametrize(
    "asked",
    [
        {"acr_values": "phr mfa"},
        {"claims": '{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}'},
    ],
)
def test_a_level_that_is_asked_for_is_proved_in_one_go(world: World, asked: dict[str, str]) -> None:
    """SU-3, ID-8."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    given_to(world, ada)
    browser = world.browser()
    request, there = visit(browser, web, **asked)
    there = tap(browser, answer_pages(browser, there, ada))
    tokens = web.redeem(request, web.returned(request, there.left_for or "")["code"])
    assert tokens.claims["acr"] == "mfa"


@pytest.mark.parametrize(
    "asked",
    [
        {"acr_values": "mfa"},
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"mfa"}}}'},
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"urn:unknown"}}}'},
    ],
)
def test_a_level_that_nobody_here_can_prove_is_refused(world: World, asked: dict[str, str]) -> None:
    """SU-3: rather than a token that says less than was asked for."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    request, there = visit(browser, web, **asked)
    there = answer_pages(browser, there, ada)
    with pytest.raises(OAuthError, match="unmet_authentication_requirements"):
        web.returned(request, there.left_for or "")


def test_unknown_levels_are_passed_over(world: World) -> None:
    """SU-3."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    assert sign_in(world.browser(), web, ada, acr_values="urn:unknown").claims["acr"] == "pwd"


def test_a_step_up_keeps_what_was_chosen_before_it(world: World) -> None:
    """SU-3, AZ-11: nobody is asked the same twice for one request."""
    ada = world.add_user()
    house = world.add_client("house", first_party=True)
    strict = world.add_client("strict", first_party=True, required_acr="mfa")
    browser = signed_in(world, ada, house)
    given_to(world, ada)
    request, there = visit(browser, strict, prompt="select_account")
    form = next(form for form in there.page.forms if any(b.value == "continue" for b in form.buttons))
    there = browser.submit(form, button=next(b for b in form.buttons if b.value == "continue"))
    there = tap(browser, there)
    assert strict.returned(request, there.left_for or "")["code"]


def tap(browser: Browser, there: Visit) -> Visit:
    """Answer the page of the second factor."""
    assert there.left_for is None, there.left_for
    form = next(form for form in there.page.forms if any(entry.name == "code" for entry in form.inputs))
    return browser.submit(form, {"code": RIGHT})


# Who may, and what


def test_somebody_who_may_not_use_an_app_reads_whom_to_ask(world: World) -> None:
    ada = world.add_user()
    closed = world.add_client("closed", first_party=True, allowed_groups=[], contact="head@school.example")
    browser = world.browser()
    _, there = visit(browser, closed)
    there = answer_pages(browser, there, ada)
    assert (there.status, there.left_for) == (403, None)
    assert "head@school.example" in there.reply.text
    assert world.explain(reference_on(there)).rule == "groups"
    assert not world.events("grant_made")


def test_a_token_carries_what_app_and_person_both_may_have(world: World) -> None:
    """AZ-13, TK-11: what was left out is explained, and the granted scope is told."""
    ada = world.add_user()
    with world.writing() as db:
        add_api(world, db)
    web = world.add_client(
        first_party=True, scope="openid notes:read notes:grade", resources=["https://notes.example"]
    )
    tokens = sign_in(world.browser(), web, ada, resource="https://notes.example")
    assert tokens.scope.split() == ["openid", "notes:read"]
    assert web.verify_access_token(tokens.access_token, "https://notes.example")["scope"] == tokens.scope
    world.issuer.refusals.flush()
    with world.reading() as db:
        assert db.one(Hot("SELECT detail FROM refusals WHERE rule = 'scope.groups'"), {}) is not None


def add_api(world: World, db: Session) -> None:
    """An API with a scope for everybody, and one for teachers."""
    groups.add(db, world.issuer, {"name": "teachers"}, by=SYSTEM)
    scopes = [
        {"name": "notes:read", "sentences": {"en": "Read your notes"}},
        {"name": "notes:grade", "sentences": {"en": "Grade notes"}, "groups": ["teachers"]},
    ]
    about = {"identifier": "https://notes.example", "name": "Notes", "scopes": scopes}
    apis.add(db, world.issuer, about, by=SYSTEM)


def test_a_session_of_somebody_locked_is_no_session(world: World) -> None:
    """SS-3."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = signed_in(world, ada, web)
    with world.writing() as db:
        users.lock(db, world.issuer, ada.id, by=SYSTEM)
    assert silently(browser, web) == "login_required"


# Transactions


def test_asking_writes_nothing(world: World) -> None:
    """AZ-14: abandoned requests leave no row, however many there are."""
    world.add_user()
    web = world.add_client(first_party=True)
    for _ in range(20):
        visit(world.browser(), web)
    with world.reading() as db:
        for table in ("transactions", "tickets", "grants", "sso_sessions"):
            assert db.one(count(table), {}) == (0,)


def count(table: str) -> Hot:
    return Hot(f"SELECT count(*) FROM {table}")  # noqa: S608


def test_a_login_that_was_tampered_with_leads_nowhere(world: World) -> None:
    """AZ-14: the sealed request cannot be changed by a byte."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    _, there = visit(browser, web)
    tx = query_of(there.url)["tx"]
    for changed in (tx[:-1] + ("A" if tx[-1] != "A" else "B"), tx[1:], tx + "A", "0" * 32, ""):
        there = browser.open(f"/oauth/authorize/resume?{urlencode({'tx': changed})}")
        assert there.left_for is None
    assert not world.events("grant_made")
    sign_in(browser, web, ada)


def test_a_login_belongs_to_its_browser(world: World) -> None:
    """AZ-14, CVE-21: whoever knows another's transaction never gets their code."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    _, there = visit(browser, web)
    there = answer_pages(browser, there, ada)
    assert there.left_for
    [(tx,)] = world.rows("SELECT id FROM transactions")
    other = world.browser()
    assert other.open(f"/oauth/authorize/resume?tx={tx}").left_for is None
    signed_in_elsewhere = signed_in(world, world.add_user("bob@example.org"), web)
    assert signed_in_elsewhere.open(f"/oauth/authorize/resume?tx={tx}").left_for is None


def test_a_login_is_resumed_once(world: World) -> None:
    """AZ-14: coming back to it asks anew, and prompt=login is not met by what was used up."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    _, there = visit(browser, web, prompt="login")
    there = answer_pages(browser, there, ada)
    assert there.left_for
    [(tx,)] = world.rows("SELECT id FROM transactions")
    there = browser.open(f"/oauth/authorize/resume?tx={tx}")
    assert there.left_for is None
    assert any(form.has("password") for form in there.page.forms)


def test_a_login_leads_to_its_app_in_the_same_answer(world: World) -> None:
    """WEB-6: a redirect, and the session's cookie with it; a page comes from an address that can be loaded again."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    request, there = visit(browser, web)
    there = answer_pages(browser, there, ada)
    [(answered, location)] = [(reply.status, reply.header("Location")) for reply in there.trail]
    assert answered == 303
    assert web.returned(request, str(location))["code"]
    assert visit(browser, web)[1].left_for
    other = world.browser()
    there = answer_pages(other, visit(other, web, response_mode="form_post")[1], ada)
    assert "/oauth/authorize/resume?" in there.url


def test_two_tabs_do_not_disturb_each_other(world: World) -> None:
    """AZ-14: each request ends at its own app with its own state."""
    ada = world.add_user()
    one, other = world.add_client("one", first_party=True), world.add_client("other", first_party=True)
    browser = world.browser()
    first, in_one = visit(browser, one)
    second, in_other = visit(browser, other)
    world.clock.advance(seconds=1)
    done = answer_pages(browser, in_one, ada)
    assert one.returned(first, done.left_for or "")["code"]
    there = browser.open(in_other.url)
    assert other.returned(second, there.left_for or "")["code"]


def test_a_session_that_appeared_meanwhile_is_asked_like_any_other(world: World) -> None:
    """AZ-14: the waiting request is decided anew, so it still asks for consent."""
    ada = world.add_user()
    house, third = world.add_client("house", first_party=True), world.add_client("third")
    browser = world.browser()
    _, waiting = visit(browser, third)
    sign_in(browser, house, ada)
    there = browser.open(f"/oauth/authorize/resume?{urlencode({'tx': query_of(waiting.url)['tx']})}")
    assert there.left_for is None
    assert urlsplit(there.url).path == "/oauth/consent"


def test_a_login_page_that_was_open_too_long_still_leads_to_the_app(world: World) -> None:
    """AZ-14, SS-10: what waited is kept, though nothing can be proved for it any more."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    request, there = visit(browser, web)
    browser.jar.now = lambda: 0.0  # this browser keeps its cookies
    world.clock.advance(minutes=31)
    there = answer_pages(browser, browser.open(there.url), ada)
    assert web.returned(request, there.left_for or "")["code"]


def test_a_double_submit_signs_in_once(world: World) -> None:
    """AZ-14: the first proof makes the row; the second submit finds it."""
    ada, web = world.add_user(), world.add_client(first_party=True)
    browser = world.browser()
    request, there = visit(browser, web)
    again = there
    first = answer_pages(browser, there, ada)
    second = answer_pages(browser, again, ada)
    assert web.returned(request, first.left_for or "")["code"]
    assert second.left_for
    with world.reading() as db:
        assert db.one(count("sso_sessions"), {}) == (1,)


# AZ-16


@pytest.mark.parametrize("uri", ["http://127.0.0.1:4711/callback", "com.example.notes:/callback"])
def test_a_program_on_this_computer_is_never_answered_in_silence(world: World, uri: str) -> None:
    """AZ-16: anybody could pose as it, so the person sees that it asks."""
    ada = world.add_user()
    registered = ["http://127.0.0.1/callback", "com.example.notes:/callback"]
    app = world.add_client("notes", public=True, first_party=True, redirect_uris=registered)
    app.redirect_uri = uri
    browser = world.browser()
    sign_in(browser, app, ada)
    assert silently(browser, app) == "consent_required"
    _, there = visit(browser, app)
    assert there.left_for is None
    policy = there.reply.header("Content-Security-Policy") or ""
    assert (
        "form-action 'self' " + ("com.example.notes:" if uri.startswith("com") else "http://127.0.0.1:4711")
        in policy
    )
