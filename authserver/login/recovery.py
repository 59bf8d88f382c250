"""A forgotten password: a link by mail sets a new one, once, and signs nobody in. PW-4, PW-7, PW-8."""

from dataclasses import dataclass
from datetime import timedelta

from authserver import once
from authserver.agents import plain
from authserver.audit import Actor, record
from authserver.audit.events import ResetAsked
from authserver.authentication import UserId
from authserver.errors import Refusal, TooMany
from authserver.issuer import Issuer
from authserver.login import passwords
from authserver.mail import outbox, volume
from authserver.opaque import new_id
from authserver.sessions import ending
from authserver.store import Session, retrying
from authserver.store.sessions import FORGET_DEVICES
from authserver.tokens import grant
from authserver.users import edit, find
from authserver.users.names import email_problem
from authserver.users.user import User

LETTER, NOBODY, TICKET = "password_reset", "no_account", "password_reset"
LASTS = timedelta(minutes=30)
REASON = "password_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Whose password a link may set."""

    user: UserId
    epoch: int


def ask(issuer: Issuer, identifier: str, *, by: Actor) -> None:
    """Mail a link to whoever has this name, or to the address that nobody has: the page cannot tell which. PW-4.

    A mail that would come too soon is not sent, and nothing says so. TooMany is for the network that asks.
    """
    wait = issuer.limiter.failures(by.ip)
    if wait is not None:
        raise TooMany("Too many tries came from your network.", retry_after=wait, rule="address_failures")
    issuer.limiter.failed(by.ip)
    retrying(lambda: _ask(issuer, identifier.strip(), by))


def standing(db: Session, issuer: Issuer, ticket: str) -> Lost | None:
    """Whose password a link sets while it is good; looking spends nothing. PW-8."""
    found = once.peek(db, issuer.roots, TICKET, ticket, now=issuer.clock())
    return _lost(db, found) if isinstance(found, once.Ticket) else None


def reset(issuer: Issuer, ticket: str, text: str, *, by: Actor) -> User | None:
    """Spend the link and set the password; everything that was signed in ends. None for a link that is over. SS-7."""
    with issuer.database.reading() as db:
        lost = standing(db, issuer, ticket)
    if lost is None:
        return None
    chosen = passwords.choose(issuer, text, lost.user)

    def attempt() -> User | None:
        with issuer.database.writing() as db:
            return spend(db, issuer, ticket, chosen, by=by)

    return retrying(attempt)


def spend(db: Session, issuer: Issuer, ticket: str, chosen: passwords.Chosen, *, by: Actor) -> User | None:
    """What a link does, once."""
    key, _, answer = ticket.partition(".")
    now = issuer.clock()
    spent = once.consume(db, issuer.roots, TICKET, key, answer, now=now)
    lost = _lost(db, spent) if isinstance(spent, once.Ticket) else None
    if lost is None:
        return None
    if chosen.stands == "beside" and not passwords.may_be_short(db, issuer, lost.user):
        raise Refusal("The second factor went meanwhile.", rule="password_length", status=409)
    owner = by._replace(kind="user", id=lost.user)
    edit.set_password(db, issuer, lost.user, chosen.phc, by=owner, stands=chosen.stands)
    edit.mark_by_mail(db, lost.user, "yes")
    db.hot(FORGET_DEVICES, {"user": lost.user}).close()
    ending.end_others(db, issuer, lost.user, keep=None, reason=REASON, by=owner, now=now)
    grant.revoke_where(db, issuer, reason=REASON, by=owner, user=lost.user)
    return find.load(db, lost.user)


def _ask(issuer: Issuer, identifier: str, by: Actor) -> None:
    source, now = volume.source_of(by.ip), issuer.clock()
    with issuer.database.writing() as db:
        # Before anybody is looked for: a network that has to wait is told so whoever was named.
        volume.check_network(db, issuer, source=source)
        user = find.by_identifier(db, identifier)
        known = user if user is not None and user.status == "active" and user.email_verified else None
        template, to = (LETTER, known.email) if known else (NOBODY, identifier)
        about = {"lost": known.id, "epoch": known.epoch, "address": to} if known else {}
        reachable = to if to and not email_problem(to) else None
        if reachable is None or volume.next_at(db, issuer, template=template, to=reachable) is not None:
            # It takes as long, and leaves the link that was sent before as it is.
            once.open_ticket(db, issuer.roots, TICKET, now=now, expires_at=now + LASTS)
            record(db, ResetAsked(subject=known.id if known else None), by=by, at=now)
            return
        volume.check(db, issuer, template=template, to=reachable, source=source)
        # Nobody gets a ticket, too: the same writes for everyone.
        key = known.id if known else new_id()
        ticket = once.open_ticket(
            db, issuer.roots, TICKET, key=key, payload=about, now=now, expires_at=now + LASTS
        )
        outbox.enqueue(
            db,
            issuer,
            to=reachable,
            template=template,
            locale=known.locale if known else None,
            values={"at": now, "device": plain(by.user_agent), "place": by.ip},
            link=f"/recover/{ticket}" if known else "/login",
            user=known.id if known else None,
            # A name that nobody has sends no mail, so one that somebody has costs the network none either.
            source=source if "@" in identifier else None,
        )
        record(db, ResetAsked(subject=known.id if known else None), by=by, at=now)


def _lost(db: Session, ticket: once.Ticket) -> Lost | None:
    """Dead after a change of the password or the address, and for whoever may not sign in. PW-7."""
    about = ticket.payload
    user = find.find(db, about.get("lost", "")) if about else None
    if user is None or user.status != "active" or not user.email_verified:
        return None
    same = user.epoch == about["epoch"] and user.email == about["address"]
    return Lost(user=user.id, epoch=user.epoch) if same else None
