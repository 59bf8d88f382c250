"""The seam for second factors: nothing before every required proof, and nothing claimed beyond what was proved."""

from urllib.parse import urlsplit

import pytest

from authserver.audit import SYSTEM
from authserver.factors.registry import register
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.apps import codes_of
from tests.flow.login import count, enter, fill, fill_password
from tests.flow.second_factor import CODE, FakeCode, OtherCode
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty, Tokens

BAD = "000000"


@pytest.fixture
def ada(world: World) -> Resident:
    """Somebody who has the fake factor, in a world where it exists."""
    made = world.add_user()
    register(world.issuer, FakeCode.of([made.id]))
    return made


def code(browser: Browser, text: str = CODE) -> Visit:
    assert browser.at is not None
    return browser.submit(browser.at.page.form("Continue"), {"code": text})


def sign_in(browser: Browser, party: RelyingParty, ada: Resident, **more: str) -> Tokens:
    """Both proofs, as far as they are asked."""
    request = party.begin(**more)
    visit = browser.open(request.url, party.redirect_uri)
    if not visit.left_for and any(form.has("password") for form in visit.page.forms):
        visit = fill_password(browser, ada.email, ada.password)
    if not visit.left_for:
        if "/login/choose" in visit.url:
            browser.open(visit.page.link("The fake code"))
        visit = code(browser)
    assert visit.left_for, visit.page.words[:300]
    return party.redeem(request, party.returned(request, visit.left_for)["code"])


def test_a_password_alone_gives_nothing(world: World, ada: Resident) -> None:
    """SU-1, CVE-26: neither a session nor a cookie nor a code before the second proof."""
    browser = world.browser()
    browser.open("/login")
    visit = fill(browser, ada.email, ada.password)
    assert visit.url.startswith(f"{world.url}/login/fake")
    assert visit.page.heading == "One more proof"
    assert count(world, "sso_sessions") == 0
    assert browser.jar.get("as_session") is None
    assert browser.jar.get("as_device") is None
    assert browser.open("/account").page.heading == "Sign in"


def test_both_proofs_are_claimed_as_they_were_made(world: World, ada: Resident) -> None:
    """ID-4: amr and acr say what was shown, auth_time when."""
    web = world.add_client("web", first_party=True)
    tokens = sign_in(world.browser(), web, ada)
    assert tokens.claims["amr"] == ["pwd", "otp", "mfa"]
    assert tokens.claims["acr"] == "mfa"
    assert tokens.claims["auth_time"] == world.clock.now()


def test_whoever_has_no_second_factor_is_not_asked_for_one(world: World, ada: Resident) -> None:
    bob = world.add_user("bob@example.org")
    enter(world, bob)


@pytest.mark.parametrize(
    "path", ["/oauth/authorize/resume", "/account", "/account/password", "/login/choose", "/login/account"]
)
def test_no_address_skips_the_second_step(world: World, ada: Resident, path: str) -> None:
    """SU-2: addresses called directly, with the login's own id."""
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    browser.open(web.begin().url, web.redirect_uri)
    visit = fill(browser, ada.email, ada.password)
    tx = visit.url.partition("tx=")[2]
    assert len(tx) == 32
    browser.open(f"{path}?tx={tx}")
    assert browser.jar.get("as_session") is None
    assert count(world, "sso_sessions") == count(world, "grants") == 0


def test_a_second_step_cannot_come_first(world: World, ada: Resident) -> None:
    """SU-2: the page and its POST both lead to where the login is."""
    browser = world.browser()
    form = browser.open("/login").page.form("Sign in")
    given = {entry.name: entry.value for entry in form.inputs}
    assert browser.open(f"/login/fake?tx={given['tx']}").page.heading == "Sign in"
    assert browser.at is not None
    form = browser.at.page.form("Sign in")
    form.action = "/login/fake"
    browser.submit(form, {"username": ada.email, "password": CODE})
    assert count(world, "sso_sessions") == count(world, "transactions") == 0


def test_a_step_cannot_be_repeated(world: World, ada: Resident) -> None:
    """SU-2: the password is not asked, or taken, once it was proved."""
    browser = world.browser()
    form = browser.open("/login").page.form("Sign in")
    fill(browser, ada.email, ada.password)
    answers = {"username": ada.email, "password": ada.password}
    assert browser.submit(form, answers).page.heading == "One more proof"
    assert count(world, "transactions", "version = 1") == 1
    assert code(browser).url.endswith("/account")


def test_a_wrong_code_is_told_and_counted_apart(world: World, ada: Resident) -> None:
    """CVE-26: five wrong codes close the step, and not the password."""
    browser = world.browser()
    browser.open("/login")
    fill(browser, ada.email, ada.password)
    for _ in range(5):
        visit = code(browser, BAD)
        assert "This is not the code." in visit.page.words
    visit = code(browser)
    assert (visit.status, visit.reply.header("Retry-After")) == (429, "900")
    other = world.browser()
    other.open("/login")
    assert fill(other, ada.email, ada.password).page.heading == "One more proof"


def test_the_password_alone_resets_no_count(world: World, ada: Resident) -> None:
    """PW-6: only a full sign-in, with all factors."""
    for _ in range(9):
        browser = world.browser()
        browser.open("/login")
        fill(browser, ada.email, "wrong and long enough")
    browser.open("/login")
    fill(browser, ada.email, ada.password)
    assert count(world, "failures") == 9
    code(browser)
    assert count(world, "failures") == 0


@pytest.mark.parametrize("act", [edit.lock, edit.disable])
def test_each_step_looks_at_the_person_again(world: World, ada: Resident, act: object) -> None:
    """SU-2: whoever is locked out between two steps is out."""
    browser = world.browser()
    browser.open("/login")
    fill(browser, ada.email, ada.password)
    with world.writing() as db:
        act(db, world.issuer, ada.id, by=SYSTEM)  # type: ignore[operator]
    code(browser)
    assert count(world, "sso_sessions") == 0


def test_a_changed_password_ends_logins_that_are_under_way(world: World, ada: Resident) -> None:
    """SS-7: the epoch is in the transaction."""
    browser = world.browser()
    browser.open("/login")
    fill(browser, ada.email, ada.password)
    with world.writing() as db:
        edit.bump_epoch(db, world.issuer, ada.id, reason="test", by=SYSTEM)
    code(browser)
    assert count(world, "sso_sessions") == 0


def test_another_way_is_offered_and_is_worth_what_it_is(world: World) -> None:
    """ID-4: who has used none of several chooses; a weaker one gives its own acr."""
    ada = world.add_user()
    register(world.issuer, OtherCode.of([ada.id]))
    register(world.issuer, FakeCode.of([ada.id]))
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    request = web.begin()
    browser.open(request.url, web.redirect_uri)
    visit = fill(browser, ada.email, ada.password)
    assert visit.page.heading == "How do you want to go on?"
    browser.open(visit.page.link("The weak code"))
    visit = code(browser)
    assert visit.left_for
    claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
    assert (claims["acr"], claims["amr"]) == ("mfa-low", ["pwd", "email", "mfa"])


class TestSeveralWays:
    @pytest.fixture
    def eve(self, world: World) -> Resident:
        """Somebody with two second factors and recovery codes, who has used none yet."""
        made = world.add_user("eve@example.org")
        register(world.issuer, OtherCode.of([made.id]))
        register(world.issuer, FakeCode.of([made.id]))
        codes_of(world, made)
        return made

    def to_second(self, world: World, eve: Resident) -> Browser:
        browser = world.browser()
        browser.open("/login")
        fill(browser, eve.email, eve.password)
        return browser

    def ways(self, browser: Browser) -> list[str]:
        assert browser.at
        links = [link for link in browser.at.page.links if "#" not in link.to]
        places = [(urlsplit(link.to).path, link.words) for link in links]
        return [words for path, words in places if path.startswith("/login/") and path != "/login/again"]

    def test_are_chosen_from_and_the_last_one_is_remembered(self, world: World, eve: Resident) -> None:
        """The strongest first, what is in reserve after all others, a person at the end."""
        browser = self.to_second(world, eve)
        told = self.ways(browser)
        titles = ("The fake code", "The weak code", "Recovery code", "None of these works")
        assert [words.startswith(title) for words, title in zip(told, titles, strict=True)] == [True] * 4
        for title, heading in (("The weak code", "A mailed code"), ("The fake code", "One more proof")):
            browser = self.to_second(world, eve)
            assert browser.at
            browser.open(next(to for words, to in self.links(browser) if words.startswith(title)))
            assert browser.at.page.heading == heading
            world.clock.advance(minutes=1)
            assert code(browser).url.endswith("/account")
            assert self.to_second(world, eve).at.page.heading == heading  # type: ignore[union-attr]

    def links(self, browser: Browser) -> list[tuple[str, str]]:
        assert browser.at
        return [(link.words, link.to) for link in browser.at.page.links]

    def test_lead_to_each_other_and_to_a_person(self, world: World, eve: Resident) -> None:
        """From each way to all others and back; "None of these works" says who helps."""
        world.set(support_contact="help@example.org")
        browser = self.to_second(world, eve)
        for step, others in (
            ("fake", ["The weak code", "Recovery code"]),
            ("weak", ["The fake code", "Recovery code"]),
            ("recovery", ["The fake code", "The weak code"]),
        ):
            assert browser.at
            tx = browser.at.url.partition("tx=")[2]
            browser.open(f"/login/{step}?tx={tx}")
            told = self.ways(browser)
            assert [
                words.startswith(title) for words, title in zip(told, [*others, "None"], strict=True)
            ] == [True] * 3
        visit = browser.open(browser.at.page.link("None of these works"))  # type: ignore[union-attr]
        assert "help@example.org" in visit.page.words
        assert browser.open(visit.page.link("Back")).page.heading == "How do you want to go on?"

    def test_that_reach_too_little_are_not_among_them(self, world: World, eve: Resident) -> None:
        """SU-3: an app that demands more is shown only what reaches it."""
        web, browser = world.add_client("web", first_party=True), world.browser()
        browser.open(web.begin(acr_values="mfa").url, web.redirect_uri)
        visit = fill(browser, eve.email, eve.password)
        assert visit.page.heading == "One more proof"
        tx = visit.url.partition("tx=")[2]
        for step in ("weak", "recovery", "choose"):
            visit = browser.open(f"/login/{step}?tx={tx}")
            assert [words[:4] for words in self.ways(browser)][-1] == "None"
            assert not any(words.startswith(("The weak", "Recovery")) for words in self.ways(browser))

    def test_there_is_nothing_to_choose_before_the_password(self, world: World, eve: Resident) -> None:
        """SU-2: what somebody has is not told to who has proved nothing."""
        browser = world.browser()
        tx = browser.open("/login").page.form("Sign in").inputs
        value = next(entry.value for entry in tx if entry.name == "tx")
        assert browser.open(f"/login/choose?tx={value}").page.heading == "Sign in"
        assert browser.open("/login/choose").page.heading == "Sign in"


def test_not_you_begins_again_with_the_same_request(world: World, ada: Resident) -> None:
    bob = world.add_user("bob@example.org")
    web = world.add_client("web", first_party=True)
    browser = world.browser()
    request = web.begin()
    browser.open(request.url, web.redirect_uri)
    visit = fill(browser, ada.email, ada.password)
    browser.open(next(link.to for link in visit.page.links if "/login/again" in link.to))
    visit = fill(browser, bob.email, bob.password)
    assert visit.left_for
    claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
    assert (claims["sub"], claims["amr"]) == (bob.subject, ["pwd"])


class TestStepUp:
    def test_only_the_missing_proof_is_asked(self, world: World) -> None:
        """SU-3, SU-4: one more proof, and auth_time stays."""
        ada = world.add_user()
        factor = FakeCode()
        register(world.issuer, factor)
        web = world.add_client("web", first_party=True)
        browser = world.browser()
        before = sign_in(browser, web, ada)
        assert before.claims["acr"] == "pwd"
        factor.owners.add(ada.id)
        world.clock.advance(minutes=5)
        request = web.begin(acr_values="mfa")
        visit = browser.open(request.url, web.redirect_uri)
        assert visit.page.heading == "One more proof"
        world.clock.advance(minutes=1)
        visit = code(browser)
        assert visit.left_for
        after = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
        assert (after["acr"], after["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
        assert (after["auth_time"], after["sid"]) == (before.claims["auth_time"], before.claims["sid"])

    def test_a_repeated_sign_in_asks_for_all_that_the_session_has(self, world: World, ada: Resident) -> None:
        """SU-4: prompt=login renews every proof, so an old second factor never meets a new auth_time."""
        web = world.add_client("web", first_party=True)
        browser = world.browser()
        before = sign_in(browser, web, ada)
        world.clock.advance(minutes=5)
        request = web.begin(prompt="login")
        browser.open(request.url, web.redirect_uri)
        visit = fill_password(browser, ada.email, ada.password)
        assert visit.page.heading == "One more proof"
        visit = code(browser)
        assert visit.left_for
        after = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
        assert (after["acr"], after["sid"]) == ("mfa", before.claims["sid"])
        assert after["auth_time"] == before.claims["auth_time"] + 300

    def test_a_session_never_gets_weaker(self, world: World) -> None:
        """SU-4: when a factor is gone, the repeated sign-in opens a session of its own."""
        ada = world.add_user()
        factor = FakeCode.of([ada.id])
        register(world.issuer, factor)
        web = world.add_client("web", first_party=True)
        browser = world.browser()
        before = sign_in(browser, web, ada)
        factor.owners.clear()
        world.clock.advance(minutes=5)
        after = sign_in(browser, web, ada, prompt="login")
        assert after.claims["acr"] == "pwd"
        assert after.claims["sid"] != before.claims["sid"]
        assert count(world, "sso_sessions", "ended_at IS NULL") == 1

    def test_one_more_proof_is_no_fresh_sign_in(self, world: World) -> None:
        """SU-4: what changes an account asks for the password again."""
        ada = world.add_user()
        factor = FakeCode()
        register(world.issuer, factor)
        web = world.add_client("web", first_party=True)
        browser = world.browser()
        sign_in(browser, web, ada)
        factor.owners.add(ada.id)
        world.clock.advance(minutes=6)
        sign_in(browser, web, ada, acr_values="mfa")
        assert browser.open("/account/password").page.heading == "Confirm that it is you"

    def test_a_stronger_session_is_repeated_as_strongly(self, world: World, ada: Resident) -> None:
        """SU-4: a weaker way is not offered where the session had a stronger one."""
        register(world.issuer, OtherCode.of([ada.id]))
        web = world.add_client("web", first_party=True)
        browser = world.browser()
        sign_in(browser, web, ada)
        browser.open(web.begin(prompt="login").url, web.redirect_uri)
        visit = fill_password(browser, ada.email, ada.password)
        assert visit.page.heading == "One more proof"
        assert browser.open(visit.url.replace("/login/fake", "/login/weak")).page.heading == "One more proof"

    def test_a_fresh_proof_for_an_account_change_asks_for_both(self, world: World, ada: Resident) -> None:
        """SU-4, PW-9: at the account's highest factor."""
        browser = world.browser()
        browser.open("/login")
        fill(browser, ada.email, ada.password)
        code(browser)
        world.clock.advance(minutes=6)
        assert browser.open("/account/password").page.heading == "Confirm that it is you"
        visit = fill_password(browser, "", ada.password)
        assert visit.page.heading == "One more proof"
        assert code(browser).url.endswith("/account/password")
