"""An authorization request, read once. RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1.

Client and redirect_uri are proved first: until then nothing is sent anywhere, and a Refusal becomes a page.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from authserver.apis.allow import allow
from authserver.apis.api import Api
from authserver.apis.find import Apis, catalogue
from authserver.clients import find, redirects
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.groups.attributes import scopes as identity_scopes
from authserver.issuer import Issuer
from authserver.oauth import hints, pkce
from authserver.oauth.claims_request import NO_WISH, AcrWish, ClaimsRequest, claims_request, wish
from authserver.oauth.prompts import ALWAYS, Prompt, prompts, supported
from authserver.oauth.request import OAuthRequest
from authserver.oauth.respond import MODES, ResponseMode, ReturnAddress
from authserver.scopes import split
from authserver.tokens.required import ANY, Requirement, by_scope, in_all

LONGEST_STATE = 2048
LONGEST_NONCE = 512
LONGEST_HINT = 254
LONGEST_AGE = 10  # digits
LARGEST = 2800  # bytes; sealed and in base64 it must stay below 4 KB
ESCAPED = 6  # bytes that JSON makes of a character at the most
NAMES = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode", "prompt",
        "max_age", "ui_locales", "id_token_hint", "login_hint", "acr_values", "claims", "resource",
        "code_challenge", "code_challenge_method", "display", "idp_hint", "request", "request_uri", "registration",
    }
)  # fmt: skip
NOT_SERVED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
UNPRINTABLE = frozenset(map(chr, (*range(32), 127)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The parameters that arrived, each once, and which of them came twice."""

    values: Mapping[str, str]
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeRequest:
    """A request that is well-formed and open to its client; nothing in it is looked at twice.

    `asked` is what may be sealed and read again, `resources` the APIs that a token will be for, `required` what client
    and APIs demand, `of_scopes` what single scopes demand beyond it. A second factor that is demanded is none any
    more after `mfa_max_age` seconds.
    """

    client: Client
    to: ReturnAddress
    scope: tuple[str, ...]
    resources: tuple[str, ...] = ()
    prompts: frozenset[Prompt] = frozenset()
    max_age: int | None = None
    required: Requirement = ANY
    of_scopes: Mapping[str, Requirement] = field(default_factory=dict)
    mfa_max_age: int | None = None
    acr: AcrWish = NO_WISH
    claims: str | None = None
    nonce: str | None = None
    challenge: str | None = None
    hinted: frozenset[str] = frozenset()  # subjects; more than one can be met by nobody
    login_hint: str = ""
    ui_locales: tuple[str, ...] = ()
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks_anew(self) -> bool:
        """Whether the app, or what it asks for, wants a proof of now: no device is trusted for that. SU-5."""
        limited = self.max_age is not None or self.requires(self.scope).max_age is not None
        return limited or Prompt.LOGIN in self.prompts

    def requires(self, scope: Iterable[str]) -> Requirement:
        """What a sign-in must be for a token with this scope. SU-6."""
        found = self.required
        if not self.of_scopes:
            return found
        for word in scope:
            found |= self.of_scopes.get(word, ANY)
        return found


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
    # RFC 6749 §3.1: one without a value counts as left out.
    kept = {name: value for name, value in values.items() if name in NAMES and value}
    return Asked(values=kept, repeated=request.repeated - {"resource"})


def read(issuer: Issuer, asked: Asked) -> AuthorizeRequest | Rejected:
    """Prove client and redirect_uri, or raise; from then on what is wrong is told to the app."""
    client = _client(issuer, asked)
    to = return_address(client, asked)
    try:
        allowed = supported(issuer) if "prompt" in asked.values else ALWAYS
        request = examine(client, catalogue(issuer), identity_scopes(issuer), to, asked, allowed)
        if issuer.settings.mfa_max_age is not None:
            request = replace(request, mfa_max_age=issuer.settings.mfa_max_age)
        token = asked.values.get("id_token_hint")
        if token is None:
            return request
        hint = hints.read(issuer, token, client.client_id)
        return replace(request, hinted=request.hinted | {hint.subject})
    except Refusal as refusal:
        return Rejected(client=client, to=to, refusal=refusal)


def return_address(client: Client, asked: Asked) -> ReturnAddress:
    """Prove the redirect_uri, or raise. What is wrong with mode or state falls back to what can be right."""
    uri = _redirect_uri(client, asked)
    state = asked.values.get("state")
    if "state" in asked.repeated or (state is not None and len(state) > LONGEST_STATE):
        state = None
    mode: ResponseMode = "query"
    if "response_mode" not in asked.repeated and not _mode_problem(client, uri, asked):
        mode = next(mode for mode in MODES if mode == asked.values.get("response_mode", "query"))
    return ReturnAddress(redirect_uri=uri, mode=mode, state=state)


def examine(
    client: Client,
    apis: Apis,
    identity: Collection[str],
    to: ReturnAddress,
    asked: Asked,
    allowed: Collection[Prompt] = ALWAYS,
) -> AuthorizeRequest:
    """Check every parameter of a request whose client and redirect_uri are proved."""
    values = asked.values
    _check_form(client, to, asked)
    _check_grant(client, values)
    scope, targets = _allowed(client, apis, identity, values)
    claims = claims_request(values.get("claims"))
    return AuthorizeRequest(
        client=client,
        to=to,
        scope=scope,
        resources=tuple(api.identifier for api in targets),
        prompts=prompts(values.get("prompt"), allowed),
        max_age=_max_age(client, values),
        required=in_all((client, *targets)),
        of_scopes=by_scope(targets),
        acr=_acr(client, values, claims),
        claims=claims.text,
        nonce=_limited(values, "nonce", LONGEST_NONCE),
        challenge=pkce.challenge(values, client, scope),
        hinted=frozenset({claims.subject} if claims.subject is not None else ()),
        login_hint=_printable(values.get("login_hint", "")),
        ui_locales=tuple(_printable(values.get("ui_locales", "")).split()),
        asked=MappingProxyType(dict(values)),
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


def _mode_problem(client: Client, uri: str, asked: Asked) -> str:
    mode = asked.values.get("response_mode", "query")
    if mode not in MODES:
        return "response_mode must be query or form_post."
    if mode not in client.response_modes and "response_mode" in asked.values:
        return "This response_mode is not open to this client."
    if mode == "form_post" and not _posts(uri):
        return "form_post needs a redirect_uri of https, or of http on this computer."
    return ""


def _posts(uri: str) -> bool:
    # Registration allows http for loopback hosts alone.
    return uri.startswith(("https://", "http://"))


def _check_form(client: Client, to: ReturnAddress, asked: Asked) -> None:
    if asked.repeated:
        twice = ", ".join(sorted(asked.repeated))
        raise Refusal("A parameter was sent twice.", rule="authorize.repeated", value=twice)
    _limited(asked.values, "state", LONGEST_STATE)
    if problem := _mode_problem(client, to.redirect_uri, asked):
        raise Refusal(
            problem,
            rule="response_mode",
            value=asked.values.get("response_mode", ""),
            nearest=" ".join(client.response_modes),
        )
    size = _size(asked.values)
    if size > LARGEST:
        raise Refusal(
            "The request is too large.", rule="authorize.size", value=str(size), nearest=f"{LARGEST} bytes"
        )


def _size(values: Mapping[str, str]) -> int:
    """How long this will be once it is written down; what is short even if all of it were escaped is not written."""
    at_most = ESCAPED * sum(len(name) + len(value) + 2 for name, value in values.items())
    return at_most if at_most < LARGEST else len(json.dumps(dict(values), ensure_ascii=False).encode())


def _check_grant(client: Client, values: Mapping[str, str]) -> None:
    for name, code in NOT_SERVED.items():
        if name in values:
            raise Refusal(f"The parameter {name} is not served here.", code=code, rule=f"authorize.{name}")
    response_type = values.get("response_type")
    if response_type is None:
        raise Refusal("response_type is missing.", rule="response_type.missing", nearest="code")
    if response_type != "code":
        raise Refusal(
            "response_type must be code.",
            code="unsupported_response_type",
            rule="response_type",
            value=response_type,
            nearest="code",
        )
    if "authorization_code" not in client.grant_types:
        raise Refusal(
            "This client may not send people here to sign in.",
            code="unauthorized_client",
            rule="grant_type",
            value="authorization_code",
            nearest=" ".join(client.grant_types),
        )


def _allowed(
    client: Client, apis: Apis, identity: Collection[str], values: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[Api, ...]]:
    """What was asked, and for which APIs, as far as the client may have it. AZ-13, AZ-18."""
    words = split(values.get("scope", ""))
    if not words:
        raise Refusal(
            "scope is missing.", code="invalid_scope", rule="scope.missing", nearest=" ".join(client.scopes)
        )
    # Whoever is in no group: what this person may not have is a question for later.
    resources = values.get("resource", "").split()
    found = allow(client, apis, identity=identity, scope=words, resources=resources, groups=())
    if isinstance(found, Refusal):
        raise found
    return words, found.apis


def _max_age(client: Client, values: Mapping[str, str]) -> int | None:
    value = values.get("max_age")
    if value is None:
        return client.default_max_age
    if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_AGE):
        raise Refusal("max_age must be a number of seconds.", rule="max_age", value=value)
    return int(value)


def _acr(client: Client, values: Mapping[str, str], claims: ClaimsRequest) -> AcrWish:
    """An essential claim decides; else acr_values; else a claim that is a wish; else what was registered."""
    listed = wish(tuple(values.get("acr_values", "").split()))
    if claims.acr.essential or (claims.acr.named and not listed.named):
        return claims.acr
    return listed if listed.named else wish(client.default_acr_values)


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


def _printable(value: str) -> str:
    """A hint is only a hint: one that is no plain text is left out."""
    return "" if len(value) > LONGEST_HINT or not UNPRINTABLE.isdisjoint(value) else value
