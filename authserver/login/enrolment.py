"""Second factors as their owner sets them up and gives them up, and as an admin takes them away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from authserver import once
from authserver.audit import Actor, record
from authserver.audit.events import FactorAdded, FactorRemoved
from authserver.authentication import Level, UserId, level_of
from authserver.errors import Refusal
from authserver.factors import ceremony, passkeys, recovery_code, totp
from authserver.factors.codes import typed
from authserver.factors.contract import Refused
from authserver.factors.passkeys import Passkey
from authserver.factors.recovery_code import Left
from authserver.factors.totp import SetUp, Totp
from authserver.issuer import Issuer
from authserver.limits.passwords import clear
from authserver.login import passwords
from authserver.login.passwords import Chosen
from authserver.login.requirements import guarding
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

PROMISED = "recovery_codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The authenticator app that counts."""

    set_up_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyWay:
    """A passkey by its name; `verifies`: it knows its person. `synced`: it is on more than one device."""

    id: str
    label: str
    set_up_at: datetime
    last_used_at: datetime | None
    verifies: bool
    synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How somebody can sign in beside the password; `required`: the last second factor stays.

    `exempt`: none is demanded of them, whatever the rules.
    """

    app: App | None
    passkeys: tuple[PasskeyWay, ...]
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
        passkeys=tuple(map(way_of, passkeys.of_user(db, user.id))),
        codes=recovery_code.left(db, user.id),
        offered=rule is not Rule.OFF or _stays(db, issuer, user.id, None),
        required=rule is Rule.REQUIRED,
        password_is_short=stored is not None and stored.is_short,
        exempt=exemptions.find(db, issuer, user.id),
    )


def way_of(passkey: Passkey) -> PasskeyWay:
    """What may be shown of a passkey."""
    return PasskeyWay(
        id=passkey.id,
        label=passkey.label,
        set_up_at=passkey.created_at,
        last_used_at=passkey.last_used_at,
        verifies=passkey.verifies,
        synced=passkey.backed_up,
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


def confirm(
    db: Session,
    issuer: Issuer,
    session: SsoSession,
    code: str,
    *,
    by: Actor,
    promised: Iterable[str] = (),
) -> Made | Refused:
    """Let the app count. With the first one come recovery codes; a later one keeps them. RC-1."""
    check_offered(db, issuer, session.user)
    done = totp.confirm(db, issuer, session.user, session.id, typed({"code": code}))
    if isinstance(done, Refused):
        return done
    event = FactorAdded(subject=session.user, factor=Totp.name, replaced=done.replaced)
    record(db, event, by=by, at=issuer.clock())
    return Made(codes=_first_codes(db, issuer, session.user, by, promised))


def promise_codes(db: Session, issuer: Issuer, session: SsoSession) -> tuple[str, ...]:
    """Recovery codes to be shown with a secret; they hold once that counts. None where somebody has codes. RC-1."""
    if recovery_code.left(db, session.user).of:
        return ()
    codes, now = recovery_code.drawn(), issuer.clock()
    once.open_ticket(
        db,
        issuer.roots,
        PROMISED,
        key=session.id,
        answer=PROMISED,
        payload={"codes": codes},
        now=now,
        expires_at=now + totp.CONFIRM_WITHIN,
    )
    return codes


def confirm_promised(
    db: Session, issuer: Issuer, session: SsoSession, code: str, *, by: Actor
) -> Made | Refused:
    """Let the app count, with the codes that were shown beside its secret."""
    found = once.standing(db, issuer.roots, PROMISED, session.id, now=issuer.clock())
    made = confirm(db, issuer, session, code, by=by, promised=found.payload["codes"] if found else ())
    if found is not None and isinstance(made, Made):
        once.consume(db, issuer.roots, PROMISED, session.id, PROMISED, now=issuer.clock())
    return made


def begin_passkey(db: Session, issuer: Issuer, user: User, binding: str) -> str:
    """What the browser is asked for to make one. PK-5."""
    check_offered(db, issuer, user.id)
    return passkey_options(db, issuer, user, binding)


def passkey_options(db: Session, issuer: Issuer, user: User, binding: str) -> str:
    """The same for a login that demands a second factor."""
    name = user.email or user.username or user.name
    return passkeys.options(db, issuer, user.id, name, user.name, binding)


def add_passkey(
    db: Session, issuer: Issuer, session: SsoSession, made: ceremony.Made, label: str, *, by: Actor
) -> Made:
    """Keep a passkey. With the first second factor come recovery codes. RC-1."""
    check_offered(db, issuer, session.user)
    lock(db, f"factors:{session.user}")
    passkeys.add(db, issuer, session.user, made, label, by=by)
    return Made(codes=_first_codes(db, issuer, session.user, by))


def new_codes(db: Session, issuer: Issuer, user: User, *, by: Actor) -> tuple[str, ...]:
    """Ten new recovery codes in place of all that were, for somebody who has a second factor. RC-1, RC-4."""
    lock(db, f"factors:{user.id}")
    if not _stays(db, issuer, user.id, None):
        raise Refusal("Recovery codes go with a second factor.", rule="codes.alone", status=409)
    return recovery_code.make(db, issuer, user.id, by=by)


def remove(
    db: Session, issuer: Issuer, session: SsoSession, what: str, chosen: Chosen | None, *, by: Actor
) -> tuple[SsoSession, str] | None:
    """Give up the app, or the passkey of this id. TOTP-8, PW-1, PK-7.

    With the last one go the recovery codes, and a password that is too short alone is changed. Gives the session
    under its new handle where it was.
    """
    lock(db, f"factors:{session.user}")
    if not _stays(db, issuer, session.user, what):
        _end_second_step(db, issuer, session, chosen)
    if what == Totp.name:
        _remove_app(db, issuer, session.user, by)
    else:
        passkeys.remove(db, issuer, session.user, what, by=by)
    if chosen is None:
        return None
    return passwords.set_(db, issuer, session, chosen, by=by)


def _end_second_step(db: Session, issuer: Issuer, session: SsoSession, chosen: Chosen | None) -> None:
    if rule_for(db, issuer, session.user) is Rule.REQUIRED:
        raise Refusal(
            "A second step is required here, so the last one stays.", rule="last_factor", status=409
        )
    stored = find.password(db, session.user)
    if stored is not None and stored.is_short and (chosen is None or chosen.stands != "alone"):
        raise Refusal("The password is too short to stand alone.", rule="password_length", status=409)
    db.hot(REMOVE_CODES, {"user": session.user}).close()


def reset(db: Session, issuer: Issuer, user: User, chosen: Chosen | None, *, by: Actor) -> None:
    """Take somebody's second factors away, for one who lost them. Everything they are signed in to ends.

    Where a second step is required they set one up at their next sign-in, before there is a session. TOTP-8.
    """
    lock(db, f"factors:{user.id}")
    reason = "factors_reset"
    edit.bump_epoch(db, issuer, user.id, reason=reason, by=by)
    _remove_app(db, issuer, user.id, by)
    passkeys.remove_all(db, issuer, user.id, by=by)
    db.hot(REMOVE_CODES, {"user": user.id}).close()
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
    if stored is not None and stored.is_short and not _stays(db, issuer, user.id, None):
        raise Refusal(
            "Their password is too short to stand alone. Set a longer one first.",
            rule="password_length",
            status=409,
        )
    return exemptions.exempt(db, issuer, user.id, form, by=by)


def lacks_codes(db: Session, issuer: Issuer, user: UserId) -> bool:
    """Whether somebody has a second factor, and never had the recovery codes that come with the first. RC-1."""
    return recovery_code.left(db, user).of == 0 and _stays(db, issuer, user, None)


def needs_password(db: Session, issuer: Issuer, user: User, what: str | None = None) -> bool:
    """Whether somebody's password is too short once this second factor is gone, or all are. PW-1."""
    stored = find.password(db, user.id)
    if stored is None or not stored.is_short or (what is not None and _stays(db, issuer, user.id, what)):
        return False
    return rule_for(db, issuer, user.id) is not Rule.REQUIRED


def is_last(db: Session, issuer: Issuer, user: User, what: str) -> bool:
    """Whether no other second factor is left once this one is gone."""
    return not _stays(db, issuer, user.id, what)


def stays(db: Session, issuer: Issuer, user: User, what: str) -> bool:
    """Whether this second factor is the last one, which a rule keeps. TOTP-8."""
    return rule_for(db, issuer, user.id) is Rule.REQUIRED and not _stays(db, issuer, user.id, what)


def is_strong(db: Session, issuer: Issuer, session: SsoSession) -> bool:
    """Whether a session proved a second factor, where its person has one, and one that guards. PW-9, TOTP-7, EOTP-4."""
    offers = offers_of(db, issuer, session.user)
    lax = {offer.name for offer in offers} - {offer.name for offer in guarding(offers)}
    counted = tuple(proof for proof in session.authentication.proofs if proof.factor not in lax)
    return not offers or level_of(counted) >= Level.MFA_LOW


def _stays(db: Session, issuer: Issuer, user: UserId, without: str | None) -> bool:
    """Whether a second factor is left without this one; what is in reserve is none, and a mailed code is not enough."""
    names = {offer.name for offer in offers_of(db, issuer, user) if offer.guards and not offer.reserve}
    if without in {None, Totp.name}:
        return bool(names - {without})
    others = names - {passkeys.NAME}
    return bool(others) or any(each.id != without for each in passkeys.of_user(db, user))


def _first_codes(
    db: Session, issuer: Issuer, user: UserId, by: Actor, promised: Iterable[str] = ()
) -> tuple[str, ...]:
    has_codes = recovery_code.left(db, user).of > 0
    return () if has_codes else recovery_code.make(db, issuer, user, by=by, codes=promised)


def _remove_app(db: Session, issuer: Issuer, user: str, by: Actor) -> None:
    had = totp.confirmed(db, find.load(db, user).id) is not None
    db.hot(REMOVE_TOTP, {"user": user}).close()
    if had:
        by_admin = by.kind != "user" or by.id != user
        event = FactorRemoved(subject=user, factor=Totp.name, by_admin=by_admin)
        record(db, event, by=by, at=issuer.clock())


def check_offered(db: Session, issuer: Issuer, user: UserId) -> None:
    """Refuse to set up what nobody asks this person for; whoever has a second factor may replace it."""
    if rule_for(db, issuer, user) is Rule.OFF and not _stays(db, issuer, user, None):
        raise Refusal("Two-step sign-in is switched off here.", rule="second_factor.off", status=403)
