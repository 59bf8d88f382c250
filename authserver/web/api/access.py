"""Who asks the admin API: an API token in the header and nothing else, its role, its scopes. AD-4."""

import re

from flask import g, request

from authserver.audit import Actor
from authserver.errors import Refusal, TooMany
from authserver.store import retrying
from authserver.users import api_tokens
from authserver.users.access import reaches
from authserver.users.api_tokens import ApiToken, Unusable
from authserver.web.context import client_ip, issuer, user_agent
from authserver.web.guards import Demand
from authserver.web.refusals import Challenged

BEARER = re.compile(r"[Bb]earer +([!-~]+)")
REALM = 'Bearer realm="authserver admin"'
JSON = "application/json"
PROBLEM = "application/problem+json"


def enforce(demand: Demand) -> None:
    """The demand ADMIN: a token that may be used now, whose role and scopes reach; `g.api_token` is it."""
    g.ignores_cookies = True
    token = _token()
    _check_rate(token)
    if demand.role is not None and not reaches(token.role, demand.role):
        raise _forbidden(f"This needs the role {demand.role}.", token, rule="api_token.role")
    if demand.scope is not None and demand.scope not in token.scopes:
        raise _forbidden(f"This needs the scope {demand.scope}.", token, rule="api_token.scope")
    _check_accept()
    g.api_token = token


def asking() -> ApiToken:
    found: ApiToken = g.api_token
    return found


def actor() -> Actor:
    """Who acts, as the audit has it."""
    token = asking()
    return Actor(
        kind="api_token",
        id=token.id,
        name=token.name,
        role=token.role,
        ip=client_ip(),
        user_agent=user_agent(),
    )


def _token() -> ApiToken:
    header = request.headers.get("Authorization", "")
    shown = BEARER.fullmatch(header)
    if shown is None:
        detail = (
            "there is no bearer token in the Authorization header"
            if not header
            else "this is no bearer token"
        )
        raise Challenged(
            "Show an API token in the Authorization header.",
            challenge=REALM,
            code="unauthorized",
            detail=detail,
            rule="api_token.missing",
        )
    asked = issuer()
    now = asked.clock()
    with asked.database.reading() as db:
        found = api_tokens.find(db, shown[1], now)
    if isinstance(found, Unusable):
        raise Challenged(
            "The API token is not valid.",
            challenge=f'{REALM}, error="invalid_token"',
            code="invalid_token",
            detail=found.reason,
            rule=found.rule,
        )
    if api_tokens.is_used_now(found, now):
        retrying(lambda: _note_use(found))
    return found


def _note_use(token: ApiToken) -> None:
    asked = issuer()
    with asked.database.writing_fast() as db:
        api_tokens.note_use(db, token, asked.clock())


def _check_rate(token: ApiToken) -> None:
    wait = issuer().limiter.bucket(f"api_token:{token.id}")
    if wait is not None:
        raise TooMany("This API token asks too often.", retry_after=wait, rule="api_token.rate")


def _check_accept() -> None:
    accepted = request.accept_mimetypes
    if accepted and not (accepted[JSON] or accepted[PROBLEM]):
        raise Refusal(
            "Answers are JSON.",
            code="not_acceptable",
            rule="accept",
            value=request.headers.get("Accept", "")[:100],
            nearest=JSON,
            status=406,
        )


def _forbidden(sentence: str, token: ApiToken, *, rule: str) -> Refusal:
    detail = f"API token {token.id} has the role {token.role} and the scopes {' '.join(token.scopes)}"
    return Refusal(sentence, code="forbidden", detail=detail, rule=rule, status=403)
