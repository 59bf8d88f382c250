"""What the pages of a sign-in show."""

import math
from collections.abc import Mapping
from datetime import datetime

from flask import request
from werkzeug.wrappers import Response

from authserver.authentication import Level
from authserver.factors import ceremony, passkeys
from authserver.factors.contract import Factor, Sending
from authserver.factors.passkey import PasskeyEnrolment, PasskeyFactor, binding
from authserver.factors.registry import factors, known
from authserver.login import enrolment, signup, trusted
from authserver.login.requirements import Show
from authserver.login.steps import Wrong, facing
from authserver.mail import outbox
from authserver.store import Session
from authserver.transaction import Purpose
from authserver.users import find
from authserver.web import csrf, here, sessions
from authserver.web.account.agents import device_name
from authserver.web.context import issuer
from authserver.web.language import gettext, ngettext
from authserver.web.login import elsewhere, providers, visit
from authserver.web.login.visit import Under
from authserver.web.pages import (
    AppSetUp,
    ChooseAccount,
    ChooseWay,
    CodeSent,
    EnrolNeeded,
    ExpiredSignIn,
    Page,
    PasskeyNeeded,
    Proved,
    Reauthenticate,
    SignIn,
    SignInState,
    StepNeeded,
    Way,
    render,
)
from authserver.web.pages_kept import mark
from authserver.web.pages_login import EnrolPasskey
from authserver.web.pages_words import translated

DAY, MINUTE = 86_400, 60
FIRST = "password"
TX, CSRF, USERNAME, OPTIONS = mark(), mark(), mark(), mark()
WHY = {
    "idle": SignInState.AWAY,
    "expired": SignInState.LASTED,
    "taken_over": SignInState.TAKEN,
    "ended_by_admin": SignInState.CLOSED,
    "ended_by_owner": SignInState.ELSEWHERE,
    "password_changed": SignInState.ELSEWHERE,
    "provider_ended": SignInState.CLOSED,
    "provider_removed": SignInState.CLOSED,
}


def sign_in(under: Under, state: SignInState | None = None, retry_after: int = 0, said: str = "") -> Page:
    """Name and password, or the password alone of whoever is signed in; and where else people have accounts."""
    if under.tx.purpose is Purpose.FRESH and sessions.current() is not None:
        return _reauthenticate(under, state, retry_after, said)
    asked, sent, query = issuer(), here.form(), here.query()
    settings = asked.settings
    over = None if state else sessions.ended()
    if over is not None:
        state = WHY.get(over.reason)
    offered = providers.ways(under.tx, query.get("find"))
    username = (
        sent.get("username", "")[:254] or under.tx.request.get("login_hint", "") or visit.person().shown
    )
    return SignIn(
        new={
            TX: under.value,
            CSRF: csrf.token(),
            USERNAME: username,
            OPTIONS: ceremony.request_options(asked, (), binding(under.tx)),
        },
        here=f"/login?tx={TX}",
        csrf_token=CSRF,
        tx=TX,
        action="/login",
        app=visit.app_of(under.tx),
        state=state or (SignInState.AGAIN if sessions.current() else SignInState.FRESH),
        username=USERNAME if username else "",
        keep=keeps(sent),
        keep_days=settings.remembered_lifetime // DAY if settings.keep_signed_in else 0,
        retry_after=retry_after,
        away_minutes=max(1, int(over.idle.total_seconds()) // MINUTE) if over else 0,
        ended_by=device_name(over.by) if over else "",
        ended_at=over.at if over else None,
        forgotten_url="/login/forgotten" if outbox.can_send(asked) else "",
        # Where somebody without an account makes one, and comes back from to where they were going.
        register_url=f"/register?tx={TX}" if signup.is_open(asked) else "",
        passkey_options=OPTIONS,
        ways=_first_ways(TX),
        providers=offered.ways,
        more=offered.more,
        find=query.get("find", "")[:80],
        here_only=bool(query.get("here") or sent.get("here")),
        said=said,
        **elsewhere.trouble(),
    )


def _first_ways(tx: str) -> tuple[Way, ...]:
    """How a sign-in may begin beside the password."""
    registered = known(issuer())
    return tuple(
        [
            Way(title=registered.by_name[name].prompt.title, url=f"/login/{name}?tx={tx}")
            for name in registered.first
            if name != FIRST
        ]
    )


def _reauthenticate(under: Under, state: SignInState | None, retry_after: int, said: str) -> Page:
    session = sessions.current()
    if session is None:  # pragma: no cover - asked before
        raise TypeError("somebody is signed in")
    with issuer().database.reading() as db:
        has_password = find.password(db, session.user) is not None
    return Reauthenticate(
        here=f"/login?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action="/login",
        person=visit.person(),
        state=state or SignInState.AGAIN,
        retry_after=retry_after,
        cancel_url=visit.ACCOUNT,
        ways=_first_ways(under.value),
        has_password=has_password,
        providers=providers.of_person(session.user),
        said=said,
        **elsewhere.trouble(),
    )


def over() -> Response:
    """The login is over, or never was this browser's: what waited for it is asked again, if we know it."""
    under = visit.stale()
    if under is None:
        return render(ExpiredSignIn(again_url="/login"))
    if sessions.current() is not None:
        return visit.as_new_request(under.tx)
    return render(sign_in(under, SignInState.EXPIRED))


def step(under: Under, factor: Factor, *, error: str = "", retry_after: int = 0, too_soon: int = 0) -> Page:
    """One more proof, with what was proved before it and the other ways."""
    if isinstance(factor, PasskeyEnrolment):
        return _enrol_passkey(under, factor, error, retry_after)
    if factor.enrols:
        return _enrol(under, factor, error, retry_after)
    if isinstance(factor, PasskeyFactor):
        return _passkey(under, factor, error, retry_after)
    prompt = factor.prompt
    asked, tx = issuer(), facing(under.tx, sessions.current())
    with asked.database.reading() as db:
        locked = tx.user is not None and factor.locked(db, asked, tx.user)
        sending = factor.sending(db, asked, tx)
        trust_for = _trust_for(db, under, factor)
    return StepNeeded(
        here=f"/login/{factor.name}?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action=f"/login/{factor.name}",
        heading=prompt.heading,
        title=prompt.title,
        label=prompt.label,
        lead=prompt.lead,
        hint=prompt.hint,
        field=prompt.field,
        digits=prompt.digits,
        error=error,
        retry_after=min(retry_after, DAY),
        locked=locked,
        trust_for=trust_for,
        trusts=bool(request.form.get("trust")),
        sent=_sent(sending, f"/login/{factor.name}/send") if sending else None,
        too_soon=min(too_soon, DAY),
        help_url=f"/login/help?tx={under.value}",
        app=visit.app_of(under.tx),
        proved=done_before(under),
        ways=_other_ways(under, factor),
    )


def _trust_for(db: Session, under: Under, factor: Factor) -> int:
    """For how long this device may be trusted once the factor is proved; 0 does not ask."""
    if max(factor.alone, factor.beside) < Level.MFA or not under.tx.proofs:
        return 0
    return trusted.may_be_asked(db, issuer(), facing(under.tx, sessions.current()))


def _passkey(under: Under, factor: PasskeyFactor, error: str, retry_after: int) -> Page:
    """A passkey: any where nobody is known yet, else one of theirs. PK-5."""
    asked, user = issuer(), facing(under.tx, sessions.current()).user
    with asked.database.reading() as db:
        theirs = [each.credential for each in passkeys.of_user(db, user)] if user else []
        trust_for = _trust_for(db, under, factor)
    return PasskeyNeeded(
        here=f"/login/{factor.name}?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action=f"/login/{factor.name}",
        options=ceremony.request_options(asked, theirs, binding(under.tx)),
        error=error,
        retry_after=min(retry_after, DAY),
        trust_for=trust_for,
        trusts=bool(request.form.get("trust")),
        help_url=f"/login/help?tx={under.value}" if under.tx.proofs else "",
        app=visit.app_of(under.tx),
        proved=done_before(under),
        ways=_other_ways(under, factor),
    )


def choose_way(under: Under, now: Show) -> Page:
    """Several ways, and none preferred."""
    return ChooseWay(
        here=f"/login/choose?tx={under.value}",
        ways=_ways(under, now),
        help_url=f"/login/help?tx={under.value}",
        app=visit.app_of(under.tx),
        proved=done_before(under),
    )


def _other_ways(under: Under, factor: Factor) -> tuple[Way, ...]:
    standing = visit.standing(under.tx)
    return _ways(under, standing, besides=factor.name) if isinstance(standing, Show) else ()


def _ways(under: Under, now: Show, besides: str = "") -> tuple[Way, ...]:
    every = factors(issuer())
    return tuple(
        Way(
            title=every[name].prompt.title,
            hint=every[name].prompt.where,
            url=f"{'/login' if name == FIRST else f'/login/{name}'}?tx={under.value}",
            used_last=name == now.last,
        )
        for name in (now.step, *now.others)
        if name != besides
    )


def _sent(sending: Sending, url: str) -> CodeSent:
    now = issuer().clock()

    def left(moment: datetime | None) -> int:
        return 0 if moment is None else max(0, math.ceil((moment - now).total_seconds()))

    return CodeSent(to=sending.to, url=url, ends_in=left(sending.ends_at), again_in=left(sending.again_at))


def wrong(outcome: Wrong) -> str:
    """What was wrong with a code, and how many more there may be."""
    said = translated(outcome.shown)
    if not outcome.shown or outcome.left is None:
        return said
    return f"{said} {ngettext('%(num)d try left.', '%(num)d tries left.', outcome.left)}"


def _enrol(under: Under, factor: Factor, error: str, retry_after: int) -> Page:
    """A second step must be set up: what the app must be told, and the field for its first code. TOTP-8."""
    asked, user = issuer(), facing(under.tx, sessions.current()).user
    if user is None:
        raise TypeError("somebody sets up an app")
    with asked.database.writing() as db:
        made = enrolment.set_up(db, asked, find.load(db, user), under.tx.id)
    return EnrolNeeded(
        here=f"/login/{factor.name}?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action=f"/login/{factor.name}",
        set_up=AppSetUp(secret=made.secret, uri=made.uri, digits=made.digits),
        error=error,
        retry_after=min(retry_after, DAY),
        ways=_other_ways(under, factor),
        app=visit.app_of(under.tx),
        proved=done_before(under),
    )


def _enrol_passkey(under: Under, factor: PasskeyEnrolment, error: str, retry_after: int) -> Page:
    """The same with a passkey: what the browser is asked to make. PK-5."""
    asked, user = issuer(), facing(under.tx, sessions.current()).user
    if user is None:
        raise TypeError("somebody makes a passkey")
    with asked.database.writing() as db:
        options = enrolment.passkey_options(db, asked, find.load(db, user), binding(under.tx))
    return EnrolPasskey(
        here=f"/login/{factor.name}?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action=f"/login/{factor.name}",
        options=options,
        label=request.form.get("label", "")[:100],
        error=error,
        retry_after=min(retry_after, DAY),
        ways=_other_ways(under, factor),
        app=visit.app_of(under.tx),
        proved=done_before(under),
    )


def done_before(under: Under) -> tuple[Proved, ...]:
    """What stands already: the proofs of this login, or the sign-in to which it only adds one. SU-4.

    The first of them says whose.
    """
    if under.tx.steps_up and not under.tx.proofs and sessions.current() is not None:
        return (Proved(title=gettext("Signed in"), detail=visit.person().shown),)
    names = [visit.title_of(proof.factor) for proof in under.tx.proofs]
    if not names:
        return ()
    whose, again = visit.person(under.tx.user).shown, f"/login/again?tx={under.value}"
    first = Proved(title=names[0], detail=whose, not_you_url=again)
    return (first, *(Proved(title=name) for name in names[1:]))


def choose(under: Under) -> Page:
    return ChooseAccount(
        here=f"/login/account?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action="/login/account",
        person=visit.person(),
        app=visit.app_of(under.tx),
    )


def keeps(form: Mapping[str, str]) -> bool:
    return issuer().settings.keep_signed_in and bool(form.get("keep"))
