"""The description of what first-party apps ask in JSON: sign-in, sessions, second factors. OpenAPI 3.1.

Every answer of the tests is held against it, so that it says what is served.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify

from authserver.oauth.json_login.answers import METHODS
from authserver.web.guards import Guard, demands

blueprint = Blueprint("apps_described", __name__)
Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
OBJECT: Schema = {"type": "object"}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _record(required: Mapping[str, Schema], **beside: Schema) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **beside}}


def _error(*codes: str, **members: Schema) -> dict[str, Any]:
    """A refusal: its code, a sentence, what goes with it, and where somebody made a mistake a reference."""
    error = {**TEXT, "enum": list(codes)} if codes else TEXT
    required = {"error": error, "error_description": TEXT, **members}
    return _record(required, reference=TEXT)


METHOD: Schema = {"type": "string", "enum": list(METHODS)}
LEFT = {"idle_in": NUMBER, "ends_in": NUMBER}
SESSION = {
    "id": TEXT, "kind": {"type": "string", "enum": ["browser", "app"]}, "device": TEXT, "ip": TEXT, "place": TEXT,
    "apps": _list(TEXT), "started_at": TIME, "last_seen_at": TIME,
}  # fmt: skip
SCHEMAS: Mapping[str, Any] = {
    "Tokens": _record(
        {"access_token": TEXT, "token_type": TEXT, "expires_in": NUMBER}, scope=TEXT, refresh_token=TEXT, id_token=TEXT
    ),
    "Error": _error(),
    "Wrong": _error("invalid_credentials"),
    "WrongCode": _error("invalid_code", tries_left=NUMBER),
    "Over": _error("invalid_token", "invalid_client"),
    "Missing": {"anyOf": [_ref("MfaRequired"), _ref("InteractionRequired"), _ref("Error")]},
    "MfaRequired": {
        **_error("mfa_required", mfa_token=TEXT, expires_in=NUMBER, methods=_list(METHOD)),
        "description": "`passkey` is there beside the method of that name: what navigator.credentials.get() takes.",
    },
    "InteractionRequired": _error("interaction_required", url=TEXT),
    "Conflict": _error(
        "session_conflict", conflict_token=TEXT, expires_in=NUMBER, sessions=_list(_ref("Session"))
    ),
    "TooMany": {**_error("too_many_attempts"), "description": "`Retry-After` says for how many seconds."},
    "Expired": {**_error(), "description": "session_expired says in `reason`: idle, expired, taken_over, ended."},
    "Sent": _record({"sent_to": TEXT, "expires_in": NUMBER, "resend_in": NUMBER}),
    "Session": _record(SESSION),
    "OwnSession": _record({**SESSION, **LEFT, "auth_time": NUMBER, "acr": TEXT, "amr": _list(TEXT)}),
    "Left": _record(LEFT),
    "Sessions": _record({"sessions": _list(_record({**SESSION, "current": TRUTH}))}),
    "Factors": _record(
        {
            "enabled": TRUTH,
            "required": TRUTH,
            "methods": _list(
                _record(
                    {"method": METHOD, "last_used_at": MAYBE_TIME},
                    set_up_at=TIME, id=TEXT, name=TEXT, sent_to=TEXT,
                )
            ),
            "recovery_codes": _record({"left": NUMBER, "of": NUMBER, "made_at": MAYBE_TIME}),
        }
    ),
    "SetUp": _record({"secret": TEXT, "otpauth_uri": TEXT, "qr_svg": TEXT, "recovery_codes": _list(TEXT)}),
    "Codes": _record({"recovery_codes": _list(TEXT)}),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A row: what it takes (`beside` need not be there) and the schema that each status answers with."""

    summary: str
    takes: Mapping[str, Schema] = field(default_factory=dict)
    beside: Mapping[str, Schema] = field(default_factory=dict)
    answers: Mapping[int, str | None] = field(default_factory=dict)
    by: str = "client"


CLIENT = {
    "client_id": TEXT,
    "client_secret": TEXT,
    "client_assertion": TEXT,
    "client_assertion_type": TEXT,
}
ENTERED: Mapping[int, str | None] = {
    200: "Tokens",
    400: "Error",
    403: "Missing",
    409: "Conflict",
    429: "TooMany",
}
CHOSEN: Mapping[int, str | None] = {**ENTERED, 401: "Over"}
OWN: Mapping[int, str | None] = {400: "Error", 401: "Expired", 403: "Error"}
CHANGED: Mapping[int, str | None] = {**OWN, 409: "Error", 415: "Error", 429: "TooMany"}
CODE = {"code": TEXT}
ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", "/api/login"): Endpoint(
        summary="Sign in by name and password",
        takes={"username": TEXT, "password": TEXT},
        beside={"scope": TEXT, **CLIENT},
        answers={**ENTERED, 401: "Error"},
    ),
    ("POST", "/api/login/mfa"): Endpoint(
        summary="Show one more proof; the token lives until that is right, or five were wrong",
        takes={"mfa_token": TEXT, "method": METHOD},
        beside={**CODE, "assertion": OBJECT, **CLIENT},
        answers={**ENTERED, 401: "Error"},
    ),
    ("POST", "/api/login/mfa/email"): Endpoint(
        summary="Have a code mailed, or another one",
        takes={"mfa_token": TEXT},
        beside=CLIENT,
        answers={200: "Sent", 400: "Error", 401: "Over", 403: "Error", 429: "TooMany"},
    ),
    ("POST", "/api/session/start"): Endpoint(
        summary="Go on where there is room by now",
        takes={"conflict_token": TEXT},
        beside=CLIENT,
        answers=CHOSEN,
    ),
    ("POST", "/api/session/takeover"): Endpoint(
        summary="End the chosen session and go on",
        takes={"conflict_token": TEXT, "session_id": TEXT},
        beside=CLIENT,
        answers=CHOSEN,
    ),
    ("GET", "/api/session"): Endpoint(
        summary="This session, and how long is left", answers={200: "OwnSession", **OWN}, by="person"
    ),
    ("DELETE", "/api/session"): Endpoint(summary="Sign out here", answers={204: None, **OWN}, by="person"),
    ("POST", "/api/session/touch"): Endpoint(
        summary="Say that somebody is there: real input alone", answers={200: "Left", **OWN}, by="person"
    ),
    ("GET", "/api/sessions"): Endpoint(
        summary="Everywhere that one is signed in", answers={200: "Sessions", **OWN}, by="person"
    ),
    ("DELETE", "/api/sessions/{session_id}"): Endpoint(
        summary="Sign one of one's devices out", answers={204: None, **OWN, 404: "Error"}, by="person"
    ),
    ("GET", "/api/users/me/mfa"): Endpoint(
        summary="One's second factors", answers={200: "Factors", **OWN}, by="person"
    ),
    ("POST", "/api/users/me/mfa/enroll"): Endpoint(
        summary="Begin to set up an authenticator app",
        takes={"method": {**TEXT, "enum": ["totp"]}},
        answers={200: "SetUp", **CHANGED},
        by="person",
    ),
    ("POST", "/api/users/me/mfa/confirm"): Endpoint(
        summary="Let it count, by its first code",
        takes=CODE,
        answers={200: "Factors", **CHANGED},
        by="person",
    ),
    ("POST", "/api/users/me/mfa/disable"): Endpoint(
        summary="Give it up, by the password and a code of it or a recovery code",
        takes={"password": TEXT},
        beside={**CODE, "recovery_code": TEXT},
        answers={200: "Factors", **CHANGED},
        by="person",
    ),
    ("POST", "/api/users/me/mfa/recovery-codes"): Endpoint(
        summary="New recovery codes in place of all others", answers={200: "Codes", **CHANGED}, by="person"
    ),
}


@blueprint.get("/api/openapi.json")
@demands(Guard.OPEN)
def describe() -> Response:
    """For whoever writes an app; it holds nothing of this installation."""
    return jsonify(document())


@cache
def document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), endpoint in ENDPOINTS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, endpoint)
    basic = {"type": "http", "scheme": "basic", "description": "Id and secret of a confidential client."}
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of a client with json_login whose audience holds the issuer.",
    }
    csrf = {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"}
    cookie = {"type": "apiKey", "in": "cookie", "name": "__Host-as_session"}
    schemes = {"client": basic, "token": bearer, "cookie": cookie, "csrf": csrf}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "authserver for first-party apps",
            "version": "1",
            "description": "Sign-in without a page, and what people do about their own sessions and second factors.",
        },
        "paths": paths,
        "components": {"securitySchemes": schemes, "schemas": dict(SCHEMAS)},
    }


def _operation(method: str, path: str, endpoint: Endpoint) -> dict[str, Any]:
    name = f"{method} {path}".lower().translate(str.maketrans(" /-", "___", "{}")).replace("__api", "")
    found: dict[str, Any] = {
        "operationId": name,
        "summary": endpoint.summary,
        "security": [{"client": []}, {}]
        if endpoint.by == "client"
        else [{"token": []}, {"cookie": [], "csrf": []}],
        "responses": {str(status): _answer(schema) for status, schema in sorted(endpoint.answers.items())},
    }
    if "{session_id}" in path:
        found["parameters"] = [{"name": "session_id", "in": "path", "required": True, "schema": TEXT}]
    if endpoint.takes:
        body = _record(endpoint.takes, **endpoint.beside)
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def _answer(schema: str | None) -> dict[str, Any]:
    if schema is None:
        return {"description": "Done."}
    return {
        "description": SCHEMAS[schema].get("description", schema),
        "content": {"application/json": {"schema": _ref(schema)}},
    }
