"""A new password: as long as the person's other factors let it be, and the end of what was signed in elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from authserver.audit import Actor
from authserver.authentication import Level, UserId
from authserver.errors import Refusal
from authserver.factors.password import hash_password, new_password, normalized
from authserver.issuer import Issuer
from authserver.login.rule import Rule, rule_for, rule_for_all
from authserver.login.steps import offers_of
from authserver.opaque import new_secret
from authserver.sessions import ending
from authserver.sessions.sso import SsoSession
from authserver.store import Session, retrying
from authserver.store.sessions import FORGET_DEVICES
from authserver.users import edit, find
from authserver.users.edit import Stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A password that may be set: its hash, and whether it is good without a second factor."""

    phc: str = field(repr=False)
    stands: Stands


def shortest(db: Session, issuer: Issuer, user: UserId | None) -> int:
    """How short a password of theirs may be; None is somebody who has no account yet. PW-1."""
    settings = issuer.settings
    beside = may_be_short(db, issuer, user)
    return settings.password_min_length_with_second if beside else settings.password_min_length


def may_be_short(db: Session, issuer: Issuer, user: UserId | None) -> bool:
    """Whether a second factor stands beside the password, or must."""
    if user is None:
        return rule_for_all(issuer) is Rule.REQUIRED
    guarded = any(offer.guards for offer in offers_of(db, issuer, user))
    return guarded or rule_for(db, issuer, user) is Rule.REQUIRED


def choose(issuer: Issuer, text: str, user: UserId | None, *, about: Iterable[str] = ()) -> Chosen:
    """Check and hash a password that somebody chose; a Refusal says what it lacks. PW-1, PW-2.

    `about` is what somebody says of themselves who has no account yet.
    """
    with issuer.database.reading() as db:
        least, known = shortest(db, issuer, user), known_of(db, issuer, user)
    return _hashed(issuer, new_password(text, least, (*known, *about)))


def choose_alone(issuer: Issuer, text: str, user: UserId | None, *, about: Iterable[str] = ()) -> Chosen:
    """The same for a password that stands without a second factor. PW-1."""
    with issuer.database.reading() as db:
        known = known_of(db, issuer, user)
    return _hashed(issuer, new_password(text, issuer.settings.password_min_length, (*known, *about)))


def known_of(db: Session, issuer: Issuer, user: UserId | None) -> tuple[str, ...]:
    """What a stranger would try first: the names of the site and of the person. PW-2."""
    person = find.find(db, user) if user is not None else None
    theirs = (person.username, person.email, person.name) if person is not None else ()
    return (issuer.settings.site_name, urlsplit(issuer.url).hostname or "", *(text or "" for text in theirs))


def change(issuer: Issuer, session: SsoSession, text: str, *, by: Actor) -> tuple[SsoSession, str]:
    """Set it and keep the acting session with its apps, under the handle that is given back. SS-7."""
    chosen = choose(issuer, text, session.user)

    def attempt() -> tuple[SsoSession, str]:
        with issuer.database.writing() as db:
            return set_(db, issuer, session, chosen, by=by)

    return retrying(attempt)


def set_(
    db: Session, issuer: Issuer, session: SsoSession, chosen: Chosen, *, by: Actor
) -> tuple[SsoSession, str]:
    """End what was signed in elsewhere, and carry this session over. SS-7."""
    handle = new_secret()
    if chosen.stands == "beside" and not may_be_short(db, issuer, session.user):
        raise Refusal("The second factor went meanwhile.", rule="password_length", status=409)
    epoch = edit.set_password(db, issuer, session.user, chosen.phc, by=by, stands=chosen.stands)
    if session.authentication.reaches(Level.MFA):
        # More than the mailbox was shown here, so that the new password does not hang on it. EOTP-6.
        edit.mark_by_mail(db, session.user, "no")
    db.hot(FORGET_DEVICES, {"user": session.user}).close()
    kept = ending.keep_alone(
        db, issuer, session, epoch=epoch, handle=handle, reason="password_changed", by=by
    )
    return kept, handle


def _hashed(issuer: Issuer, text: str) -> Chosen:
    long_enough = len(normalized(text)) >= issuer.settings.password_min_length
    return Chosen(phc=hash_password(issuer, text), stands="alone" if long_enough else "beside")
