"""Apps are told that a session has ended: by a token of one kind, from an outbox, without anybody waiting."""

from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.errors import Refusal
from authserver.login import enrolment
from authserver.sessions import ending, keeping_out
from authserver.store import Session
from authserver.users import find
from authserver.work.end_sessions import end_sessions
from tests.agent import Browser
from tests.flow.login import enter, fill
from tests.flow.world import Resident, World
from tests.oidc import RelyingParty, Tokens, sign_in
from tests.peers.listener import Listener, listening

EVENT = "http://schemas.openid.net/event/backchannel-logout"
PHC = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$YmFkYmFkYmFkYmFkYmFkYmFkYmFkYmFk"
End = Callable[[World, Resident, Browser], object]


@pytest.fixture
def ada(world: World) -> Resident:
    return world.add_user()


@pytest.fixture
def app() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def party(world: World, app: Listener, name: str = "web", **more: Any) -> RelyingParty:
    return world.add_client(name, first_party=True, backchannel_logout_uri=app.url, **more)


def leave(browser: Browser) -> None:
    browser.submit(browser.open("/account").page.form("Sign out"))


def claims(rp: RelyingParty, token: str) -> dict[str, Any]:
    return rp.verified(token, audience=rp.client_id, typ="logout+jwt", alg="ES256")


def acted(act: Callable[[Session, World, Resident], object]) -> End:
    """What an administrator does, in one transaction."""

    def end(world: World, person: Resident, browser: Browser) -> None:
        with world.writing() as db:
            act(db, world, person)

    return end


def ended_by_id(db: Session, world: World, person: Resident) -> None:
    (session,) = db.orm.connection().exec_driver_sql("SELECT id FROM sso_sessions").scalars()
    ending.end(db, world.issuer, session, reason="ended_by_admin", by=SYSTEM, now=world.clock())


def reset_factors(db: Session, world: World, person: Resident) -> None:
    enrolment.reset(db, world.issuer, find.load(db, person.id), None, by=SYSTEM)


def from_elsewhere(path: str, **answers: str) -> End:
    """What the person does in another browser."""

    def end(world: World, person: Resident, browser: Browser) -> None:
        other = enter(world, person)
        page = other.open(path).page
        form = next(form for form in page.forms if "/logout" not in form.action)
        other.submit(form, answers)

    return end


def taken_over(world: World, person: Resident, browser: Browser) -> None:
    world.set(max_sessions=1)
    other = world.browser()
    other.open("/login")
    fill(other, person.email, person.password)
    assert other.at is not None
    other.submit(other.at.page.forms[0])


def lasted(world: World, person: Resident, browser: Browser) -> None:
    world.clock.advance(hours=12)
    end_sessions(world.issuer)


ENDS: dict[str, End] = {
    "signed-out": lambda _world, _person, browser: leave(browser),
    "taken-over": taken_over,
    "one-device-by-its-owner": from_elsewhere("/account/devices/end"),
    "everywhere-else": from_elsewhere("/account/not-me"),
    "password-changed": from_elsewhere("/account/password", new="Another engine altogether"),
    "absolute-end": lasted,
    "by-an-admin": acted(ended_by_id),
    "locked": acted(lambda db, world, person: keeping_out.lock(db, world.issuer, person.id, by=SYSTEM)),
    "disabled": acted(lambda db, world, person: keeping_out.disable(db, world.issuer, person.id, by=SYSTEM)),
    "removed": acted(lambda db, world, person: keeping_out.remove(db, world.issuer, person.id, by=SYSTEM)),
    "password-reset": acted(
        lambda db, world, person: keeping_out.reset_password(db, world.issuer, person.id, PHC, by=SYSTEM)
    ),
    "factors-reset": acted(reset_factors),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_every_end_is_told_once(world: World, ada: Resident, app: Listener, end: End) -> None:
    """LO-4, SS-7: for logout, takeover, absolute timeout, admin revoke, user disable, and all others."""
    web, browser = party(world, app), world.browser()
    tokens = sign_in(browser, web, ada)
    end(world, ada, browser)
    assert app.tokens == [], "nobody waited for it"
    world.tell_apps()
    (token,) = app.tokens
    found = claims(web, token)
    assert found["sub"] == ada.subject
    assert found["sid"] == tokens.claims["sid"]
    assert found["events"] == {EVENT: {}}
    assert found["exp"] - found["iat"] <= 120
    assert found.keys() == {"iss", "aud", "sub", "sid", "iat", "exp", "jti", "events"}
    assert world.tell_apps() == 0


def test_an_idle_browser_has_not_ended(world: World, ada: Resident, app: Listener) -> None:
    """LO-4, RT-10: its apps run on."""
    sign_in(world.browser(), party(world, app), ada)
    world.clock.advance(hours=11)
    assert end_sessions(world.issuer) == 0
    assert world.tell_apps() == 0


def test_each_app_of_the_session_is_told_and_no_other(world: World, ada: Resident, app: Listener) -> None:
    """LO-4: each with a token of its own; those that did not take part, or do not listen, hear nothing."""
    parties = [party(world, app, name) for name in ("web", "mail")]
    party(world, app, "stranger")
    quiet = world.add_client("quiet", first_party=True)
    browser = world.browser()
    for each in (*parties, quiet):
        sign_in(browser, each, ada)
    sign_in(world.browser(), parties[0], ada)
    leave(browser)
    assert world.tell_apps() == 2
    heard = [jwt.decode(token, options={"verify_signature": False}) for token in app.tokens]
    assert sorted(each["aud"] for each in heard) == ["mail", "web"]
    assert len({each["jti"] for each in heard}) == 2
    assert len({each["sid"] for each in heard}) == 1


def test_what_is_rolled_back_is_not_told(world: World, ada: Resident, app: Listener) -> None:
    """LO-5: the row is in the transaction that ends the session."""
    sign_in(world.browser(), party(world, app), ada)

    def fails(db: Session, world: World, person: Resident) -> None:
        ended_by_id(db, world, person)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        acted(fails)(world, ada, world.browser())
    assert world.tell_apps() == 0


def one_to_tell(world: World, ada: Resident, app: Listener) -> tuple[RelyingParty, Tokens]:
    web, browser = party(world, app), world.browser()
    tokens = sign_in(browser, web, ada)
    leave(browser)
    return web, tokens


def test_an_app_that_is_away_is_told_later(world: World, ada: Resident, app: Listener) -> None:
    """LO-5: three more times, ever further apart; each token is signed at its delivery, with a jti of its own."""
    web, _ = one_to_tell(world, ada, app)
    app.answers = [503, 500, 404]
    for wait in (0, 5, 30, 300):
        if wait:
            world.clock.advance(seconds=wait - 1)
            assert world.tell_apps() == 0
            world.clock.advance(seconds=1)
        assert world.tell_apps() == 1
        assert claims(web, app.tokens[-1])["iat"] == int(world.clock.now())
    assert len({jwt.decode(token, options={"verify_signature": False})["jti"] for token in app.tokens}) == 4
    assert not world.events("logout_not_told")


@pytest.mark.parametrize(
    ("answers", "tries"), [([400], 1), ([503] * 4, 4), ([302] * 4, 4)], ids=["refused", "away", "redirected"]
)
def test_what_cannot_be_told_is_audited(
    world: World, ada: Resident, app: Listener, answers: list[int], tries: int
) -> None:
    """LO-5: a 400 at once, an app that stays away after three retries; no redirect is followed."""
    _, tokens = one_to_tell(world, ada, app)
    app.answers = list(answers)
    for _ in range(6):
        world.tell_apps()
        world.clock.advance(minutes=6)
    assert len(app.tokens) == tries
    assert app.elsewhere == []
    (event,) = world.events("logout_not_told")
    assert (event.client, event.session, event.subject) == ("web", tokens.claims["sid"], ada.id)


def test_an_app_that_does_not_answer_at_all_holds_nobody(world: World, ada: Resident, app: Listener) -> None:
    """LO-5."""
    with listening() as gone:
        web = party(world, gone)
        browser = world.browser()
        sign_in(browser, web, ada)
    leave(browser)
    assert world.tell_apps() == 1
    world.clock.advance(seconds=5)
    assert world.tell_apps() == 1


def test_a_private_address_is_not_asked(world: World, ada: Resident, app: Listener) -> None:
    """LO-5, CL-14, CVE-19: public addresses alone, and in development this machine."""
    web = world.add_client(
        "web", first_party=True, backchannel_logout_uri="https://localhost.localdomain/logout"
    )
    browser = world.browser()
    sign_in(browser, web, ada)
    leave(browser)
    assert world.tell_apps() == 1
    rows = world.rows("SELECT state, attempts FROM outbox WHERE kind = 'logout_token'")
    assert rows == [("waiting", 1)]


def test_an_app_that_wants_no_more_is_left_alone(world: World, ada: Resident, app: Listener) -> None:
    one_to_tell(world, ada, app)
    with world.writing() as db:
        clients.edit(db, world.issuer, "web", {"active": False}, by=SYSTEM)
    assert world.tell_apps() == 1
    assert app.tokens == []


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example/logout",
        "https://10.0.0.1/logout",
        "https://user@app.example/logout",
        "https://app.example/logout#part",
        "app://logout",
        "http://127.0.0.2/logout",
    ],
)
def test_only_what_may_be_asked_is_registered(world: World, address: str) -> None:
    """CL-14."""
    with pytest.raises(Refusal):
        world.add_client("web", backchannel_logout_uri=address)


def test_this_machine_is_for_development(make_world: Callable[..., World]) -> None:
    """CL-14."""
    world = make_world(issuer="https://id.example", environment="production")
    with pytest.raises(Refusal):
        world.add_client("web", backchannel_logout_uri="http://localhost:9000/logout")
    world.add_client("web", backchannel_logout_uri="https://app.example/logout")


def test_a_client_that_signs_nobody_in_has_nothing_to_hear(world: World) -> None:
    with pytest.raises(Refusal):
        world.add_client(
            "robot",
            grant_types=["client_credentials"],
            redirect_uris=[],
            scope="",
            backchannel_logout_uri="https://app.example/logout",
        )


def test_discovery_says_so(world: World) -> None:
    """MD-3."""
    metadata = world.get("/.well-known/openid-configuration").json()
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
