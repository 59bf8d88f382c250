"""Registration: what people fill in, and the code that confirms their address."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal, TooMany
from authserver.login import passwords, signup
from authserver.web import csrf
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.login import visit
from authserver.web.pages import ConfirmAddress, Register, Told, ToldOf, render
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
    given = {name: request.form.get(name, "") for name in signup.FIELDS}
    if not given["email"].strip():
        return render(_form({"email": Problem.REQUIRED}))
    try:
        begun = signup.begin(asked, given, request.form.get("password", ""), by=actor())
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
    value = _tx() or visit.sign_in(visit.ACCOUNT, login_hint=user.email or "").value
    return render(Told(what=ToldOf.REGISTERED, to=f"/login?tx={value}"))


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
        email=request.form.get("email", "")[:254],
        name=request.form.get("name", "")[:255],
        errors=errors or {},
        retry_after=retry_after,
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


def _tx() -> str:
    return request.form.get("tx") or request.args.get("tx") or ""
