"""Coming to an account: registering, a forgotten password, another address. PW-4, PW-7 to PW-11."""

import re
from dataclasses import replace

import pytest

from authserver.audit import SYSTEM
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.apps import app_of, to_second_step
from tests.flow.login import count, enter, fill, rows
from tests.flow.mailed import last_code
from tests.flow.world import Resident, World

NEW = "Difference engines turn"
CODE = re.compile(r"\d{3} \d{3}")


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


def ask(world: World, name: str, browser: Browser | None = None) -> Visit:
    browser = browser or world.browser()
    visit = browser.open(browser.open("/login").page.link("Forgotten?"))
    return browser.submit(visit.page.form("Send me a link"), {"username": name})


def link(world: World, address: str) -> str:
    written = world.mails(address)[-1].written
    assert written is not None
    return written.link


def choose(browser: Browser, url: str, password: str = NEW) -> Visit:
    visit = browser.open(url)
    return browser.submit(visit.page.form("Change my password"), {"new": password})


class TestForgotten:
    def test_a_link_sets_a_new_password_and_signs_nobody_in(self, world: World, ada: Resident) -> None:
        """PW-7, PW-8, SS-7: it ends what was signed in, and the new password then signs in."""
        before = enter(world, ada)
        assert "Look into your mail" in ask(world, ada.email).page.words
        url = link(world, ada.email)
        assert url.startswith(f"{world.url}/recover/")
        browser = world.browser()
        for _ in range(3):  # programs that read mail look first
            assert browser.open(url).status == 200
        assert "Your password is changed" in choose(browser, url).page.words
        assert rows(world, "SELECT end_reason FROM sso_sessions") == [("password_reset",)]
        assert "/login" in before.open("/account").url
        assert "/login" in browser.open("/account").url
        fill(browser, ada.email, NEW)
        assert browser.open("/account").url.endswith("/account")

    def test_a_second_step_is_asked_as_before(self, world: World, ada: Resident) -> None:
        """PW-7: a reset neither skips nor removes it."""
        app_of(world, ada)
        ask(world, ada.email)
        choose(world.browser(), link(world, ada.email))
        changed = replace(ada, password=NEW)
        browser = to_second_step(world, changed)
        assert browser.at is not None
        assert "/login/totp" in browser.at.url

    def test_it_works_once_and_the_newest_alone(self, world: World, ada: Resident) -> None:
        """PW-7"""
        ask(world, ada.email)
        old = link(world, ada.email)
        world.clock.advance(minutes=2)
        ask(world, ada.email)
        new = link(world, ada.email)
        assert new != old
        browser = world.browser()
        assert browser.open(old).status == 410
        choose(browser, new)
        assert browser.open(new).status == 410

    @pytest.mark.parametrize("what", ["time", "password", "address", "lock"])
    def test_what_ends_a_link(self, world: World, ada: Resident, what: str) -> None:
        """PW-7: half an hour, a change of password or address, and a closed account."""
        ask(world, ada.email)
        url = link(world, ada.email)
        with world.writing() as db:
            match what:
                case "time":
                    world.clock.advance(minutes=30)
                case "password":
                    edit.bump_epoch(db, world.issuer, ada.id, reason="password", by=SYSTEM)
                case "address":
                    edit.edit(
                        db,
                        world.issuer,
                        ada.id,
                        {"email": "a@example.org", "email_verified": True},
                        by=SYSTEM,
                    )
                case _:
                    edit.lock(db, world.issuer, ada.id, by=SYSTEM)
        assert world.browser().open(url).status == 410

    def test_the_form_alone_sets_nothing(self, world: World, ada: Resident) -> None:
        """CVE-3: posting the new password without the mail's link."""
        browser = world.browser()
        ask(world, ada.email)
        form = browser.open(link(world, ada.email)).page.form("Change my password")
        for ticket in ("", ada.id, f"{ada.id}.", f"{ada.id}.x", "x.y"):
            form.action = f"/recover/{ticket}"
            assert browser.submit(form, {"new": NEW}).status in {404, 410}
        enter(world, ada)

    def test_nobody_learns_whether_there_is_an_account(self, world: World, ada: Resident) -> None:
        """PW-4: the same page and as many mails for known and unknown addresses."""
        known, unknown = ask(world, ada.email), ask(world, "nobody@example.org")
        assert (known.status, known.page.words) == (unknown.status, unknown.page.words)
        assert [mail.template for mail in world.mails(ada.email)] == ["password_reset"]
        assert [mail.template for mail in world.mails("nobody@example.org")] == ["no_account"]
        assert ask(world, "somebody").page.words == known.page.words
        again = ask(world, ada.email)
        assert (again.status, again.page.words) == (known.status, known.page.words)
        assert len(world.mails(ada.email)) == 1

    def test_a_network_that_has_to_wait_learns_no_names(self, world: World) -> None:
        """PW-4, RL-1: it waits whoever it names, and a name that somebody has costs it as much as none."""
        world.set(network_mails_an_hour=2, mail_wait=3600)
        world.add_user("ada@example.org", username="ada")
        before = count(world, "tickets")
        assert ask(world, "one@example.org").status == 200
        assert [ask(world, name).status for name in ("ada", "nobody")] == [200, 200]
        assert ask(world, "one@example.org").status == 200, "it has another mail left still"
        assert count(world, "tickets") == before + 4, "the same is written for everybody"
        assert ask(world, "two@example.org").status == 200
        assert {ask(world, name).status for name in ("ada", "nobody", "one@example.org")} == {429}

    def test_a_short_password_is_told_beside_its_field(self, world: World, ada: Resident) -> None:
        ask(world, ada.email)
        visit = choose(world.browser(), link(world, ada.email), "short")
        assert visit.status == 422
        assert "at least 15 characters" in visit.page.words


class TestRegistering:
    def begin(self, world: World, browser: Browser, email: str, **more: str) -> Visit:
        visit = browser.open("/login")
        visit = browser.open(visit.page.link("Make an account"))
        given = {"email": email, "name": "Grace Hopper", "password": NEW} | more
        return browser.submit(visit.page.form("Send me a code"), given)

    def code(self, world: World, email: str) -> str:
        written = world.mails(email)[-1].written
        assert written is not None
        found = CODE.search(written.text)
        assert found
        return found[0]

    def test_an_account_is_made_once_its_address_is_confirmed(self, world: World) -> None:
        """PW-11: nothing before, and no session by it; then one signs in and is where one was going."""
        world.set(registration="open")
        browser, email = world.browser(), "grace@example.org"
        visit = self.begin(world, browser, email)
        assert count(world, "users") == 0
        code = self.code(world, email)
        visit = browser.submit(
            visit.page.form("Confirm my address"), {"code": "000000" if code != "000 000" else "1"}
        )
        assert "not the code from the mail" in visit.page.words
        visit = browser.submit(visit.page.form("Confirm my address"), {"code": code})
        assert "Your account is ready" in visit.page.words
        assert count(world, "sso_sessions") == 0
        browser.open(visit.page.link("Sign in"))
        assert fill(browser, email, NEW).url.endswith("/account")
        assert len(world.events("registered")) == 1

    def test_an_address_of_somebody_is_told_by_mail_alone(self, world: World, ada: Resident) -> None:
        """PW-4: the page is the same, and no code makes an account."""
        world.set(registration="open")
        known = self.begin(world, world.browser(), ada.email)
        other = self.begin(world, world.browser(), "grace@example.org")
        assert known.page.words.replace(ada.email, "") == other.page.words.replace("grace@example.org", "")
        assert world.mails(ada.email)[-1].template == "account_known"
        assert count(world, "users") == 1

    def test_asking_again_tells_nobody_either(self, world: World, ada: Resident) -> None:
        """PW-4: whoever asks a second time waits as long, for whichever address."""
        world.set(registration="open")
        for email in (ada.email, "grace@example.org"):
            self.begin(world, world.browser(), email)
        known = self.begin(world, world.browser(), ada.email)
        other = self.begin(world, world.browser(), "grace@example.org")
        assert known.status == other.status
        assert known.page.words.replace(ada.email, "") == other.page.words.replace("grace@example.org", "")
        assert len(world.mails(ada.email)) == len(world.mails("grace@example.org")) == 1

    def test_five_wrong_codes_end_it(self, world: World) -> None:
        world.set(registration="open")
        browser, email = world.browser(), "grace@example.org"
        visit = self.begin(world, browser, email)
        code = self.code(world, email).replace(" ", "")
        for _ in range(5):
            wrong = f"{(int(code) + 1) % 1_000_000:06d}"
            visit = browser.submit(visit.page.form("Confirm my address"), {"code": wrong})
        assert visit.status == 410
        assert count(world, "users") == 0

    def test_of_two_who_register_one_address_the_first_has_it(self, world: World) -> None:
        """PW-11: whoever confirms it; the other one's code makes nothing."""
        world.set(registration="open", mail_wait=10)
        first, second, email = world.browser(), world.browser(), "grace@example.org"
        one = self.begin(world, first, email)
        code = self.code(world, email)
        world.clock.advance(seconds=30)
        two = self.begin(world, second, email)
        other = self.code(world, email)
        first.submit(one.page.form("Confirm my address"), {"code": code})
        assert second.submit(two.page.form("Confirm my address"), {"code": other}).status == 410
        assert count(world, "users") == 1

    def test_who_must_have_a_second_step_sets_it_up_before_anything_else(self, world: World) -> None:
        """AD-9: the login that follows does not end without it."""
        world.set(registration="open", second_factor="required")
        browser, email = world.browser(), "grace@example.org"
        visit = self.begin(world, browser, email)
        visit = browser.submit(visit.page.form("Confirm my address"), {"code": self.code(world, email)})
        browser.open(visit.page.link("Sign in"))
        assert "/login/enrol" in fill(browser, email, NEW).url
        assert count(world, "sso_sessions") == 0

    @pytest.mark.parametrize("more", [{"role": "owner"}, {"groups": "staff"}, {"email_verified": "true"}])
    def test_what_nobody_says_of_themselves(self, world: World, more: dict[str, str]) -> None:
        """AD-2: other members are not read."""
        world.set(registration="open")
        browser = world.browser()
        form = browser.open("/register").page.form("Send me a code")
        for name, value in more.items():
            form.inputs.append(type(form.inputs[0])(name=name, kind="hidden", value=value))
        given = {"email": "grace@example.org", "name": "Grace", "password": NEW}
        visit = browser.submit(form, given)
        browser.submit(visit.page.form("Confirm my address"), {"code": self.code(world, "grace@example.org")})
        assert rows(world, "SELECT role FROM users") == [(None,)]
        assert count(world, "memberships") == 0

    def test_it_is_off_until_it_is_switched_on(self, world: World) -> None:
        visit = world.browser().open("/login")
        assert "Make an account" not in visit.page.words
        assert world.browser().open("/register").status == 403


class TestAddress:
    def test_a_new_one_counts_once_its_code_is_typed(self, world: World, ada: Resident) -> None:
        """PW-9, PW-10: until then the old one stays; then that is told."""
        browser = enter(world, ada)
        visit = browser.open(browser.open("/account").page.link("Change the address"))
        visit = browser.submit(visit.page.form("Send me a code"), {"email": "ada@elsewhere.example"})
        assert ada.email in visit.page.words
        moved = replace(ada, email="ada@elsewhere.example")
        visit = browser.submit(visit.page.form("Confirm my address"), {"code": last_code(world, moved)})
        assert "Your address is changed" in visit.page.words
        assert [mail.template for mail in world.mails(ada.email)] == ["email_changed"]
        enter(world, moved)

    def test_another_session_cannot_confirm_it(self, world: World, ada: Resident) -> None:
        """PW-10"""
        here, there = enter(world, ada), enter(world, ada)
        visit = here.open("/account/email")
        visit = here.submit(visit.page.form("Send me a code"), {"email": "ada@elsewhere.example"})
        form = visit.page.form("Confirm my address")
        other = there.open("/account/email").page.form("Send me a code")
        form.inputs = [each for each in form.inputs if each.name != "csrf_token"] + [
            each for each in other.inputs if each.name == "csrf_token"
        ]
        there.submit(
            form, {"code": CODE.findall(str(world.mails("ada@elsewhere.example")[-1].written.text))[0]}
        )  # type: ignore[union-attr]
        assert rows(world, "SELECT address FROM user_emails") == [(ada.email,)]

    def test_somebody_elses_is_told_by_mail_alone(self, world: World, ada: Resident) -> None:
        """PW-4, PW-10"""
        bob = world.add_user("bob@example.org")
        browser = enter(world, ada)
        visit = browser.open("/account/email")
        visit = browser.submit(visit.page.form("Send me a code"), {"email": bob.email})
        assert "We sent a mail to" in visit.page.words
        assert world.mails(bob.email)[-1].template == "account_known"

    @pytest.mark.parametrize("first", ["bob@example.org", "free@example.org"])
    def test_the_next_address_waits_whoever_has_it(self, world: World, ada: Resident, first: str) -> None:
        """PW-4: nor do two questions of one person tell what one does not."""
        world.add_user("bob@example.org")
        world.add_user("eve@example.org")
        browser = enter(world, ada)

        def ask_for(address: str) -> Visit:
            form = browser.open("/account/email").page.form("Send me a code")
            return browser.submit(form, {"email": address})

        ask_for(first)
        known, other = ask_for("eve@example.org"), ask_for("nobody@example.org")
        assert known.page.words.replace("eve@", "") == other.page.words.replace("nobody@", "")
        assert world.mails("eve@example.org") == world.mails("nobody@example.org") == []
