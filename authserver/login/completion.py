"""The end of a login: a session for what was proved, in place of whatever the browser had. SS-1, SS-9."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import NamedTuple

from authserver.agents import network
from authserver.audit import Actor, record
from authserver.audit.events import NewDevice
from authserver.authentication import UserId, level_of
from authserver.issuer import Issuer
from authserver.limits import passwords
from authserver.limits.passwords import Try
from authserver.login import apps, trusted
from authserver.login.apps import Wish
from authserver.login.transaction import attach
from authserver.login.trusted import Presented
from authserver.opaque import digest, new_id, new_secret
from authserver.sessions import opening, sso
from authserver.sessions.limits import Full
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.store.sessions import DEVICE_OWNERS, KEEP_DEVICE
from authserver.tokens.issue import Ready
from authserver.transaction import Purpose, Transaction

DEVICE_KNOWN = timedelta(days=365)


class Visitor(NamedTuple):
    """The browser that answers: what it is known by, and who is signed in there already.

    `idle` is the session that was theirs until nobody was there for too long; its apps may still run. Where no
    browser shows anything, `app` is the client that asks by itself. `goes_on`: the answer that ends the login is on its
    way to the app, so what waited is taken up with it.
    """

    browser: bytes
    device: str | None
    session: SsoSession | None
    by: Actor
    idle: SsoSession | None = None
    trust: Presented | None = None
    app: str = ""
    goes_on: bool = False

    @property
    def device_digest(self) -> bytes | None:
        return digest(self.device) if self.device else None


class Entered(NamedTuple):
    """Signed in: `handle` and `device` are the cookies to set, and `trusted` where the device is so from now on.

    `taken_up`: what waited is resumed already, for this very answer. An app gets no cookies: `ready` is what its
    tokens are made from.
    """

    tx: Transaction
    session: SsoSession
    handle: str
    device: str
    trusted: str | None = None
    taken_up: bool = False
    ready: Ready | None = None


def complete(
    db: Session,
    issuer: Issuer,
    tx: Transaction,
    visitor: Visitor,
    *,
    wish: Wish | None = None,
    made: Try | None = None,
) -> Entered | Full | None:
    """Open the session, once everything was proved; None if the person may not sign in any more.

    Full, and nothing is opened, where another must end first: the login stays as it is, for that to be chosen.
    `wish` is an app's, as it was looked at in this transaction; `made` the try that was right, forgiven with the rest.
    """
    if tx.user is None:
        raise ValueError("nobody has proved anything")
    known = cache(partial(_known_device, db, issuer, tx.user, visitor))
    held = _session(db, issuer, tx, visitor, lambda: known()[1])
    if held is None or isinstance(held, Full):
        return held
    (session, handle), (device, device_id) = held, known()
    now = issuer.clock()
    # What goes on at once is taken up by the very write that ends its login.
    taken_up = visitor.goes_on and now < tx.expires_at
    waits = tx.purpose is Purpose.AUTHORIZE and not taken_up
    if not attach(db, tx, session.id, None if waits else now):
        raise LookupError("the login moved under the one who had just advanced it")
    _forgive(db, issuer, tx, session, device_id, made)
    if tx.purpose is Purpose.APP:
        ready = apps.allow(db, issuer, wish or apps.wish(db, issuer, tx), session, by=visitor.by)
        return Entered(tx=tx, session=session, handle="", device="", ready=ready)
    value = trusted.keep(db, issuer, tx, session, device_id, by=visitor.by)
    return Entered(tx=tx, session=session, handle=handle, device=device, trusted=value, taken_up=taken_up)


def _forgive(
    db: Session, issuer: Issuer, tx: Transaction, session: SsoSession, device_id: str, made: Try | None
) -> None:
    """What was wrong before a full sign-in counts no more; one that is only stepped up forgives its own try."""
    if tx.steps_up != session.id:
        account = passwords.account_key(issuer.roots, session.user, "")
        passwords.reset(db, account, device_id, made, issuer.clock())
    elif made is not None:
        passwords.forgive(db, made)


def entered_already(db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor) -> Entered | None:
    """The session that the other half of a double submit opened, for the half that was late."""
    handle = opening.handle_of(issuer, tx)
    session = sso.find(db, issuer, handle, issuer.clock())
    if session is None or session.id != tx.session:
        return None
    device, _ = _known_device(db, issuer, session.user, visitor)
    value = trusted.kept(db, issuer, tx, session, device)
    return Entered(tx=tx, session=session, handle=handle, device=device, trusted=value)


def _session(
    db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor, device: Callable[[], str]
) -> tuple[SsoSession, str] | Full | None:
    standing, by = visitor.session or visitor.idle, visitor.by
    if standing is not None and goes_on_in(tx, standing):
        renewed = opening.renew(db, issuer, standing, tx, by=by)
        # What was only to be added to a session that ended meanwhile is no sign-in of its own.
        if renewed is not None or tx.steps_up == standing.id:
            return renewed
    return opening.open(db, issuer, tx, by=by, device=device, replaces=standing)


def goes_on_in(tx: Transaction, standing: SsoSession) -> bool:
    """Whether no new session is opened. One never gets weaker: proofs that reach less make one of their own. SU-4."""
    no_weaker = tx.steps_up == standing.id or level_of(tx.proofs) >= standing.authentication.level
    return standing.user == tx.user and no_weaker


def _known_device(db: Session, issuer: Issuer, user: UserId, visitor: Visitor) -> tuple[str, str]:
    """The cookie that this browser is known by from now on, and the id of its row for this person. PW-6."""
    now = issuer.clock()
    if visitor.app:
        # Nothing is kept there to be known by: an app of one kind and network is one device, so that it is told once.
        value = "\x1f".join(("app", visitor.app, visitor.by.user_agent, network(visitor.by.ip)))
        return value, _kept(db, issuer, user, value, visitor)
    owners = (
        {row[0] for row in db.hot(DEVICE_OWNERS, {"digest": visitor.device_digest, "now": db.time(now)})}
        if visitor.device
        else set()
    )
    value = visitor.device if visitor.device and owners else new_secret()
    return value, _kept(db, issuer, user, value, visitor)


def _kept(db: Session, issuer: Issuer, user: UserId, value: str, visitor: Visitor) -> str:
    now, made = issuer.clock(), new_id()
    row = db.one(
        KEEP_DEVICE,
        {
            "id": made,
            "digest": digest(value),
            "user": user,
            "user_agent": visitor.by.user_agent[:512],
            "ip": visitor.by.ip[:45],
            "now": db.time(now),
            "expires_at": db.time(now + DEVICE_KNOWN),
        },
    )
    device_id = str(row[0]) if row else made
    if device_id == made:
        record(db, NewDevice(subject=user), by=visitor.by, at=now)
    return device_id
