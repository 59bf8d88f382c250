"""Refusals on their way out: a page for people, JSON for programs, always with a reference and never with more."""

import json
import logging
import re
from dataclasses import dataclass

from flask import Flask, Response, g, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from authserver.errors import AuthserverError, NotFound, Refusal, TooMany, Unavailable
from authserver.issuer import Issuer
from authserver.web.context import issuer, request_id
from authserver.web.paths import is_machine

log = logging.getLogger(__name__)
# What RFC 6749 §5.2 allows in an error_description.
UNSPEAKABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
RETRY = 2
BY_STATUS = {
    404: "There is nothing at this address.",
    405: "This address does not answer requests of that kind.",
}
SERVER_ERROR = 500
REFUSED = "authserver.refused"  # in the environ: a refusal that stood before Flask was asked


class Fault(Refusal):
    """We are wrong; what happened is in the log, under the reference."""

    status = SERVER_ERROR

    def __init__(self, kind: str) -> None:
        super().__init__(
            "Something went wrong here, not with you. Your account is fine; try again in a moment.",
            code="server_error",
            rule="fault",
            detail=f"{kind}: the log has it under this reference",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal as it may be told: public words and a reference; `reason` only where developers read."""

    status: int
    code: str
    public: str
    reference: str
    reason: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> bytes:
        """The body for programs. RFC 6749 §5.2, with the reference beside."""
        found = {
            "error": self.code,
            "error_description": UNSPEAKABLE.sub("'", self.public),
            "reference": self.reference,
        }
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
    headers: tuple[tuple[str, str], ...] = ()
    match known:
        case TooMany():
            headers = (("Retry-After", str(known.retry_after)),)
        case Unavailable():
            log.error("unavailable %s at %s: %s", reference, step, known)
            return Told(
                status=503,
                code="temporarily_unavailable",
                public="This server is busy or restarting. Nothing was lost; try again in a few seconds.",
                reference=reference,
                reason=_reason(asked, known),
                headers=(("Retry-After", str(known.retry_after)),),
            )
        case Fault():
            log.error("fault %s at %s", reference, step, exc_info=error)
        case _:
            pass
    refusal = known if isinstance(known, Refusal) else Fault(type(known).__name__)
    return Told(
        status=refusal.status,
        code=refusal.code,
        public=refusal.public,
        reference=reference,
        reason=_reason(asked, refusal),
        headers=headers,
    )


def install(app: Flask) -> None:
    """Answer every error of this app; comes first, so that what was refused before Flask goes no further."""
    app.before_request(_refused_before)
    app.register_error_handler(Exception, _answer)


def _refused_before() -> None:
    refusal: Refusal | None = request.environ.get(REFUSED)
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
    if is_machine(request.path):
        response = Response(told.as_json(), told.status, mimetype="application/json")
    else:
        response = Response(_page(told), told.status)
    response.headers.extend([*headers, *told.headers])
    return response


def _step() -> str:
    # Addresses that are not ours count as one, else a scanner would fill the store with them.
    return f"{request.method} {request.url_rule or '(no such address)'}"


def _of_http(error: HTTPException) -> Refusal:
    status = error.code or SERVER_ERROR
    public = BY_STATUS.get(status, "The request cannot be read.")
    if status == 404:  # noqa: PLR2004
        return NotFound(public)
    return Refusal(public, code="invalid_request", rule=f"http_{status}", detail=error.name, status=status)


def _reason(asked: Issuer, error: AuthserverError) -> str | None:
    """Why, for developers: the detail, what was given, and what would have been accepted."""
    if not asked.config.is_development:
        return None
    if not isinstance(error, Refusal):
        return str(error)
    given = f" Given: {error.value}." if error.value else ""
    nearest = f" Nearest: {error.nearest}." if error.nearest else ""
    return f"{error.detail} (rule {error.rule}).{given}{nearest}"


def _page(told: Told) -> str:
    lines = (told.public, told.reference, told.reason or "")
    return f"<!doctype html><title>{told.status}</title>" + "".join(
        f"<p>{escape(line)}</p>" for line in lines
    )
