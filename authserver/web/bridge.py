"""WSGI environ → OAuthRequest; the one reader for edge and views."""

from collections.abc import Mapping
from typing import Any

from authserver.errors import Refusal
from authserver.jose import BadToken
from authserver.jose.read import read_object
from authserver.oauth.request import FORM, NONE, OAuthRequest, read_pairs

JSON = "application/json"
STATUS = {
    200: "200 OK",
    201: "201 Created",
    204: "204 No Content",
    302: "302 Found",
    303: "303 See Other",
    304: "304 Not Modified",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    408: "408 Request Timeout",
    409: "409 Conflict",
    411: "411 Length Required",
    413: "413 Content Too Large",
    414: "414 URI Too Long",
    415: "415 Unsupported Media Type",
    429: "429 Too Many Requests",
    431: "431 Request Header Fields Too Large",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}


def read(environ: Mapping[str, Any], takes: str = FORM) -> OAuthRequest:
    """A request, parsed once; what cannot be read is refused."""
    method = environ["REQUEST_METHOD"]
    asked = environ.get("QUERY_STRING")
    query, twice = read_pairs(asked.encode("latin-1")) if asked else ({}, NONE)
    members: Mapping[str, object] = {}
    if takes == JSON:
        members = _members(environ) if method == "POST" else {}
        form, again = {name: value for name, value in members.items() if isinstance(value, str)}, NONE
    else:
        form, again = read_pairs(_body(environ) if method == "POST" else b"")
    if form and (again or query):
        # The same name in both is a repetition, too.
        twice |= again | (query.keys() & form.keys())
    return OAuthRequest(
        method=method,
        path=environ.get("PATH_INFO", ""),
        query=query,
        form=form,
        members=members,
        repeated=twice,
        authorization=environ.get("HTTP_AUTHORIZATION"),
        origin=environ.get("HTTP_ORIGIN"),
        host=environ.get("HTTP_HOST", ""),
        ip=environ.get("REMOTE_ADDR", ""),
        user_agent=environ.get("HTTP_USER_AGENT", ""),
    )


def _body(environ: Mapping[str, Any]) -> bytes:
    """The form as it came; `sizes` has looked at its length, and `bodies` has received it."""
    body: bytes = environ["wsgi.input"].read()
    kind = environ.get("CONTENT_TYPE", "")
    if body and kind != FORM:
        kind = kind.partition(";")[0].strip().lower()
        if kind != FORM:
            # RFC 6749 gives no status of its own for this; 400 is what TK-6 asks of a JSON body.
            raise Refusal(f"send {FORM}", rule="content_type", value=kind, nearest=FORM)
    return body


def _members(environ: Mapping[str, Any]) -> Mapping[str, object]:
    """The body as a JSON object, which every parser would read alike. WEB-8, JOSE-10."""
    kind, _, parameters = environ.get("CONTENT_TYPE", "").lower().partition(";")
    if kind.strip() != JSON or parameters.strip() not in {"", "charset=utf-8"}:
        raise Refusal(f"send {JSON}", rule="content_type", value=kind[:100], nearest=JSON, status=415)
    raw: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        return read_object(raw)
    except BadToken as error:
        raise Refusal("the body is not a sound JSON object", detail=error.detail, rule="json") from error


def status_line(status: int) -> str:
    return STATUS.get(status) or f"{status} Unknown"
