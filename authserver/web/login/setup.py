"""The first owner's page, behind the link that the terminal shows."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal
from authserver.login import passwords
from authserver.store import retrying
from authserver.users import first
from authserver.users.user import User
from authserver.web import csrf
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.login import visit
from authserver.web.pages import FirstOwner, FirstOwnerGone, Problem, render

blueprint = Blueprint("setup", __name__)
FIELDS = ("email", "name")


@blueprint.get("/setup/<ticket>")
@demands(Guard.OPEN)
def first_owner(ticket: str) -> Response:
    """Who owns this server? Looking at the page spends nothing. PW-8."""
    asked = issuer()
    with asked.database.reading() as db:
        is_open = first.is_open(db, asked, ticket)
    return _shown(ticket) if is_open else _gone()


@blueprint.post("/setup/<ticket>")
@demands(Guard.BROWSER_POST)
def make_owner(ticket: str) -> Response:
    """Spend the link; the owner then signs in like everybody."""
    try:
        made = _made(ticket)
    except Refusal as refusal:
        if not refusal.fields:
            raise
        return _shown(ticket, dict(refusal.fields))
    if made is None:
        return _gone()
    return visit.to_step("password", visit.sign_in(visit.ACCOUNT, login_hint=made.email or "").value)


def _made(ticket: str) -> User | None:
    asked = issuer()
    with asked.database.reading() as db:
        if not first.is_open(db, asked, ticket):
            return None
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    if not given["email"]:
        raise Refusal("An owner has an address.", code="invalid", fields={"email": Problem.REQUIRED})
    chosen = passwords.choose_alone(asked, request.form.get("password", ""), None, about=given.values())

    def attempt() -> User | None:
        with asked.database.writing() as db:
            return first.make(db, asked, ticket, given, chosen.phc, by=actor())

    return retrying(attempt)


def _shown(ticket: str, errors: dict[str, str] | None = None) -> Response:
    return render(
        FirstOwner(
            here=f"/setup/{ticket}",
            csrf_token=csrf.token(),
            action=f"/setup/{ticket}",
            minimum=issuer().settings.password_min_length,
            email=request.form.get("email", ""),
            name=request.form.get("name", ""),
            errors=errors or {},
        )
    )


def _gone() -> Response:
    with issuer().database.reading() as db:
        return render(FirstOwnerGone(has_owner=first.has_owner(db)))
