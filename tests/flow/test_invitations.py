"""Invitations, and apps that ask for a new account. PW-8, PW-11, AD-2."""

import pytest

from authserver.audit import SYSTEM
from authserver.errors import Refusal
from authserver.login import inviting
from authserver.login.inviting import Invitation
from authserver.users import terms
from tests.agent import Browser, Visit
from tests.flow.login import count, fill, rows
from tests.flow.mailed import CODE
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty

GRACE, NEW = "grace@example.org", "Difference engines turn"


@pytest.fixture(autouse=True)
def _invited_only(world: World) -> None:
    world.set(registration="invited")


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def invite(world: World, email: str = GRACE, **given: object) -> Invitation:
    with world.writing() as db:
        return inviting.invite(db, world.issuer, {"email": email, **given}, by=SYSTEM)


def link(world: World, email: str = GRACE) -> str:
    written = world.mails(email)[-1].written
    assert written is not None
    return written.link


def take_up(browser: Browser, url: str, **more: str) -> Visit:
    visit = browser.open(url)
    return browser.submit(visit.page.form("Make my account"), {"name": "Grace", "password": NEW} | more)


class TestInvitation:
    def test_its_link_makes_one_account_and_signs_nobody_in(self, world: World) -> None:
        """PW-8, PW-11: looking spends nothing; the link confirms the address; the groups are the invitation's."""
        world.add_group("staff")
        invite(world, groups=["staff"])
        url, browser = link(world), world.browser()
        assert url.startswith(f"{world.url}/invitation/")
        for _ in range(3):
            assert GRACE in browser.open(url).page.words
        visit = take_up(browser, url)
        assert "Your account is ready" in visit.page.words
        assert count(world, "sso_sessions") == 0
        assert rows(world, "SELECT address, verified_at IS NOT NULL FROM user_emails") == [(GRACE, True)]
        assert count(world, "memberships") == 1
        browser.open(visit.page.link("Sign in"))
        assert fill(browser, GRACE, NEW).url.endswith("/account")
        assert browser.open(url).status == 410
        assert count(world, "invitations") == 0
        told = [event for event in world.events("changed") if event.data["kind"] == "invitation"]
        acts = [(event.data["act"], event.actor.split(":")[0]) for event in told]
        assert acts == [("added", "system"), ("accepted", "user")]

    def test_it_leads_to_the_app_that_it_is_for(self, world: World) -> None:
        world.add_client("web", client_uri="https://app.example/start")
        invite(world, app="web")
        assert "to use Web" in str(world.mails(GRACE)[-1].written)
        visit = take_up(world.browser(), link(world))
        assert visit.page.link("Go to Web") == "https://app.example/start"

    @pytest.mark.parametrize("what", ["time", "withdrawn", "newer", "off", "taken"])
    def test_what_ends_it(self, world: World, what: str) -> None:
        """PW-8: time, a withdrawal, a newer one, registration switched off, and an account made otherwise."""
        made = invite(world)
        url = link(world)
        match what:
            case "time":
                world.clock.advance(days=7)
            case "withdrawn":
                with world.writing() as db:
                    inviting.withdraw(db, world.issuer, made.email, by=SYSTEM)
            case "newer":
                invite(world)
            case "off":
                world.set(registration="off")
            case _:
                browser = world.browser()
                form = browser.open(url).page.form("Make my account")
                world.add_user(GRACE)
                assert browser.submit(form, {"password": NEW}).status == 410
                return
        assert world.browser().open(url).status == 410
        with world.reading() as db:
            assert [each.id == made.id for each in inviting.every(db, world.issuer)] == {
                "newer": [False],
                "off": [True],
            }.get(what, [])

    def test_the_form_says_nothing_but_name_and_password(self, world: World) -> None:
        """AD-2: neither another address nor a role."""
        invite(world)
        browser = world.browser()
        form = browser.open(link(world)).page.form("Make my account")
        for name, value in {"email": "eve@example.org", "role": "owner", "groups": "staff"}.items():
            form.inputs.append(type(form.inputs[0])(name=name, kind="hidden", value=value))
        browser.submit(form, {"password": NEW})
        assert rows(
            world, "SELECT e.address, u.role FROM users u JOIN user_emails e ON e.user_id = u.id"
        ) == [(GRACE, None)]

    def test_a_short_password_is_told_beside_its_field(self, world: World) -> None:
        invite(world)
        visit = take_up(world.browser(), link(world), password="short")
        assert visit.status == 422
        assert "at least 15 characters" in visit.page.words
        assert "Your account is ready" in take_up(world.browser(), link(world)).page.words

    def test_a_mailed_code_is_no_second_factor_beside_its_password(self, world: World) -> None:
        """EOTP-6: whoever reads the mail has both."""
        invite(world)
        take_up(world.browser(), link(world))
        assert rows(world, "SELECT by_mail FROM passwords") == [(True,)]

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"email": "ada@example.org"}, "email"),
            ({"email": "nobody"}, "email"),
            ({"app": "none"}, "app"),
            ({"groups": ["none"]}, "groups"),
        ],
    )
    def test_what_cannot_be_invited(
        self, world: World, ada: Resident, given: dict[str, object], field: str
    ) -> None:
        with pytest.raises(Refusal) as caught:
            invite(world, **({"email": GRACE} | given))  # type: ignore[arg-type]
        assert list(caught.value.fields) == [field]
        assert world.mails(GRACE) == []

    def test_nobody_is_invited_where_nobody_registers(self, world: World) -> None:
        world.set(registration="off")
        with pytest.raises(Refusal, match="Nobody can register"):
            invite(world)

    def test_without_an_invitation_nobody_registers(self, world: World) -> None:
        assert world.browser().open("/register").status == 403
        assert "Make an account" not in world.browser().open("/login").page.words


class TestTerms:
    def test_whoever_registers_accepts_them_and_is_not_asked_again(self, world: World) -> None:
        """The version and the time of the yes are kept."""
        world.set(registration="open", terms_text="Be kind.", terms_version="1")
        browser = world.browser()
        visit = browser.open("/register")
        given = {"email": GRACE, "name": "Grace", "password": NEW}
        refused = browser.submit(visit.page.form("Send me a code"), given)
        assert "Please read and accept this" in refused.page.words
        visit = browser.submit(refused.page.form("Send me a code"), given | {"accept": "1"})
        at = world.clock()
        world.clock.advance(minutes=2)
        code = CODE.search(world.mails(GRACE)[-1].written.text)[0]  # type: ignore[union-attr, index]
        visit = browser.submit(visit.page.form("Confirm my address"), {"code": code})
        browser.open(visit.page.link("Sign in"))
        assert fill(browser, GRACE, NEW).url.endswith("/account")
        with world.reading() as db:
            assert terms.accepted(db, rows(world, "SELECT id FROM users")[0][0]) == {"1": at}

    def test_whoever_is_invited_accepts_them(self, world: World) -> None:
        world.set(terms_text="Be kind.", terms_version="1")
        invite(world)
        assert "Please read and accept this" in take_up(world.browser(), link(world)).page.words
        assert "ready" in take_up(world.browser(), link(world), accept="1").page.words
        assert count(world, "terms_accepted") == 1


class TestPromptCreate:
    """OpenID Connect Initiating User Registration."""

    @pytest.fixture
    def web(self, world: World) -> RelyingParty:
        world.set(registration="open")
        return world.add_client(first_party=True)

    def test_it_opens_registration_and_the_request_goes_on(
        self, world: World, web: RelyingParty, ada: Resident
    ) -> None:
        """AZ-14: also for somebody who is signed in as another person; the code is the new person's."""
        browser = world.signed_in(ada)
        request = web.begin(prompt="create", login_hint=GRACE)
        visit = browser.open(request.url, initiator=web.redirect_uri)
        assert "/register" in visit.url
        form = visit.page.form("Send me a code")
        assert next(each.value for each in form.inputs if each.name == "email") == GRACE
        visit = browser.submit(form, {"name": "Grace", "password": NEW})
        code = CODE.search(world.mails(GRACE)[-1].written.text)[0]  # type: ignore[union-attr, index]
        visit = browser.submit(visit.page.form("Confirm my address"), {"code": code})
        browser.open(visit.page.link("Sign in"))
        there = fill(browser, GRACE, NEW)
        tokens = web.redeem(request, web.returned(request, there.left_for or "")["code"])
        assert web.userinfo(tokens.access_token)["email"] == GRACE

    def test_whoever_has_an_account_signs_in_instead(
        self, world: World, web: RelyingParty, ada: Resident
    ) -> None:
        browser, request = world.browser(), web.begin(prompt="create")
        visit = browser.open(request.url, initiator=web.redirect_uri)
        browser.open(visit.page.link("Back to the sign-in"))
        there = fill(browser, ada.email, ada.password)
        assert web.returned(request, there.left_for or "")["code"]

    @pytest.mark.parametrize("registration", ["off", "invited", "open"])
    def test_discovery_says_whether_it_may_be_asked(
        self, world: World, web: RelyingParty, registration: str
    ) -> None:
        """MD-1: what discovery does not name is invalid_request, as any unknown prompt. AZ-11."""
        world.set(registration=registration)
        is_on = registration == "open"
        said = world.get("/.well-known/openid-configuration").json()["prompt_values_supported"]
        assert ("create" in said) is is_on
        there = world.browser().open(web.begin(prompt="create").url, initiator=web.redirect_uri)
        assert ("error=invalid_request" in (there.left_for or "")) is not is_on

    def test_it_does_not_stand_beside_none(self, world: World, web: RelyingParty) -> None:
        there = world.browser().open(web.begin(prompt="create none").url, initiator=web.redirect_uri)
        assert "error=invalid_request" in (there.left_for or "")
