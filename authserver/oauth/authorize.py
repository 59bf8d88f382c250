"""An authorization request, read once. RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1.

Client and redirect_uri are proved first: until then nothing is sent anywhere, and a Refusal becomes a page.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from authserver.clients import find, redirects
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.oauth import errand, hints, pkce
from authserver.oauth.errand import AuthorizeRequest as AuthorizeRequest  # noqa: PLC0414 - asked for here
from authserver.oauth.request import NONE, OAuthRequest
from authserver.oauth.respond import MODES, ResponseMode, ReturnAddress

LONGEST_STATE = 2048
LONGEST_NONCE = 512
RESOURCE = frozenset({"resource"})  # alone may come more than once
LARGEST = 2800  # bytes; sealed and in base64 it must stay below 4 KB
ESCAPED = 6  # bytes that JSON makes of a character at the most
NAMES = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode", "prompt",
        "max_age", "ui_locales", "id_token_hint", "login_hint", "acr_values", "claims", "resource",
        "code_challenge", "code_challenge_method", "display", "idp_hint", "request", "request_uri", "registration",
    }
)  # fmt: skip


class Asked(NamedTuple):
    """The parameters that arrived, each once, and which of them came twice."""

    values: Mapping[str, str]
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The request is wrong, and its app is told so at its redirect_uri."""

    client: Client
    to: ReturnAddress
    refusal: Refusal


def received(request: OAuthRequest) -> Asked:
    """Take the parameters out of a GET's query or a POST's form; those of a POST may not be spread. AZ-5."""
    values = request.query if request.method == "GET" else request.form
    if request.method != "GET" and not NAMES.isdisjoint(request.query):
        raise Refusal(
            "The address of a posted request may hold no parameters of its own.",
            rule="authorize.mixed",
            value=", ".join(sorted(NAMES & request.query.keys())),
        )
    if not NAMES.issuperset(values) or "" in values.values():
        # RFC 6749 §3.1: one without a value counts as left out.
        values = {name: value for name, value in values.items() if name in NAMES and value}
    return Asked(values=values, repeated=request.repeated - RESOURCE if request.repeated else NONE)


def read(issuer: Issuer, asked: Asked) -> AuthorizeRequest | Rejected:
    """Prove client and redirect_uri, or raise; from then on what is wrong is told to the app."""
    known, key = errand.known(issuer), errand.key_of(asked.values)
    found = None if asked.repeated else known.get(key)
    if found is None:
        client = _client(issuer, asked)
        to = return_address(client, asked)
    else:
        client, to = found.client, _address(found.to.redirect_uri, found.to.mode, asked)
    try:
        check_form(asked)
        if found is None:
            found = errand.work_out(issuer, client, to, asked.values)
            if not found.hinted:
                known[key] = found
        request = complete(found, to, asked)
        token = asked.values.get("id_token_hint")
        if token is None:
            return request
        hint = hints.read(issuer, token, client.client_id)
        return request._replace(hinted=request.hinted | {hint.subject})
    except Refusal as refusal:
        return Rejected(client=client, to=to, refusal=refusal)


def return_address(client: Client, asked: Asked) -> ReturnAddress:
    """Prove the redirect_uri, or raise. What is wrong with mode or state falls back to what can be right."""
    uri = _redirect_uri(client, asked)
    mode: ResponseMode = "query"
    if "response_mode" not in asked.repeated and not errand.mode_problem(client, uri, asked.values):
        mode = next(mode for mode in MODES if mode == asked.values.get("response_mode", "query"))
    return _address(uri, mode, asked)


def check_form(asked: Asked) -> None:
    """Refuse what was sent twice, and what is too long to be carried."""
    if asked.repeated:
        twice = ", ".join(sorted(asked.repeated))
        raise Refusal("A parameter was sent twice.", rule="authorize.repeated", value=twice)
    _limited(asked.values, "state", LONGEST_STATE)
    size = _size(asked.values)
    if size > LARGEST:
        raise Refusal(
            "The request is too large.", rule="authorize.size", value=str(size), nearest=f"{LARGEST} bytes"
        )


def complete(of: AuthorizeRequest, to: ReturnAddress, asked: Asked) -> AuthorizeRequest:
    """Check what is new this time, and add it to what is the same each time."""
    values = asked.values
    return of._replace(
        to=to,
        nonce=_limited(values, "nonce", LONGEST_NONCE),
        challenge=pkce.challenge(values, of.client, of.scope),
        login_hint=errand.printable(values["login_hint"]) if "login_hint" in values else "",
        asked=values,
    )


def _client(issuer: Issuer, asked: Asked) -> Client:
    for name in ("client_id", "redirect_uri"):
        if name in asked.repeated:
            raise Refusal(f"{name} was sent twice.", rule="authorize.repeated", value=name)
    client_id = asked.values.get("client_id")
    if client_id is None:
        raise Refusal("The app did not say which app it is: client_id is missing.", rule="client_id.missing")
    client = find.by_client_id(issuer, client_id)
    if client is None or not client.active:
        detail = "unknown" if client is None else "disabled"
        raise Refusal(
            "This app is not registered here.", rule=f"client_id.{detail}", value=client_id, detail=detail
        )
    return client


def _redirect_uri(client: Client, asked: Asked) -> str:
    uri = asked.values.get("redirect_uri")
    if uri is None:
        raise Refusal(
            "The app did not say where to return to: redirect_uri is missing.",
            rule="redirect_uri.missing",
            nearest=", ".join(client.redirect_uris),
        )
    if not redirects.allowed(client, uri):
        raise Refusal(
            "The app asked to return to an address that is not registered for it.",
            rule="redirect_uri.unregistered",
            value=uri,
            nearest=redirects.nearest(client, uri),
        )
    return uri


def _address(uri: str, mode: ResponseMode, asked: Asked) -> ReturnAddress:
    state = asked.values.get("state")
    if state is not None and (len(state) > LONGEST_STATE or "state" in asked.repeated):
        state = None
    return ReturnAddress(redirect_uri=uri, mode=mode, state=state)


def _size(values: Mapping[str, str]) -> int:
    """How long this will be once it is written down; what is short even if all of it were escaped is not written."""
    characters = sum(map(len, values)) + sum(map(len, values.values())) + 2 * len(values)
    at_most = ESCAPED * characters
    return at_most if at_most < LARGEST else len(json.dumps(dict(values), ensure_ascii=False).encode())


def _limited(values: Mapping[str, str], name: str, longest: int) -> str | None:
    value = values.get(name)
    if value is not None and len(value) > longest:
        raise Refusal(
            f"{name} is too long.",
            rule=f"{name}.size",
            value=str(len(value)),
            nearest=f"{longest} characters",
        )
    return value
