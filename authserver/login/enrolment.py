"""Second factors as their owner sets them up and gives them up, and as an admin takes them away."""

from dataclasses import dataclass
from datetime import datetime

from authserver.audit import Actor, record
from authserver.audit.events import FactorAdded, FactorRemoved
from authserver.authentication import Level, UserId
from authserver.errors import Refusal
from authserver.factors import recovery_code, totp
from authserver.factors.codes import typed
from authserver.factors.contract import Refused
from authserver.factors.recovery_code import Left
from authserver.factors.totp import SetUp, Totp
from authserver.issuer import Issuer
from authserver.limits.passwords import clear
from authserver.login import passwords
from authserver.login.passwords import Chosen
from authserver.login.rule import Rule, rule_for
from authserver.login.steps import offers_of
from authserver.sessions import ending
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.store.factors import REMOVE_CODES, REMOVE_TOTP
from authserver.store.locks import lock
from authserver.tokens import grant
from authserver.users import edit, find
from authserver.users import exempt as exemptions
from authserver.users.exempt import Exemption, ExemptionForm
from authserver.users.user import User


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The authenticator app that counts."""

    set_up_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How somebody can sign in beside the password; `required`: the last second factor stays.

    `exempt`: none is demanded of them, whatever the rules.
    """

    app: App | None
    codes: Left
    offered: bool
    required: bool
    password_is_short: bool
    exempt: Exemption | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The app counts; `codes` are shown now and never again, none where those of before still hold."""

    codes: tuple[str, ...]


def ways(db: Session, issuer: Issuer, user: User) -> Ways:
    rule, device = rule_for(db, issuer, user.id), totp.confirmed(db, user.id)
    stored = find.password(db, user.id)
    app = None
    if device is not None and device.confirmed_at is not None:
        app = App(set_up_at=device.confirmed_at, last_used_at=device.last_used_at)
    return Ways(
        app=app,
        codes=recovery_code.left(db, user.id),
        offered=rule is not Rule.OFF or app is not None,
        required=rule is Rule.REQUIRED,
        password_is_short=stored is not None and stored.is_short,
        exempt=exemptions.find(db, issuer, user.id),
    )


def set_up(db: Session, issuer: Issuer, user: User, enrolling: str) -> SetUp:
    """What to show while an app is set up: the same secret for as long as that may take. TOTP-1, TOTP-2."""
    device = totp.pending(db, issuer, user.id, enrolling)
    if device is None:
        totp.begin(db, issuer, user.id, enrolling)
        device = totp.pending(db, issuer, user.id, enrolling)
    if device is None:  # pragma: no cover
        raise LookupError("what was begun just now is not there")
    return totp.set_up(issuer, device, user.email or user.username or user.name)


def confirm(db: Session, issuer: Issuer, session: SsoSession, code: str, *, by: Actor) -> Made | Refused:
    """Let the app count. With the first one come recovery codes; a later one keeps them. RC-1."""
    check_offered(db, issuer, session.user)
    done = totp.confirm(db, issuer, session.user, session.id, typed({"code": code}))
    if isinstance(done, Refused):
        return done
    event = FactorAdded(subject=session.user, factor=Totp.name, replaced=done.replaced)
    record(db, event, by=by, at=issuer.clock())
    has_codes = recovery_code.left(db, session.user).of > 0
    return Made(codes=() if has_codes else recovery_code.make(db, issuer, session.user, by=by))


def new_codes(db: Session, issuer: Issuer, user: User, *, by: Actor) -> tuple[str, ...]:
    """Ten new recovery codes in place of all that were, for somebody who has a second factor. RC-1, RC-4."""
    lock(db, f"factors:{user.id}")
    if totp.confirmed(db, user.id) is None:
        raise Refusal("Recovery codes go with a second factor.", rule="codes.alone", status=409)
    return recovery_code.make(db, issuer, user.id, by=by)


def remove(
    db: Session, issuer: Issuer, session: SsoSession, chosen: Chosen | None, *, by: Actor
) -> tuple[SsoSession, str] | None:
    """Give the app up, with its recovery codes; a password that is too short alone is changed with it. TOTP-8, PW-1.

    Gives the session under its new handle where the password was changed.
    """
    lock(db, f"factors:{session.user}")
    if rule_for(db, issuer, session.user) is Rule.REQUIRED:
        raise Refusal(
            "A second step is required here, so the last one stays.", rule="last_factor", status=409
        )
    stored = find.password(db, session.user)
    if stored is not None and stored.is_short and (chosen is None or chosen.stands != "alone"):
        raise Refusal("The password is too short to stand alone.", rule="password_length", status=409)
    _remove(db, issuer, session.user, by)
    if chosen is None:
        return None
    return passwords.set_(db, issuer, session, chosen, by=by)


def reset(db: Session, issuer: Issuer, user: User, chosen: Chosen | None, *, by: Actor) -> None:
    """Take somebody's second factors away, for one who lost them. Everything they are signed in to ends.

    Where a second step is required they set one up at their next sign-in, before there is a session. TOTP-8.
    """
    lock(db, f"factors:{user.id}")
    reason = "factors_reset"
    edit.bump_epoch(db, issuer, user.id, reason=reason, by=by)
    _remove(db, issuer, user.id, by)
    clear(db, issuer.roots, user.id)
    if chosen is not None:
        edit.set_password(db, issuer, user.id, chosen.phc, by=by, stands=chosen.stands)
    now = issuer.clock()
    ending.end_others(db, issuer, user.id, keep=None, reason=reason, by=by, now=now)
    grant.revoke_where(db, issuer, reason=reason, by=by, user=user.id)


def exempt(db: Session, issuer: Issuer, user: User, form: ExemptionForm, *, by: Actor) -> Exemption:
    """Demand no second factor of somebody, whose password must then be long enough to stand alone. AD-9, PW-1."""
    lock(db, f"factors:{user.id}")
    stored = find.password(db, user.id)
    if stored is not None and stored.is_short and not offers_of(db, issuer, user.id):
        raise Refusal(
            "Their password is too short to stand alone. Set a longer one first.",
            rule="password_length",
            status=409,
        )
    return exemptions.exempt(db, issuer, user.id, form, by=by)


def needs_password(db: Session, issuer: Issuer, user: User) -> bool:
    """Whether somebody's password is too short once the second factor is gone. PW-1."""
    stored = find.password(db, user.id)
    return stored is not None and stored.is_short and rule_for(db, issuer, user.id) is not Rule.REQUIRED


def is_strong(db: Session, issuer: Issuer, session: SsoSession) -> bool:
    """Whether a session proved a second factor, where its person has one. PW-9, TOTP-7."""
    reached = session.authentication.reaches(Level.MFA_LOW)
    return reached or not offers_of(db, issuer, session.user)


def _remove(db: Session, issuer: Issuer, user: str, by: Actor) -> None:
    had = totp.confirmed(db, find.load(db, user).id) is not None
    db.hot(REMOVE_TOTP, {"user": user}).close()
    db.hot(REMOVE_CODES, {"user": user}).close()
    if had:
        by_admin = by.kind != "user" or by.id != user
        event = FactorRemoved(subject=user, factor=Totp.name, by_admin=by_admin)
        record(db, event, by=by, at=issuer.clock())


def check_offered(db: Session, issuer: Issuer, user: UserId) -> None:
    """Refuse to set up what nobody asks this person for; an app that they have may be replaced."""
    if rule_for(db, issuer, user) is Rule.OFF and totp.confirmed(db, user) is None:
        raise Refusal("Two-step sign-in is switched off here.", rule="second_factor.off", status=403)
