"""What happens to an account is mailed to its owner: once, in the act's own transaction, with what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from authserver.audit import SYSTEM, Actor, record
from authserver.audit.events import Event, PasskeyCopied, RecoveryCodesMade, UnusualPlace
from authserver.login import enrolment
from authserver.mail.letters import LETTERS
from authserver.mail.outbox import Kept
from authserver.places import Places
from authserver.users import edit, find, notices
from authserver.users.notices import TOLD
from tests.flow.apps import Authenticator, answer, app_of, codes_of, enter_with, to_second_step
from tests.flow.conftest import MakeWorld
from tests.flow.login import enter
from tests.flow.world import Resident, World
from tests.peers import mmdb

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def ada(world: World) -> Resident:
    """Somebody who signed in before, on a device of hers, at 192.0.2.1."""
    made = world.add_user()
    enter(world, made)
    assert world.mails() == [], "the first sign-in is no news"
    return made


def told(world: World, to: str = "") -> list[str]:
    return [mail.template for mail in world.mails(to)]


def text(mail: Kept) -> str:
    assert mail.written is not None
    return " ".join(mail.written.text.split())


def as_ada(person: Resident) -> Actor:
    return Actor(kind="user", id=person.id, ip="198.51.100.7", user_agent=SAFARI)


def write(world: World, *events: Event, by: Actor = SYSTEM) -> None:
    with world.writing() as db:
        for event in events:
            record(db, event, by=by, at=world.clock())


def test_a_new_device_is_told_with_its_name_its_network_and_a_way_out(world: World, ada: Resident) -> None:
    """SS-11, ASVS 6.3.5: audit and mail, once for the device."""
    world.ip = "198.51.100.7"
    browser = enter(world, ada, world.browser(user_agent=SAFARI))
    (mail,) = world.mails(ada.email)
    said = text(mail)
    assert "Safari, iPhone" in said
    assert "198.51.100.x" in said
    assert "January 15, 2027" in said
    assert mail.written is not None
    assert mail.written.link == f"{world.url}/account/not-me"
    browser.submit(browser.open("/logout").page.form("Sign out"))
    enter(world, ada, browser)
    assert told(world) == ["new_device"]
    assert len(world.events("new_device")) == 2


def test_a_known_device_at_an_unusual_network_is_told_once(world: World) -> None:
    """SS-11."""
    ada = world.add_user()
    browser = enter(world, ada)
    for ip, mails in (("192.0.2.99", 0), ("203.0.113.5", 1), ("203.0.113.77", 1), ("192.0.2.1", 1)):
        world.clock.advance(hours=13)
        world.ip = ip
        enter(world, ada, browser)
        assert told(world) == ["unusual_place"] * mails, ip
    (event,) = world.events("unusual_place")
    assert event.data == {"place": "203.0.113.x"}


def test_where_places_are_known_another_country_is_unusual_and_another_network_is_not(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    """SS-11: the place is named in the mail's language."""
    berlin = mmdb.place("DE", "Berlin", en="Germany", de="Deutschland")
    lyon = mmdb.place("FR", "Lyon", en="France", de="Frankreich")
    path = mmdb.write(
        tmp_path / "places.mmdb", {"192.0.2.0/24": berlin, "203.0.113.0/24": berlin, "198.51.100.0/24": lyon}
    )
    world = make_world(geoip_file=path)
    ada = world.add_user(locale="de")
    browser = enter(world, ada)
    for ip, mails in (("203.0.113.5", 0), ("198.51.100.7", 1), ("203.0.113.5", 1)):
        world.clock.advance(hours=13)
        world.ip = ip
        enter(world, ada, browser)
        assert told(world) == ["unusual_place"] * mails, ip
    assert "von Lyon, Frankreich (198.51.100.x)" in text(world.mails()[0])


def test_a_place_comes_of_a_file_that_may_be_broken_gone_or_newer(tmp_path: Path) -> None:
    path = tmp_path / "places.mmdb"
    assert Places(None).told("192.0.2.1", "en") == "192.0.2.x"
    assert Places(path).told("192.0.2.1", "en") == "192.0.2.x"
    path.write_bytes(b"nothing of the kind")
    assert "InvalidDatabaseError" in Places(path).trouble()
    assert Places(path).told("192.0.2.1", "en") == "192.0.2.x"
    mmdb.write(path, {"192.0.2.0/24": mmdb.place("DE", en="Germany", de="Deutschland")})
    places = Places(path)
    assert places.trouble() == ""
    assert places.told("192.0.2.1", "de-AT") == "Deutschland (192.0.2.x)"
    assert places.told("192.0.2.1", "fr") == "Germany (192.0.2.x)"
    assert [places.told(ip, "en") for ip in ("203.0.113.1", "", "unix", "2001:db8::1")] == [
        "203.0.113.x",
        "",
        "",
        "2001:db8::/48",
    ]


def by_setting_up(world: World, ada: Resident) -> None:
    browser = enter(world, ada)
    browser.open("/account/factors/totp")
    assert browser.at is not None
    answer(browser, Authenticator.scanned(world, browser.at).code())


def test_a_factor_that_is_added_used_in_reserve_or_taken_away_is_told(world: World) -> None:
    """TOTP-7, RC-3, ASVS 6.3.7: added, removed, recovery code used. Codes that came with the app are not told apart."""
    ada = world.add_user()
    by_setting_up(world, ada)
    assert told(world) == ["factor_added"]
    assert "an authenticator app" in text(world.mails()[0])
    code, *_ = codes_of(world, ada)
    world.clock.advance(hours=2)
    browser = to_second_step(world, ada)
    assert browser.at is not None
    browser.open(browser.at.page.link("Recovery code"))
    answer(browser, code)
    used = next(mail for mail in world.mails() if mail.template == "recovery_code_used")
    assert "Codes left: 9" in text(used)
    world.clock.advance(hours=2)
    with world.writing() as db:
        enrolment.reset(db, world.issuer, find.load(db, ada.id), None, by=SYSTEM)
    removed = next(mail for mail in world.mails() if mail.template == "factor_removed")
    assert "An administrator removed it." in text(removed)


def test_a_locked_second_step_is_told_once(world: World) -> None:
    """TOTP-6: ten wrong codes in an hour; mail to the owner."""
    ada = world.add_user()
    app = app_of(world, ada)
    enter_with(world, ada, app)
    for _ in range(2):
        browser = to_second_step(world, ada)
        for _ in range(5):
            answer(browser, app.wrong())
        world.clock.advance(minutes=16)
    assert told(world) == ["second_step_locked"]
    mail = world.mails()[0]
    assert mail.written is not None
    assert mail.written.link.endswith("/account/password")


def test_a_new_password_is_told_whoever_set_it(world: World, ada: Resident) -> None:
    """PW-9, ASVS 6.3.7."""
    with world.writing() as db:
        edit.set_password(db, world.issuer, ada.id, "$argon2id$a", by=as_ada(ada))
    assert "Safari, iPhone" in text(world.mails()[0])
    with world.writing() as db:
        edit.set_password(db, world.issuer, ada.id, "$argon2id$b", by=SYSTEM)
    assert "An administrator changed it." in text(world.mails()[1])
    assert told(world) == ["password_changed"] * 2


@pytest.mark.parametrize(
    ("verified", "addressed"),
    [(True, ["ada@example.org", "new@example.org"]), (False, ["ada@example.org"])],
)
def test_a_new_address_is_told_to_the_old_one(
    world: World, ada: Resident, verified: bool, addressed: list[str]
) -> None:
    """PW-9: and to the new one, if it is verified."""
    changes = {"email": "new@example.org", "email_verified": verified}
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, changes, by=SYSTEM)
    assert sorted(mail.to for mail in world.mails()) == addressed
    assert set(told(world)) == {"email_changed"}
    assert "from ada@example.org" in text(world.mails()[0])
    assert world.events("email_changed")[0].data == {"by_admin": True}
    assert "example.org" not in str([event.data for event in world.events("email_changed")])


def test_what_is_not_committed_is_not_told(world: World, ada: Resident) -> None:
    """AU-4: the notice goes with the act."""

    def act() -> None:
        with world.writing() as db:
            edit.set_password(db, world.issuer, ada.id, "$argon2id$a", by=SYSTEM)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert world.mails() == []


def test_a_flood_of_one_kind_is_one_mail(world: World, ada: Resident) -> None:
    """RL-1: what says the same is said once an hour, and of one kind there are five at most."""
    for _ in range(30):
        write(world, PasskeyCopied(subject=ada.id, passkey="p", label="Key"), by=as_ada(ada))
        world.clock.advance(seconds=30)
    assert told(world) == ["passkey_copied"]
    for number in range(30):
        write(world, PasskeyCopied(subject=ada.id, passkey="p", label=f"Key {number}"), by=as_ada(ada))
    assert told(world) == ["passkey_copied"] * 5
    world.clock.advance(minutes=61)
    write(world, PasskeyCopied(subject=ada.id, passkey="p", label="Key"), by=as_ada(ada))
    assert told(world) == ["passkey_copied"] * 6


def test_codes_made_long_after_the_app_are_told(world: World, ada: Resident) -> None:
    write(world, RecoveryCodesMade(subject=ada.id, count=10), by=as_ada(ada))
    assert told(world) == ["recovery_codes_made"]


@dataclass(frozen=True)
class Untold:
    """Somebody who gets no notices, and why."""

    why: str
    make: Callable[[World], Resident]


def unverified(world: World) -> Resident:
    made = world.add_user("new@example.org", email_verified=False)
    with world.writing() as db:
        edit.note_sign_in(db, world.issuer, made.id)
    return made


@pytest.mark.parametrize(
    "untold",
    [
        Untold("their address is not verified", unverified),
        Untold("they never signed in", lambda world: world.add_user("never@example.org")),
    ],
    ids=lambda untold: untold.why,
)
def test_nobody_else_is_told(untold: Untold, world: World) -> None:
    person = untold.make(world)
    write(world, PasskeyCopied(subject=person.id, passkey="p", label="Key"), by=as_ada(person))
    assert world.mails() == []


def test_production_without_a_mail_server_writes_none(make_world: MakeWorld) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    ada = world.add_user()
    enter(world, ada)
    enter(world, ada, world.browser(user_agent=SAFARI))
    assert world.rows("SELECT count(*) FROM outbox") == [(0,)]


def test_who_is_removed_leaves_no_address_behind(world: World, ada: Resident) -> None:
    enter(world, ada, world.browser(user_agent=SAFARI))
    world.deliver()
    with world.writing() as db:
        edit.remove(db, world.issuer, ada.id, by=SYSTEM)
    assert world.rows("SELECT recipient FROM outbox") == []
    assert world.rows("SELECT place FROM seen_places") == []


def test_each_notice_has_its_letter_and_says_what_to_do() -> None:
    """Every event that is told leads to a letter of the catalogue."""
    assert {event.name for event in TOLD} >= {"new_device", "unusual_place", "factor_added", "factor_removed"}
    assert notices.SAID_BY.keys() <= LETTERS.keys()
    assert UnusualPlace in TOLD
