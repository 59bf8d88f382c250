"""OpenID Connect: a relying party of our own, by code flow with PKCE, state and nonce. OI-1, OI-2, UP-11, UP-12."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

from authserver.clients.remote import NotFetched
from authserver.jose import Claims
from authserver.opaque import digest, new_secret
from authserver.upstream.contract import (
    Asking,
    Callback,
    Declined,
    Departure,
    Distrusted,
    Down,
    Identity,
    Kept,
    Passed,
    Preset,
    Probe,
    RedirectUpstream,
    Step,
)
from authserver.upstream.http import Answer, Http
from authserver.upstream.id_token import Wanted, authenticated, issuer_of, verified
from authserver.upstream.oidc_config import PRESETS, OidcConfig
from authserver.upstream.published import Metadata, Published, read_keys, read_metadata
from authserver.vault import b64

REMEMBERED = 30 * 86_400  # max_age is always sent, so that auth_time comes back
SERVER_ERROR = 500
PAGES_OF_GROUPS = 10
CAPPED = 300
C = TypeVar("C", bound=OidcConfig)


class OpenId(RedirectUpstream[C], Generic[C]):
    """What every OpenID provider has in common."""

    def __init__(self) -> None:
        self._published = Published()

    def begin(self, config: C, asking: Asking, http: Http) -> Departure:
        there = self._metadata(config, http)
        verifier = new_secret()
        question = {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": asking.callback,
            "scope": " ".join(config.scopes),
            "state": asking.state,
            "nonce": asking.nonce,
            "code_challenge": b64(digest(verifier)),
            "code_challenge_method": "S256",
            "max_age": "0" if asking.fresh else str(REMEMBERED),
            "prompt": "login" if asking.fresh else config.prompt,
            "login_hint": asking.login_hint,
            "ui_locales": asking.locales,
        }
        query = urlencode({name: value for name, value in question.items() if value})
        parts = urlsplit(there.authorization_endpoint)
        url = parts._replace(query=f"{parts.query}&{query}" if parts.query else query).geturl()
        return Departure(url=url, keep={"verifier": verifier})

    def complete(self, config: C, back: Callback, keep: Kept, http: Http) -> Identity:
        there = self._metadata(config, http)
        _check_answer(config, there, back)
        tokens = _redeem(config, there, back, keep, http)
        wanted = Wanted(config=config, metadata=there, nonce=back.asking.nonce, at=back.at)
        claims = verified(str(tokens["id_token"]), wanted, self._published, http)
        access_token = str(tokens.get("access_token", ""))
        told: dict[str, Any] = dict(claims)
        if config.userinfo and there.userinfo_endpoint and access_token:
            told = _together(claims, _userinfo(there.userinfo_endpoint, access_token, claims, http))
        return self.identity(config, claims, told, _groups(config, told, access_token, http), back)

    def identity(
        self,
        config: C,
        claims: Claims,
        told: Mapping[str, Any],
        groups: tuple[str, ...] | None,
        back: Callback,
    ) -> Identity:
        """What the verified claims say; `told` is beside them what userinfo said."""
        # Only JSON's own true, unless an admin says that this provider writes it as text. OI-7.
        words = ("true",) if config.email_verified_as_text else ()
        subject = _subject(config, claims)
        return Identity(
            issuer=issuer_of(config, claims.get("tid")),
            subject=subject,
            username=_text(told, "preferred_username"),
            name=_text(told, "name"),
            given_name=_text(told, "given_name"),
            family_name=_text(told, "family_name"),
            email=_text(told, "email"),
            email_verified=told.get("email_verified") is True or told.get("email_verified") in words,
            locale=_text(told, "locale"),
            attributes={name: value for name, value in told.items() if name not in PROTOCOL},
            groups=groups,
            authentication=authenticated(claims, back.at),
            shown=_text(told, "email") or _text(told, "preferred_username") or _text(told, "name") or subject,
        )

    def test(self, config: C, probe: Probe) -> Iterator[Step]:
        try:
            there = read_metadata(config.metadata_url, config.issuer, probe.http)
        except (NotFetched, Distrusted) as error:
            yield _failed("Its metadata", error, "Compare the issuer with what the provider's metadata says.")
            return
        yield Step(title="Its metadata", passed=Passed.YES, found=there.authorization_endpoint)
        try:
            keys = read_keys(there.jwks_uri, probe.http)
        except (NotFetched, Distrusted) as error:
            yield _failed("Its keys", error, "The provider must publish keys that verify ID tokens.")
            return
        able = sorted({alg for key in keys.keys for alg in key.algs} & set(config.algs))
        if not able:
            yield Step(
                title="Its keys",
                passed=Passed.NO,
                found=f"no key is for {', '.join(config.algs)}",
                remedy="Set algs to what the provider signs with.",
            )
            return
        yield Step(title="Its keys", passed=Passed.YES, found=f"{len(keys.keys)} keys, for {', '.join(able)}")
        yield _asked(config, there, probe)

    def _metadata(self, config: C, http: Http) -> Metadata:
        return self._published.metadata(config.metadata_url, config.issuer, http)


class Oidc(OpenId[OidcConfig]):
    """Any OpenID provider."""

    title: ClassVar[str] = "OpenID Connect"
    presets: ClassVar[Mapping[str, Preset]] = PRESETS
    Config = OidcConfig


# Claims that are about the token, not about the person.
PROTOCOL = frozenset(
    {
        "acr", "amr", "at_hash", "aud", "auth_time", "azp", "c_hash", "email_verified", "exp", "iat", "iss", "jti",
        "nbf", "nonce", "s_hash", "sid", "sub",
    }
)  # fmt: skip


def _check_answer(config: OidcConfig, there: Metadata, back: Callback) -> None:
    """What came back is an answer of this very provider. RFC 9207 §2.4, OI-2, OI-5."""
    given = back.params
    if not given.get("code") and "error" not in given:
        raise Declined("nothing came back", rule="upstream.empty")
    issuer = given.get("iss")
    expected = there.issuer
    if not config.is_of_many and ((issuer is None and there.says_iss) or (issuer not in {None, expected})):
        raise Distrusted(
            "the answer is another issuer's",
            rule="oidc.iss",
            value=(issuer or "none")[:200],
            nearest=expected,
        )
    if "error" in given:
        said = f"{given['error']}: {given.get('error_description', '')}"[:CAPPED]
        raise Declined(f"the provider said {said!a}", value=given["error"][:100])


def _redeem(config: OidcConfig, there: Metadata, back: Callback, keep: Kept, http: Http) -> Mapping[str, Any]:
    """Exchange the code; the answer holds an ID token."""
    form = {
        "grant_type": "authorization_code",
        "code": back.params["code"],
        "redirect_uri": back.asking.callback,
        "code_verifier": str(keep["verifier"]),
    }
    answer = _post(config, there, form, http)
    told = _json(answer)
    if not answer.ok:
        said = ascii(f"{told.get('error', answer.status)}: {told.get('error_description', '')}"[:CAPPED])
        if answer.status >= SERVER_ERROR:
            raise Down(f"its token endpoint said {said}")
        raise Distrusted(
            f"its token endpoint said {said}", rule="oidc.token", value=str(told.get("error", ""))[:100]
        )
    if not isinstance(told.get("id_token"), str):
        raise Distrusted("its token endpoint gave no ID token", rule="oidc.id_token")
    return told


def _post(config: OidcConfig, there: Metadata, form: Mapping[str, str], http: Http) -> Answer:
    secret = config.client_secret.reveal()
    if config.auth_method == "client_secret_basic":
        pair = f"{quote_plus(config.client_id)}:{quote_plus(secret)}"
        basic = base64.b64encode(pair.encode()).decode()
        return http.post(there.token_endpoint, form, headers={"Authorization": f"Basic {basic}"})
    known = {"client_id": config.client_id}
    if config.auth_method == "client_secret_post":
        known["client_secret"] = secret
    return http.post(there.token_endpoint, {**form, **known})


def _userinfo(url: str, access_token: str, claims: Claims, http: Http) -> dict[str, Any]:
    """What userinfo says, if it says it of the same person. OpenID Connect Core §5.3.2."""
    answer = http.get(url, token=access_token)
    if answer.status >= SERVER_ERROR:
        raise Down(f"its userinfo endpoint answered {answer.status}")
    if not answer.ok:
        raise Distrusted(f"its userinfo endpoint answered {answer.status}", rule="oidc.userinfo")
    told = _json(answer)
    if told.get("sub") != claims["sub"]:
        raise Distrusted("userinfo is about somebody else", rule="oidc.userinfo_sub")
    return told


def _together(claims: Claims, userinfo: Mapping[str, Any]) -> dict[str, Any]:
    """What both say, the ID token first. That an address is verified is said of the one beside it alone. OI-7."""
    is_another = "email" in claims and userinfo.get("email") != claims["email"]
    told = {name: value for name, value in userinfo.items() if not (is_another and name == "email_verified")}
    return {**told, **claims}


def _groups(
    config: OidcConfig, told: Mapping[str, Any], access_token: str, http: Http
) -> tuple[str, ...] | None:
    """The groups that somebody is in; None where the token only says that there are too many for it."""
    found = told.get(config.groups_claim)
    if isinstance(found, list):
        return tuple(each for each in found if isinstance(each, str))
    elsewhere = told.get("_claim_names")
    is_too_many = told.get("hasgroups") in {True, "true"} or (
        isinstance(elsewhere, Mapping) and config.groups_claim in elsewhere
    )
    if not is_too_many:
        return (found,) if isinstance(found, str) else ()
    if not config.groups_url or not access_token:
        return None
    try:
        return _asked_groups(config.groups_url, access_token, http)
    except (NotFetched, ValueError):
        # Who signs in is known all the same: they keep the groups that they had.
        return None


def _asked_groups(url: str, access_token: str, http: Http) -> tuple[str, ...] | None:
    host = urlsplit(url).netloc
    found: list[str] = []
    for _ in range(PAGES_OF_GROUPS):
        answer = http.get(url, token=access_token)
        if not answer.ok:
            return None
        told = answer.json()
        found += [
            each["id"]
            for each in told.get("value", [])
            if isinstance(each, dict) and isinstance(each.get("id"), str)
        ]
        url = told.get("@odata.nextLink", "")
        if not url:
            return tuple(found)
        if urlsplit(url).netloc != host:
            return None
    return None


def _subject(config: OidcConfig, claims: Claims) -> str:
    if config.subject == "sub":
        return claims.text("sub")
    tenant, person = claims.get("tid"), claims.get("oid")
    if not isinstance(tenant, str) or not isinstance(person, str) or not tenant or not person:
        raise Distrusted("it holds no tid and oid", rule="id_token.oid")
    return f"{tenant}.{person}"


def _asked(config: OidcConfig, there: Metadata, probe: Probe) -> Step:
    """Whether it knows us: a code that nobody has is refused as such only for a client that it knows."""
    title = "Its token endpoint"
    form = {
        "grant_type": "authorization_code",
        "code": "authserver-test",
        "redirect_uri": probe.callback,
        "code_verifier": new_secret(),
    }
    try:
        answer = _post(config, there, form, probe.http)
        error = str(_json(answer).get("error", answer.status))[:100]
    except (NotFetched, Distrusted) as failed:
        return _failed(title, failed, "See whether a firewall keeps this server from it.")
    if error == "invalid_grant":
        return Step(title=title, passed=Passed.YES, found="it knows us")
    if error in {"invalid_client", "unauthorized_client", "401"}:
        remedy = "Check client_id, client_secret and auth_method against what the provider shows."
        return Step(title=title, passed=Passed.NO, found=f"it said {error}", remedy=remedy)
    remedy = f"Register {probe.callback} as redirect URI there."
    return Step(title=title, passed=Passed.WARNED, found=f"it said {error}", remedy=remedy)


def _failed(title: str, error: Exception, remedy: str) -> Step:
    return Step(
        title=title,
        passed=Passed.NO,
        found=(getattr(error, "detail", "") or str(error))[:CAPPED],
        remedy=remedy,
    )


def _json(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json()
    except ValueError as error:
        if answer.status >= SERVER_ERROR:
            return {}
        raise Distrusted("it answered no JSON object", rule="oidc.json") from error


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""
