"""An errand: what an app sends people here for, which is all of an authorization request but what is NEW each time.

It follows from the parameters, and from what is registered and set. So it is worked out once, and holds until any of
that moves; authorize.py adds what is new.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from authserver.apis.allow import Allowed, allow
from authserver.apis.find import Apis, catalogue
from authserver.authentication import Level
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.groups.attributes import scopes as identity_scopes
from authserver.issuer import Issuer
from authserver.login.rule import rule_for_everybody
from authserver.oauth.claims_request import NO_WISH, AcrWish, ClaimsRequest, claims_request, wish
from authserver.oauth.prompts import ALWAYS, Prompt, prompts, supported
from authserver.oauth.respond import MODES, ReturnAddress
from authserver.scopes import split
from authserver.tokens.required import ANY, Requirement, by_scope, in_all

NEW = frozenset({"state", "nonce", "code_challenge", "id_token_hint", "login_hint"})
LONGEST_HINT = 254
LONGEST_AGE = 10  # digits
NOT_SERVED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
UNPRINTABLE = frozenset(map(chr, (*range(32), 127)))

Key = tuple[tuple[str, str], ...]


class AuthorizeRequest(NamedTuple):
    """A request that is well-formed and open to its client; nothing in it is looked at twice.

    `asked` is what may be sealed and read again, `resources` the APIs that a token will be for, `required` what client
    and APIs demand, `of_scopes` what single scopes demand beyond it. A second factor that is demanded is none any
    more after `mfa_max_age` seconds. What follows from the person too is None where it is not the same for everybody:
    what they may have of the scope is `allowed`, what every sign-in here must reach `least`.
    """

    client: Client
    to: ReturnAddress
    scope: tuple[str, ...]
    allowed: Allowed | None = None
    resources: tuple[str, ...] = ()
    prompts: frozenset[Prompt] = frozenset()
    max_age: int | None = None
    required: Requirement = ANY
    of_scopes: Mapping[str, Requirement] = MappingProxyType({})
    mfa_max_age: int | None = None
    least: Level | None = None
    acr: AcrWish = NO_WISH
    claims: str | None = None
    hinted: frozenset[str] = frozenset()  # subjects; more than one can be met by nobody
    ui_locales: tuple[str, ...] = ()
    nonce: str | None = None
    challenge: str | None = None
    login_hint: str = ""
    asked: Mapping[str, str] = MappingProxyType({})

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


def known(issuer: Issuer) -> dict[Key, AuthorizeRequest]:
    """The errands that were worked out since anything moved."""
    return issuer.derived("errands")


def key_of(values: Mapping[str, str]) -> Key:
    """What an errand is known by: every parameter that is not new each time, as it came."""
    kept = dict(values)
    for name in NEW.intersection(kept):
        del kept[name]
    return tuple(kept.items())


def work_out(
    issuer: Issuer, client: Client, to: ReturnAddress, values: Mapping[str, str]
) -> AuthorizeRequest:
    """Examine what was not asked before; the Refusal if it cannot be served."""
    allowed = supported(issuer) if "prompt" in values else ALWAYS
    found = examine(client, catalogue(issuer), identity_scopes(issuer), to, values, allowed)
    rule = rule_for_everybody(issuer, client)
    least = None if rule is None else rule.least
    return found._replace(mfa_max_age=issuer.settings.mfa_max_age, least=least)


def examine(
    client: Client,
    apis: Apis,
    identity: Collection[str],
    to: ReturnAddress,
    values: Mapping[str, str],
    offered: Collection[Prompt] = ALWAYS,
) -> AuthorizeRequest:
    """Check the parameters of a request whose client and redirect_uri are proved."""
    _check_mode(client, to.redirect_uri, values)
    _check_grant(client, values)
    scope = split(values.get("scope", ""))
    allowed = _allowed(client, apis, identity, scope, values)
    claims = claims_request(values.get("claims"))
    return AuthorizeRequest(
        client=client,
        to=to._replace(state=None),
        scope=scope,
        allowed=None if any(_by_group(apis, word) for word in scope) else allowed,
        resources=tuple(api.identifier for api in allowed.apis),
        prompts=prompts(values.get("prompt"), offered),
        max_age=_max_age(client, values),
        required=in_all((client, *allowed.apis)),
        of_scopes=by_scope(allowed.apis),
        acr=_acr(client, values, claims),
        claims=claims.text,
        hinted=frozenset({claims.subject} if claims.subject is not None else ()),
        ui_locales=tuple(printable(values.get("ui_locales", "")).split()),
    )


def mode_problem(client: Client, uri: str, values: Mapping[str, str]) -> str:
    """Say why a request cannot be answered in the mode that it asks for; nothing where it can."""
    mode = values.get("response_mode", "query")
    if mode not in MODES:
        return "response_mode must be query or form_post."
    if mode not in client.response_modes and "response_mode" in values:
        return "This response_mode is not open to this client."
    if mode == "form_post" and not _posts(uri):
        return "form_post needs a redirect_uri of https, or of http on this computer."
    return ""


def printable(value: str) -> str:
    """A hint is only a hint: one that is no plain text is left out."""
    return "" if len(value) > LONGEST_HINT or not UNPRINTABLE.isdisjoint(value) else value


def _posts(uri: str) -> bool:
    # Registration allows http for loopback hosts alone.
    return uri.startswith(("https://", "http://"))


def _check_mode(client: Client, uri: str, values: Mapping[str, str]) -> None:
    if problem := mode_problem(client, uri, values):
        raise Refusal(
            problem,
            rule="response_mode",
            value=values.get("response_mode", ""),
            nearest=" ".join(client.response_modes),
        )


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
    client: Client,
    apis: Apis,
    identity: Collection[str],
    scope: tuple[str, ...],
    values: Mapping[str, str],
) -> Allowed:
    """What was asked, and for which APIs, as far as the client may have it. AZ-13, AZ-18."""
    if not scope:
        raise Refusal(
            "scope is missing.", code="invalid_scope", rule="scope.missing", nearest=" ".join(client.scopes)
        )
    # Whoever is in no group: what this person may not have is a question for later.
    resources = values.get("resource", "").split()
    found = allow(client, apis, identity=identity, scope=scope, resources=resources, groups=())
    if isinstance(found, Refusal):
        raise found
    return found


def _by_group(apis: Apis, word: str) -> bool:
    return word in apis.scopes and apis.scopes[word][1].groups is not None


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
