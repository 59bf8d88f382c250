"""Codes by mail as a second step: sent by a press, good once in the login that asked, and never more than they are."""

import re

import pytest

from authserver.audit import SYSTEM, Actor
from authserver.groups import edit as groups
from authserver.login import enrolment, passwords
from authserver.sessions import sso
from authserver.users import edit
from tests.agent import Browser, Visit
from tests.flow.apps import Authenticator, answer, app_of, codes_of, to_second_step
from tests.flow.conftest import MakeWorld
from tests.flow.login import enter, fill_password
from tests.flow.mailed import last_code, send, wrong_code
from tests.flow.world import Resident, World
from tests.peers.smtp import MailServer, html_of, text_of

CLOSED = "There were too many wrong codes"


@pytest.fixture
def ada(world: World) -> Resident:
    """Somebody with a verified address, in a world where codes are mailed."""
    world.set(email_code=True)
    return world.add_user()


def at_code(world: World, person: Resident) -> Browser:
    """In front of the step, with a code sent."""
    browser = to_second_step(world, person)
    send(browser)
    return browser


def test_a_mailed_code_signs_in_at_the_lowest_of_two_factors(world: World, ada: Resident) -> None:
    """EOTP-3: amr and acr by the table; nothing is sent before the press, and no session is there before the code."""
    web = world.add_client("web", first_party=True)
    request, browser = web.begin(), world.browser()
    browser.open(request.url, web.redirect_uri)
    visit = fill_password(browser, ada.email, ada.password)
    assert visit.page.heading == "Get a code by e-mail"
    assert "a•••@example.org" in visit.page.words
    assert ada.email not in visit.page.words.replace("Password", "").split("Code by e-mail")[1]
    browser.open(visit.url)
    assert world.mails() == []
    visit = send(browser)
    assert visit.status == 200
    assert "It holds for 10 minutes" in visit.page.words
    assert browser.jar.get("as_session") is None
    visit = answer(browser, last_code(world, ada))
    assert visit.left_for, visit.page.words
    claims = web.redeem(request, web.returned(request, visit.left_for)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["pwd", "email", "mfa"], "mfa-low")
    assert world.events("code_sent")[0].subject == ada.id


def test_the_mail_says_who_asked_and_holds_no_link_that_signs_in(
    make_world: MakeWorld, mail_server: MailServer
) -> None:
    """EOTP-5: time, network and device; the code itself is in the text, not in a subject that locked screens show."""
    world = make_world(environment="production", issuer="https://id.example.org")
    world.set(email_code=True, **mail_server.settings())
    ada = world.add_user(locale="de")
    browser = to_second_step(world, ada, world.browser(user_agent="Mozilla/5.0 (X11; Linux) Firefox/140.0"))
    send(browser)
    world.deliver()
    mail = mail_server.only_mail()
    assert mail["To"] == ada.email
    assert mail["Subject"] == "Ihr Code für authserver"
    code = re.search(r"\d{3} \d{3}", text_of(mail))
    assert code
    for said in (text_of(mail), html_of(mail)):
        assert code[0] in said
        assert "15. Januar 2027, 12:00 UTC" in said
        assert "Firefox, Linux" in said
        assert "192.0.2" in said
        assert "https://id.example.org/account" in said
        assert "tx=" not in said
        assert "ticket" not in said
    visit = answer(browser, code[0])
    assert visit.url == f"{world.url}/account"


def test_a_reload_neither_sends_nor_shortens_the_wait(world: World, ada: Resident) -> None:
    """EOTP-2: the wait is the server's; reload, new login and new browser change nothing."""
    browser = at_code(world, ada)
    world.clock.advance(seconds=20)
    assert browser.at is not None
    assert "Another one can be sent in 40 seconds." in browser.open(browser.at.url).page.words
    visit = send(browser)
    assert (visit.status, visit.reply.header("Retry-After")) == (429, "40")
    assert "only just now" in visit.page.words
    other = to_second_step(world, ada)
    assert send(other).status == 429
    assert len(world.mails()) == 1
    world.clock.advance(seconds=40)
    assert send(other).status == 200
    assert len(world.mails()) == 2


def test_the_wait_outlives_the_process(make_world: MakeWorld, world: World, ada: Resident) -> None:
    """EOTP-2: a restart changes nothing; what is counted is in the database."""
    at_code(world, ada)
    assert world.rows("SELECT count(*) FROM outbox") == [(1,)]
    assert world.rows("SELECT count(*) FROM rate_windows") == [(0,)]


def test_a_new_code_ends_the_old_one(world: World, ada: Resident) -> None:
    """EOTP-2."""
    browser = at_code(world, ada)
    old = last_code(world, ada)
    world.clock.advance(minutes=1)
    send(browser)
    visit = answer(browser, old)
    assert "not the code that was sent last" in visit.page.words
    assert answer(browser, last_code(world, ada)).url.endswith("/account")


def post_code(browser: Browser, code: str) -> Visit:
    """Answer where the page has no field for it, because nothing was sent in this login."""
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if form.action.endswith("/send"))
    fields = {entry.name: entry.value or "" for entry in form.inputs} | {"code": code}
    return browser.post_from(form.action.removesuffix("/send"), fields, browser.home)


@pytest.mark.parametrize(("seconds", "holds"), [(599, True), (601, False)])
def test_a_code_lives_ten_minutes(world: World, ada: Resident, seconds: int, holds: bool) -> None:
    """CVE-25, EOTP-1: at 10 minutes and a second it is refused."""
    browser = at_code(world, ada)
    world.clock.advance(seconds=seconds)
    visit = answer(browser, last_code(world, ada))
    assert visit.url.endswith("/account") is holds
    if not holds:
        assert "has ended" in visit.page.words
        assert len(visit.page.forms) == 1, "only the one that sends another"


def test_a_code_is_good_in_the_login_that_asked_for_it(world: World, ada: Resident) -> None:
    """EOTP-1: bound to user, login and purpose."""
    at_code(world, ada)
    code = last_code(world, ada)
    other = to_second_step(world, ada)
    visit = post_code(other, code)
    assert not visit.url.endswith("/account")
    assert "not the code that was sent last" in visit.page.words
    eve = world.add_user("eve@example.org")
    visit = answer(at_code(world, eve), code)
    assert not visit.url.endswith("/account")


def test_a_code_is_good_once(world: World, ada: Resident) -> None:
    """EOTP-1: it opens one session, and a replay of its request opens none."""
    browser = at_code(world, ada)
    code = last_code(world, ada)
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if any(i.name == "code" for i in form.inputs))
    browser.submit(form, {"code": code})
    thief = world.browser()
    thief.at = browser.at
    thief.submit(form, {"code": code})
    assert world.rows("SELECT count(*) FROM sso_sessions") == [(1,)]
    (row,) = world.rows("SELECT consumed_at FROM tickets WHERE kind = 'email_login'")
    assert row[0] is not None


def test_a_code_is_not_kept_in_the_clear(world: World, ada: Resident) -> None:
    """EOTP-1, AU-2: neither as text nor as a plain digest; the audit does not hold it."""
    at_code(world, ada)
    code = last_code(world, ada)
    held = str(world.rows("SELECT * FROM tickets") + world.rows("SELECT * FROM outbox"))
    assert code not in held
    assert code.replace(" ", "") not in held
    assert code not in str([event.data for event in world.events()])


def test_five_wrong_codes_close_the_step_however_many_are_sent(world: World, ada: Resident) -> None:
    """EOTP-2, TOTP-6: sending never raises the budget of wrong ones."""
    browser = at_code(world, ada)
    for left in (4, 3):
        assert f"{left} tries left" in answer(browser, wrong_code(world, ada)).page.words
    world.clock.advance(minutes=1)
    send(browser)
    for _ in range(3):
        answer(browser, wrong_code(world, ada))
    visit = post_code(browser, last_code(world, ada))
    assert (visit.status, CLOSED in visit.page.words) == (429, True)
    world.clock.advance(minutes=1)
    send(browser)
    assert answer(browser, last_code(world, ada)).status == 429


def test_a_code_is_dead_after_its_own_five_tries(world: World, ada: Resident) -> None:
    """EOTP-1: also where more wrong codes are allowed in all."""
    world.set(code_failures=20, code_failures_lock=100)
    browser = at_code(world, ada)
    for _ in range(5):
        answer(browser, wrong_code(world, ada))
    assert "has ended" in post_code(browser, last_code(world, ada)).page.words


def test_its_wrong_codes_count_with_those_of_the_app(world: World, ada: Resident) -> None:
    """TOTP-6: one budget for all factors of codes."""
    app = app_of(world, ada)
    browser = to_second_step(world, ada)
    for _ in range(3):
        answer(browser, app.wrong())
    assert browser.at is not None
    browser.open(browser.at.page.link("Code by e-mail"))
    send(browser)
    for _ in range(2):
        answer(browser, wrong_code(world, ada))
    assert answer(browser, last_code(world, ada)).status == 429


def test_an_account_is_sent_five_codes_an_hour(world: World, ada: Resident) -> None:
    """EOTP-2, RL-1: 429 says when the next one may be sent; the limit holds though every mail was welcome."""
    browser = at_code(world, ada)
    for _ in range(4):
        world.clock.advance(minutes=2)
        assert send(browser).status == 200
    world.clock.advance(minutes=2)
    visit = send(browser)
    assert (visit.status, visit.reply.header("Retry-After")) == (429, str(50 * 60))
    world.clock.advance(minutes=50)
    assert send(to_second_step(world, ada)).status == 200


def test_a_network_asks_for_so_many_mails_an_hour(world: World, ada: Resident) -> None:
    """EOTP-2, RL-1: twenty by default, counted apart from other networks; an IPv6 subscriber is one."""
    world.set(network_mails_an_hour=2)
    people = [world.add_user(f"p{number}@example.org") for number in range(4)]
    world.ip = "2001:db8::1"
    for person in people[:2]:
        assert send(to_second_step(world, person)).status == 200
    world.ip = "2001:db8::2"
    visit = send(to_second_step(world, people[2]))
    assert (visit.status, visit.reply.header("Retry-After")) == (429, "3600")
    world.ip = "2001:db8:1::1"
    assert send(to_second_step(world, people[3])).status == 200


def test_only_our_own_page_sends(world: World, ada: Resident) -> None:
    """WEB-2, SU-2: not without a token, not before the password, and not by GET."""
    browser = to_second_step(world, ada)
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if form.action.endswith("/send"))
    fields = {entry.name: entry.value or "" for entry in form.inputs}
    assert world.post("/login/email/send", fields | {"csrf_token": "x"}).status == 403
    assert browser.open(f"/login/email/send?tx={fields['tx']}").status in {404, 405}
    stranger = world.browser()
    start = stranger.open("/login").page.form("Sign in")
    start.action = "/login/email/send"
    stranger.submit(start, {"username": ada.email, "password": ada.password})
    for step in ("totp", "password", "nothing"):
        form.action = f"/login/{step}/send"
        browser.submit(form)
    assert world.mails() == []


def nobody_verified(world: World) -> Resident:
    return world.add_user("new@example.org", email_verified=False)


def forbidden_by_group(world: World) -> Resident:
    made = world.add_user("staff@example.org")
    with world.writing() as db:
        groups.add(db, world.issuer, {"name": "staff"}, by=SYSTEM)
        groups.add_members(db, world.issuer, "staff", [made.id], by=SYSTEM)
    world.set(email_code_not_for=["staff"])
    return made


def password_by_mail(world: World) -> Resident:
    made = world.add_user("reset@example.org")
    with world.writing() as db:
        edit.mark_by_mail(db, made.id, "yes")
    return made


def switched_off(world: World) -> Resident:
    made = world.add_user("off@example.org")
    world.set(email_code=False)
    return made


def test_it_is_asked_only_of_whom_it_proves_something(world: World, ada: Resident) -> None:
    """EOTP-3, EOTP-6: a verified address, not switched off, no group against it, and no password by mailed link."""
    for made in (forbidden_by_group, password_by_mail, switched_off):
        world.set(email_code=True, email_code_not_for=[])
        person = made(world)
        enter(world, person)
    world.set(email_code=True)
    nobody = nobody_verified(world)
    with world.reading() as db:
        assert enrolment.offers_of(db, world.issuer, nobody.id) == ()


def test_production_without_a_mail_server_does_not_offer_it(make_world: MakeWorld) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    world.set(email_code=True)
    enter(world, world.add_user())


def test_a_password_that_an_admin_or_two_factors_set_is_no_longer_one_by_mail(
    world: World, ada: Resident
) -> None:
    """EOTP-6: the mailbox opened the password, until somebody who showed more than the mailbox chose another."""
    with world.writing() as db:
        edit.mark_by_mail(db, ada.id, "yes")
    change(world, ada, enter(world, ada), "A password of the mailbox alone")
    assert by_mail(world, ada)
    app = app_of(world, ada)
    browser = to_second_step(world, ada)
    answer(browser, app.code())
    change(world, ada, browser, "A password of an app as well")
    assert not by_mail(world, ada)
    with world.writing() as db:
        edit.mark_by_mail(db, ada.id, "yes")
        edit.set_password(db, world.issuer, ada.id, "$argon2id$x", by=SYSTEM)
    assert not by_mail(world, ada)


def change(world: World, person: Resident, browser: Browser, text: str) -> None:
    """As the page does, in whose session this browser is."""
    handle = browser.jar.get("as_session")
    assert handle is not None
    with world.reading() as db:
        session = sso.find(db, world.issuer, handle.value, world.clock())
    assert session is not None
    passwords.change(world.issuer, session, text, by=Actor(kind="user", id=person.id))
    object.__setattr__(person, "password", text)


def by_mail(world: World, person: Resident) -> bool:
    return bool(world.rows("SELECT by_mail FROM passwords WHERE user_id = :user", user=person.id)[0][0])


def test_it_gives_no_right_to_take_a_stronger_factor_away(world: World, ada: Resident) -> None:
    """EOTP-4, TOTP-7: a sign-in by mail is not enough for the account's factors, and a fresh proof does not take it."""
    app = app_of(world, ada)
    browser = to_second_step(world, ada)
    assert browser.at is not None
    browser.open(browser.at.page.link("Code by e-mail"))
    send(browser)
    assert answer(browser, last_code(world, ada)).url.endswith("/account")
    visit = browser.open("/account/factors/totp/remove")
    assert "/login" in visit.url, visit.url
    visit = fill_password(browser, "", ada.password)
    assert visit.page.heading == "Enter the code from your app"
    assert "Code by e-mail" not in visit.page.words
    world.clock.advance(seconds=60)
    assert "/account/factors/totp/remove" in answer(browser, app.code()).url


def test_recovery_codes_open_what_mail_may_not(world: World, ada: Resident) -> None:
    """EOTP-4: where only the reserve is beside it, a fresh proof takes the mail too."""
    codes_of(world, ada)
    with world.reading() as db:
        offers = enrolment.offers_of(db, world.issuer, ada.id)
    assert [offer.name for offer in offers] == ["email", "recovery"]
    assert enrolment.guarding(offers) == offers


def test_the_way_used_last_comes_first(world: World, ada: Resident) -> None:
    app: Authenticator = app_of(world, ada)
    browser = to_second_step(world, ada)
    assert browser.at is not None
    assert browser.at.page.heading == "Enter the code from your app"
    browser.open(browser.at.page.link("Code by e-mail"))
    send(browser)
    answer(browser, last_code(world, ada))
    world.clock.advance(minutes=1)
    assert to_second_step(world, ada).at.page.heading == "Get a code by e-mail"  # type: ignore[union-attr]
    assert app


def test_a_locked_step_sends_nothing(world: World, ada: Resident) -> None:
    """TOTP-6: ten wrong codes in an hour lock it; there is nothing to send a code for."""
    browser = at_code(world, ada)
    for _ in range(5):
        answer(browser, wrong_code(world, ada))
    world.clock.advance(minutes=16)
    send(browser)
    for _ in range(5):
        answer(browser, wrong_code(world, ada))
    before = len(world.mails())
    visit = to_second_step(world, ada).at
    assert visit is not None
    assert "this way is locked" in visit.page.words
    assert not any(form.action.endswith("/send") for form in visit.page.forms)
    assert len(world.mails()) == before
