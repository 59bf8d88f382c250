"""Refusals on their way out: a page for people, JSON for programs, always with a reference and never with more."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from authserver.clients import find as clients
from authserver.clients.client import Client
from authserver.errors import AuthserverError, Fault, NotFound, Refusal, TooMany, Unavailable
from authserver.issuer import Issuer
from authserver.web import csrf, here, pages
from authserver.web.context import issuer, request_id
from authserver.web.environ import REFUSED
from authserver.web.language import gettext
from authserver.web.paths import is_admin, is_machine

log = logging.getLogger(__name__)
# What RFC 6749 §5.2 allows in an error_description.
UNSPEAKABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
AWAY = "This server is busy or restarting. Nothing was lost; try again in a few seconds."
BY_STATUS = {
    404: "There is nothing at this address.",
    405: "This address does not answer requests of that kind.",
}
SERVER_ERROR = 500
FOR_MAKERS = frozenset({pages.RefusedKind.APP_REQUEST, pages.RefusedKind.INPUT, pages.RefusedKind.FORBIDDEN})


class Challenged(Refusal):
    """Who asks must show a credential; `challenge` says of what kind. RFC 9110 §11.6.1."""

    status = 401

    def __init__(self, public: str, *, challenge: str, code: str, detail: str, rule: str) -> None:
        super().__init__(public, code=code, detail=detail, rule=rule)
        self.challenge = challenge


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal as it may be told: public words and a reference; `reason` only where developers read."""

    status: int
    code: str
    public: str
    reference: str
    reason: pages.Reason | None = None
    retry_after: int = 0
    fields: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> bytes:
        """The body for programs. RFC 6749 §5.2, with the reference beside."""
        found = {
            "error": self.code,
            "error_description": UNSPEAKABLE.sub("'", self.public),
            **self.members,
            "reference": self.reference,
        }
        return json.dumps(found, separators=(",", ":")).encode()

    def as_problem(self) -> bytes:
        """The body for programs that administer. RFC 9457, with the reference and what is wrong with each field."""
        found: dict[str, Any] = {
            "type": f"urn:problem-type:authserver:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.public,
            "errors": [{"field": name, "detail": sentence} for name, sentence in self.fields],
            "reference": self.reference,
        }
        if self.reason is not None:
            found["reason"] = asdict(self.reason)
        return json.dumps(found, separators=(",", ":")).encode()


def tell(
    asked: Issuer,
    error: Exception,
    *,
    step: str,
    client: str | None = None,
    person: str | None = None,
    request_id: str | None = None,
) -> Told:
    """Note an error, whatever it is, and say what of it may be told. For the edge and the pages alike."""
    known = error if isinstance(error, AuthserverError) else Fault(type(error).__name__)
    reference = asked.refusals.note(known, step=step, client=client, person=person, request_id=request_id)
    match known:
        case Unavailable():
            log.error("unavailable %s at %s: %s", reference, step, known)
            refusal = Refusal(
                AWAY, code="temporarily_unavailable", rule="unavailable", detail=str(known), status=503
            )
        case Refusal():
            refusal = known
            if isinstance(known, Fault):
                log.error("fault %s at %s", reference, step, exc_info=error)
        case _:
            refusal = Fault(type(known).__name__)
            log.error("fault %s at %s", reference, step, exc_info=error)
    return Told(
        status=refusal.status,
        code=refusal.code,
        public=refusal.public,
        reference=reference,
        reason=_reason(asked, refusal),
        retry_after=known.retry_after if isinstance(known, TooMany | Unavailable) else 0,
        fields=tuple(refusal.fields.items()),
        headers=_headers(refusal),
        members=getattr(refusal, "members", {}),
    )


def install(app: Flask) -> None:
    """Answer every error of this app; comes first, so that what was refused before Flask goes no further."""
    app.before_request(_refused_before)
    app.register_error_handler(Exception, _answer)


def _refused_before() -> None:
    refusal: Refusal | None = here.asked().environ.get(REFUSED)
    if refusal is not None:
        raise refusal


def _answer(error: Exception) -> Response:
    headers: list[tuple[str, str]] = []
    if isinstance(error, HTTPException):
        headers = [pair for pair in error.get_headers() if pair[0] == "Allow"]
        error = _of_http(error)
    session = g.get("session")
    told = tell(
        issuer(),
        error,
        step=_step(),
        client=g.get("client"),
        person=session.user if session is not None else None,
        request_id=request_id(),
    )
    if is_admin(request.path):
        response = Response(told.as_problem(), told.status, mimetype="application/problem+json")
    elif is_machine(request.path):
        response = Response(told.as_json(), told.status, mimetype="application/json")
    else:
        response = _page(told)
    response.headers.extend(headers)
    response.headers.extend(told.headers)
    if told.retry_after:
        response.headers["Retry-After"] = str(told.retry_after)
    return response


def _headers(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    """What a program is told beside the body: how to show who it is, or what the protocol wants."""
    if isinstance(refusal, Challenged):
        return (("WWW-Authenticate", refusal.challenge),)
    found: tuple[tuple[str, str], ...] = getattr(refusal, "headers", ())
    return found


def _step() -> str:
    # Addresses that are not ours count as one, else a scanner would fill the store with them.
    return f"{request.method} {request.url_rule or '(no such address)'}"


def _of_http(error: HTTPException) -> Refusal:
    status = error.code or SERVER_ERROR
    public = BY_STATUS.get(status, "The request cannot be read.")
    if status == 404:  # noqa: PLR2004
        return NotFound(public)
    return Refusal(public, code="invalid_request", rule=f"http_{status}", detail=error.name, status=status)


def _reason(asked: Issuer, refusal: Refusal) -> pages.Reason | None:
    """Why, where developers read it."""
    if not asked.config.is_development:
        return None
    return pages.Reason(
        rule=refusal.rule, detail=refusal.detail, given=refusal.value, nearest=refusal.nearest
    )


def _page(told: Told) -> Response:
    try:
        return pages.render(_shown(told), status=told.status)
    except Exception:
        # A template that a deployment replaced may be broken; whoever was refused still reads why.
        log.exception("the page for refusal %s could not be rendered", told.reference)
        return Response(f"{told.public}\n\n{told.reference}\n", told.status, mimetype="text/plain")


def _shown(told: Told) -> pages.Page:
    """The page that says it."""
    match told.status:
        case 404:
            return pages.NotFound(reference=told.reference, reason=told.reason)
        case 405:
            return pages.WrongMethod(reference=told.reference, reason=told.reason)
        case 503:
            return pages.Unavailable(
                reference=told.reference, reason=told.reason, retry_after=told.retry_after
            )
        case status if status >= SERVER_ERROR:
            return pages.ServerError(reference=told.reference, reason=told.reason)
        case _:
            return _refused(told, _kind(told))


def _refused(told: Told, kind: pages.RefusedKind) -> pages.Page:
    """A refusal with whom to ask, and one way out: to the app that asked, or to one's own account."""
    by_app = kind is pages.RefusedKind.APP_REQUEST
    client = _client() if by_app else None
    return pages.Refused(
        kind=kind,
        reference=told.reference,
        sentence=told.public if kind in FOR_MAKERS else "",
        app=None if client is None else _app(client),
        way_out=_to_app(client) if by_app else pages.Link(title=gettext("Your account"), url="/account"),
        reason=told.reason,
        retry_after=told.retry_after,
    )


def _app(client: Client) -> pages.App:
    return pages.App(name=client.name, logo_url=client.logo_url, contact=client.contact)


def _to_app(client: Client | None) -> pages.Link | None:
    home = pages.safe_link(client.client_uri) if client is not None else ""
    return (
        pages.Link(title=gettext("Back to %(app)s", app=client.name), url=home) if client and home else None
    )


def _client() -> Client | None:
    """The app that a refused request named, if there is one."""
    named: str | None = g.get("client")
    try:
        return clients.by_client_id(issuer(), named) if named else None
    except Unavailable:
        return None


def _kind(told: Told) -> pages.RefusedKind:
    kinds = pages.RefusedKind
    if told.code == csrf.FORGED:
        return kinds.FORM
    found = {403: kinds.FORBIDDEN, 429: kinds.TOO_MANY}.get(told.status)
    return found or (kinds.APP_REQUEST if request.path.startswith("/oauth/") else kinds.INPUT)
