"""Passkeys of an account: adding, naming, removing one."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound, Refusal
from authserver.factors import passkey as factor
from authserver.factors import passkeys
from authserver.factors.ceremony import Mistrusted
from authserver.login import enrolment, passwords
from authserver.login.enrolment import PasskeyWay
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.users import find
from authserver.web import cookies
from authserver.web.account import show
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.pages import CodesShown, Done, PasskeyEdit, PasskeyNew, PasskeyShown, render

blueprint = Blueprint("passkeys", __name__, url_prefix="/account/factors/passkeys")
HERE = "/account/factors"


@blueprint.get("/new")
@demands(Guard.FRESH)
def new() -> Response:
    return _new()


@blueprint.post("/new")
@demands(Guard.FRESH)
def make() -> Response:
    """It counts at once: its browser showed that it is there. With the first second factor come recovery codes."""
    asked, session, label = issuer(), _session(), request.form.get("label", "")
    found = factor.made(asked, request.form.get("assertion", ""), _binding(session))
    if isinstance(found, Mistrusted):
        asked.refusals.note(
            Refusal("The passkey was not taken.", rule="passkeys.made", detail=found.reason), step="passkey"
        )
        late = gettext("This page was open for too long. Try once more.")
        return _new(late if found.late else gettext("This passkey was not taken. Try once more."))

    def attempt() -> enrolment.Made:
        with asked.database.writing() as db:
            return enrolment.add_passkey(db, asked, session, found, label, by=actor(session))

    try:
        made = retrying(attempt)
    except Refusal as refusal:
        if refusal.rule != "passkeys.known":
            raise
        return _new(gettext("This passkey is known already."))
    if not made.codes:
        return show.done(HERE, Done.PASSKEY_ADDED)
    return render(CodesShown(**{**show.base(), "here": HERE}, codes=made.codes, first=True))


@blueprint.get("/<passkey_id>")
@demands(Guard.FRESH)
def edit(passkey_id: str) -> Response:
    return _edit(passkey_id)


@blueprint.post("/<passkey_id>")
@demands(Guard.FRESH)
def name(passkey_id: str) -> Response:
    asked, session = issuer(), _session()
    label = request.form.get("label", "")

    def attempt() -> None:
        with asked.database.writing() as db:
            passkeys.name(db, asked, session.user, passkey_id, label, by=actor(session))

    retrying(attempt)
    return show.done(HERE, Done.PASSKEY_NAMED)


@blueprint.post("/<passkey_id>/remove")
@demands(Guard.FRESH)
def remove(passkey_id: str) -> Response:
    """Give it up; a password that is too short to stand alone is changed in the same step. PW-1, TOTP-8."""
    asked, session = issuer(), _session()
    try:
        with asked.database.reading() as db:
            needed = enrolment.needs_password(db, asked, find.load(db, session.user), passkey_id)
        password = (
            passwords.choose_alone(asked, request.form.get("new", ""), session.user) if needed else None
        )
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return _edit(passkey_id, {"new": refusal.fields["password"]})

    def attempt() -> tuple[SsoSession, str] | None:
        with asked.database.writing() as db:
            return enrolment.remove(db, asked, session, passkey_id, password, by=actor(session))

    kept = retrying(attempt)
    answer = show.done(HERE, Done.PASSKEY_REMOVED)
    if kept is not None:
        cookies.put(answer, Cookie.SESSION, kept[1], kept[0].seconds_left(asked.clock()))
    return answer


def shown(way: PasskeyWay) -> PasskeyShown:
    return PasskeyShown(
        id=way.id,
        label=way.label,
        set_up_at=way.set_up_at,
        last_used_at=way.last_used_at,
        verifies=way.verifies,
        synced=way.synced,
    )


def _new(error: str = "") -> Response:
    asked, session = issuer(), _session()
    with asked.database.writing() as db:
        options = enrolment.begin_passkey(db, asked, find.load(db, session.user), _binding(session))
    return render(
        PasskeyNew(**show.base(), options=options, label=request.form.get("label", ""), error=error)
    )


def _edit(passkey_id: str, errors: dict[str, str] | None = None) -> Response:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        user = find.load(db, session.user)
        theirs = {each.id: each for each in passkeys.of_user(db, user.id)}
        if passkey_id not in theirs:
            raise NotFound("There is no such passkey.", detail=f"passkey {passkey_id!r}")
        page = PasskeyEdit(
            **show.base(),
            passkey=shown(enrolment.way_of(theirs[passkey_id])),
            last=enrolment.is_last(db, asked, user, passkey_id),
            stays=enrolment.stays(db, asked, user, passkey_id),
            needs_password=enrolment.needs_password(db, asked, user, passkey_id),
            minimum=asked.settings.password_min_length,
            errors=errors or {},
        )
    return render(page)


def _binding(session: SsoSession) -> str:
    """A passkey is made for the session that asked for it. PK-1."""
    return f"session\x1f{session.id}"


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
