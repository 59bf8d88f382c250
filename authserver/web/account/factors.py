"""Ways to sign in: what there is, setting up an authenticator app, recovery codes, giving it up."""

from typing import Any

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.authentication import UserId
from authserver.errors import Refusal
from authserver.factors.contract import Refused
from authserver.factors.email_code import EmailCode, mailbox
from authserver.factors.recovery_code import RecoveryCode
from authserver.factors.registry import factors as known
from authserver.factors.totp import Totp
from authserver.login import enrolment, passwords
from authserver.login.enrolment import Made
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.users import find
from authserver.users.user import User
from authserver.web import cookies
from authserver.web.account import links, show
from authserver.web.account.passkeys import shown
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.login import elsewhere, visit
from authserver.web.pages import (
    AppSetUp,
    AppShown,
    CodesLeft,
    CodesShown,
    Done,
    FactorRemove,
    Factors,
    FactorSetUp,
    MailedCode,
    NewCodes,
    render,
)

blueprint = Blueprint("factors", __name__, url_prefix="/account/factors")
HERE = "/account/factors"


@blueprint.get("")
@demands(Guard.SESSION)
def factors() -> Response:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        user = find.load(db, session.user)
        mailed = mailbox(db, user.id) if known(asked)[EmailCode.name].ready(db, asked, user.id) else None
        ways, stored = enrolment.ways(db, asked, user), find.password(db, user.id)
    app, codes = ways.app, ways.codes
    linked, linkable = links.of_account(session)
    page = Factors(
        **show.base(),
        authenticator=AppShown(set_up_at=app.set_up_at, last_used_at=app.last_used_at) if app else None,
        codes=CodesLeft(
            left=codes.left,
            of=codes.of,
            made_at=codes.made_at,
            last_used_at=codes.last_used_at,
            are_few=codes.are_few,
        )
        if app or ways.passkeys
        else None,
        passkeys=tuple(map(shown, ways.passkeys)),
        mailed=MailedCode(to=mailed.address, last_used_at=mailed.used_at) if mailed else None,
        required=ways.required,
        offered=ways.offered,
        by_code=any(proof.factor == RecoveryCode.name for proof in session.authentication.proofs),
        has_password=stored is not None,
        password_changed_at=stored.changed_at if stored else None,
        links=linked,
        linkable=linkable,
        **elsewhere.trouble(),
    )
    return render(page)


@blueprint.get("/totp")
@demands(Guard.FRESH)
def set_up() -> Response:
    """The same secret for as long as the setting up may take, so that the page can be loaded again. TOTP-2."""
    return _set_up()


@blueprint.post("/totp")
@demands(Guard.FRESH)
def confirm() -> Response:
    """The app counts once it shows the right code; then come the recovery codes, once. TOTP-1, RC-1."""
    asked, session, code = issuer(), _session(), request.form.get("code", "")

    def attempt() -> Made | Refused:
        with asked.database.writing() as db:
            return enrolment.confirm(db, asked, session, code, by=actor(session))

    made = retrying(attempt)
    if isinstance(made, Refused):
        return _set_up(made.shown)
    if not made.codes:
        return show.done(HERE, Done.FACTOR_REPLACED)
    return render(CodesShown(**_here(), codes=made.codes, first=True))


@blueprint.get("/totp/remove")
@demands(Guard.FRESH)
def confirm_removal() -> Response:
    """Say what is lost, and ask once more."""
    return _removal()


@blueprint.post("/totp/remove")
@demands(Guard.FRESH)
def remove() -> Response:
    """Give it up; a password that is too short to stand alone is changed in the same step. TOTP-7, TOTP-8, PW-1."""
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        needs_password = enrolment.needs_password(db, asked, _user(session.user), Totp.name)
    try:
        text = request.form.get("new", "")
        chosen = passwords.choose_alone(asked, text, session.user) if needs_password else None
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return _removal({"new": refusal.fields["password"]})

    def attempt() -> tuple[SsoSession, str] | None:
        with asked.database.writing() as db:
            return enrolment.remove(db, asked, session, Totp.name, chosen, by=actor(session))

    kept = retrying(attempt)
    answer = show.done(HERE, Done.FACTOR_REMOVED)
    if kept is not None:
        cookies.put(answer, Cookie.SESSION, kept[1], kept[0].seconds_left(asked.clock()))
    return answer


@blueprint.get("/codes")
@demands(Guard.FRESH)
def ask_for_codes() -> Response:
    """New codes end the old ones, so it is asked first."""
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        ways = enrolment.ways(db, asked, find.load(db, session.user))
    if ways.app is None and not ways.passkeys:
        return visit.go(HERE)
    return render(NewCodes(**show.base(), left=ways.codes.left))


@blueprint.post("/codes")
@demands(Guard.FRESH)
def make_codes() -> Response:
    """Ten new ones, shown in this answer alone. RC-4."""
    asked, session = issuer(), _session()

    def attempt() -> tuple[str, ...]:
        with asked.database.writing() as db:
            return enrolment.new_codes(db, asked, find.load(db, session.user), by=actor(session))

    return render(CodesShown(**_here(), codes=retrying(attempt)))


def _set_up(error: str = "") -> Response:
    asked, session = issuer(), _session()
    with asked.database.writing() as db:
        user = find.load(db, session.user)
        enrolment.check_offered(db, asked, user.id)
        made = enrolment.set_up(db, asked, user, session.id)
        replaces = enrolment.ways(db, asked, user).app is not None
    told = AppSetUp(secret=made.secret, uri=made.uri, digits=made.digits)
    return render(FactorSetUp(**show.base(), set_up=told, replaces=replaces, error=error))


def _removal(errors: dict[str, str] | None = None) -> Response:
    asked, user = issuer(), _user(_session().user)
    with asked.database.reading() as db:
        ways = enrolment.ways(db, asked, user)
        needs_password = enrolment.needs_password(db, asked, user, Totp.name)
        stays = enrolment.stays(db, asked, user, Totp.name)
        is_last = enrolment.is_last(db, asked, user, Totp.name)
    if ways.app is None or stays:
        return visit.go(HERE)
    minimum = asked.settings.password_min_length
    return render(
        FactorRemove(
            **show.base(), last=is_last, needs_password=needs_password, minimum=minimum, errors=errors or {}
        )
    )


def _here() -> dict[str, Any]:
    """What is shown once cannot be asked for again: the language links lead to the list."""
    return {**show.base(), "here": HERE}


def _user(user: UserId) -> User:
    with issuer().database.reading() as db:
        return find.load(db, user)


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
