"""Registration: what people fill in, and the code that confirms their address; or the link of an invitation."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.clients.find import by_client_id
from authserver.errors import Refusal, TooMany
from authserver.login import inviting, passwords, signup
from authserver.login.inviting import Invitation
from authserver.users import terms
from authserver.users.user import User
from authserver.web import csrf
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.login import visit
from authserver.web.pages import ConfirmAddress, Register, Told, ToldOf, render, safe_link
from authserver.web.pages_joining import TakeUp
from authserver.web.pages_parts import Problem

blueprint = Blueprint("register", __name__)


@blueprint.get("/register")
@demands(Guard.OPEN)
def form() -> Response:
    signup.check_open(issuer())
    return render(_form())


@blueprint.post("/register")
@demands(Guard.BROWSER_POST)
def begin() -> Response:
    """Nothing is made before the address is confirmed. PW-11."""
    asked = issuer()
    signup.check_open(asked)
    filled = _filled()
    if not filled.email.strip():
        return render(_form({"email": Problem.REQUIRED}))
    try:
        begun = signup.begin(asked, filled, by=actor())
    except TooMany as soon:
        return render(_form(retry_after=soon.retry_after))
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return render(_form(dict(refusal.fields)))
    return visit.go("/register/confirm", key=begun.key, tx=_tx())


@blueprint.get("/register/confirm")
@demands(Guard.OPEN)
def ask_code() -> Response:
    return _confirm(request.args.get("key", ""))


@blueprint.post("/register/confirm")
@demands(Guard.BROWSER_POST)
def confirm() -> Response:
    """The account is there, and its owner signs in like everybody. PW-11."""
    key = request.form.get("key", "")
    try:
        user = signup.confirm(issuer(), key, request.form.get("code", ""), by=actor())
    except Refusal as refusal:
        if refusal.rule != "signup.over" and not refusal.fields:
            raise
        return render(Told(what=ToldOf.CODE_OVER, to="/register"))
    if user is None:
        return _confirm(key, gettext("This is not the code from the mail. Check its digits."))
    return render(Told(what=ToldOf.REGISTERED, to=f"/login?tx={_tx() or _sign_in(user)}"))


@blueprint.get("/invitation/<ticket>")
@demands(Guard.OPEN)
def invited(ticket: str) -> Response:
    """Looking spends nothing: programs that read mail look first. PW-8."""
    asked = issuer()
    with asked.database.reading() as db:
        found = inviting.standing(db, asked, ticket)
    return _invitation_over() if found is None else render(_take_up(ticket, found))


@blueprint.post("/invitation/<ticket>")
@demands(Guard.BROWSER_POST)
def take_up(ticket: str) -> Response:
    """The account is there, with an address that the link confirmed; nobody is signed in by it. PW-11."""
    asked = issuer()
    with asked.database.reading() as db:
        found = inviting.standing(db, asked, ticket)
    if found is None:
        return _invitation_over()
    try:
        user = inviting.accept(asked, ticket, _filled(), by=actor())
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return render(_take_up(ticket, found, dict(refusal.fields)))
    if user is None:
        return _invitation_over()
    app = by_client_id(asked, found.app) if found.app else None
    site = safe_link(app.client_uri) if app is not None else ""
    if app is None or not site:
        return render(Told(what=ToldOf.REGISTERED, to=f"/login?tx={_sign_in(user)}"))
    return render(Told(what=ToldOf.REGISTERED, to=site, app=app.name))


def _filled() -> signup.Filled:
    """What is read of the form; other members are not. AD-2."""
    return signup.Filled(
        name=request.form.get("name", ""),
        email=request.form.get("email", ""),
        password=request.form.get("password", ""),
        accepted=request.form.get("accept", ""),
    )


def _form(errors: dict[str, str] | None = None, retry_after: int = 0) -> Register:
    asked = issuer()
    with asked.database.reading() as db:
        minimum = passwords.shortest(db, asked, None)
    return Register(
        here=f"/register?tx={_tx()}",
        csrf_token=csrf.token(),
        tx=_tx(),
        action="/register",
        minimum=minimum,
        email=request.form.get("email", "")[:254] or _hinted(),
        name=request.form.get("name", "")[:255],
        terms=terms.version(asked),
        accepted=request.form.get("accept", "") == terms.version(asked),
        errors=errors or {},
        retry_after=retry_after,
    )


def _take_up(ticket: str, found: Invitation, errors: dict[str, str] | None = None) -> TakeUp:
    asked = issuer()
    app = by_client_id(asked, found.app) if found.app else None
    with asked.database.reading() as db:
        minimum = passwords.shortest(db, asked, None)
    return TakeUp(
        here=f"/invitation/{ticket}",
        csrf_token=csrf.token(),
        action=f"/invitation/{ticket}",
        email=found.email,
        app=app.name if app is not None else "",
        minimum=minimum,
        name=request.form.get("name", "")[:255],
        terms=terms.version(asked),
        accepted=request.form.get("accept", "") == terms.version(asked),
        errors=errors or {},
    )


def _confirm(key: str, error: str = "") -> Response:
    asked = issuer()
    with asked.database.reading() as db:
        begun = signup.standing(db, asked, key)
    if begun is None:
        return render(Told(what=ToldOf.CODE_OVER, to="/register"))
    return render(
        ConfirmAddress(
            here=f"/register/confirm?key={key}",
            csrf_token=csrf.token(),
            tx=_tx(),
            action="/register/confirm",
            key=key,
            email=begun.email,
            error=error,
        )
    )


def _invitation_over() -> Response:
    return render(Told(what=ToldOf.INVITATION_OVER, to="/login"))


def _sign_in(user: User) -> str:
    return visit.sign_in(visit.ACCOUNT, login_hint=user.email or "").value


def _hinted() -> str:
    """The address that the app which sent them knows."""
    under = visit.under_way() if _tx() else None
    return under.tx.request.get("login_hint", "")[:254] if under else ""


def _tx() -> str:
    return request.form.get("tx") or request.args.get("tx") or ""
