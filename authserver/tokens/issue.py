"""issue_tokens(): the only place where a token is made."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from authserver.apis import find as apis
from authserver.apis.api import Api, ApiScope
from authserver.authentication import short
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.groups.attributes import scopes as identity_scopes
from authserver.issuer import Issuer
from authserver.opaque import new_secret
from authserver.store import Session
from authserver.tokens import access, id_token
from authserver.tokens import logout_token as logout_tokens
from authserver.tokens.claims import needs_person, release
from authserver.tokens.grant import Standing
from authserver.tokens.refresh import mint
from authserver.tokens.required import ANY, by_scope, in_all
from authserver.users import find as users
from authserver.users.user import User

JTI_BYTES = 16


class NotIssued(Refusal):
    """Nothing may be issued from this grant; `members` says what would help."""

    def __init__(self, public: str, *, detail: str, rule: str, members: dict[str, Any] | None = None) -> None:
        super().__init__(public, code="invalid_grant", detail=detail, rule=rule)
        self.members = members or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the caller has checked and asks for. `generation` is that of the refresh token to hand out, if any."""

    scope: tuple[str, ...]
    resources: tuple[str, ...] = ()
    generation: int | None = None
    nonce: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    access_token: str
    expires_in: int
    scope: tuple[str, ...]
    id_token: str | None = None
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A grant from which these tokens may be issued: made only by `ready()`, before anything is consumed."""

    client: Client
    standing: Standing
    wanted: Wanted
    apis: tuple[Api, ...]
    user: User | None
    now: datetime

    def handing_out(self, generation: int) -> "Ready":
        """The same, with the refresh token of a generation that was just settled."""
        return replace(self, wanted=replace(self.wanted, generation=generation))


def ready(db: Session, issuer: Issuer, client: Client, standing: Standing, wanted: Wanted) -> Ready:
    """Check all that could forbid issuing. TK-7, RT-9, SU-3: the live state, and what client and APIs require now."""
    now = issuer.clock()
    lapse = standing.lapse(client, now)
    if lapse is not None:
        raise NotIssued("the sign-in behind this grant has ended", detail=lapse, rule="grant_lapsed")
    named = audience_apis(issuer, wanted.resources)
    if len(named) < len(wanted.resources):
        # Left out, the audience would become another one.
        raise NotIssued(
            "an API of this grant is gone", detail=" ".join(wanted.resources), rule="resource_gone"
        )
    user = None
    if client.allowed_groups is not None or _group_bound(named) or _person_needed(issuer, standing, wanted):
        user = users.load(db, standing.grant.user)
        if client.allowed_groups is not None and not set(user.groups) & set(client.allowed_groups):
            raise NotIssued(
                "the person may no longer use this app",
                detail="the person is in none of the client's groups",
                rule="allowed_groups",
            )
    found = Ready(client=client, standing=standing, wanted=wanted, apis=named, user=user, now=now)
    _check_level(issuer, found)
    return found


def issue_tokens(issuer: Issuer, subject: Ready | Client, wanted: Wanted | None = None) -> TokenSet:
    """Make the tokens of a grant that is ready, or of a client that acts for itself."""
    if isinstance(subject, Client):
        if wanted is None:
            raise TypeError("say what the client wants")
        return _for_client(issuer, subject, wanted)
    return _for_person(issuer, subject)


def logout_token(issuer: Issuer, client: Client, subject: str, session: str) -> str:
    """Tell an app that a session has ended: no grant stands behind it, and nothing can be got for it. LO-4."""
    signer = issuer.keyring.signer(client.id_token_alg or issuer.settings.id_token_alg)
    claims = logout_tokens.for_app(
        issuer_url=issuer.url,
        client_id=client.client_id,
        subject=subject,
        session=session,
        jti=new_secret(JTI_BYTES),
        now=issuer.clock(),
    )
    return signer.sign(claims, logout_tokens.TYP)


def audience_apis(issuer: Issuer, resources: tuple[str, ...]) -> tuple[Api, ...]:
    """The APIs a token is for; the default one was named when the request was decided."""
    known = apis.catalogue(issuer).by_identifier
    return tuple(known[name] for name in resources if name in known)


def _for_person(issuer: Issuer, ready: Ready) -> TokenSet:
    client, grant, wanted, now = ready.client, ready.standing.grant, ready.wanted, ready.now
    scope = _still_allowed(issuer, ready)
    lifetime = _lifetime(issuer, client, ready.apis)
    extra = _extra(issuer, ready, scope, "access_token")
    authentication = grant.authentication
    amr = short(authentication.amr) if client.amr == "short" else authentication.amr
    access_token = issuer.keyring.signer("ES256").sign(
        access.for_person(
            issuer_url=issuer.url,
            audience=_audience(issuer, ready.apis, scope),
            subject=ready.standing.subject,
            client_id=client.client_id,
            scope=scope,
            authentication=authentication,
            amr=amr,
            grant_id=grant.id,
            jti=new_secret(JTI_BYTES),
            now=now,
            lifetime=lifetime,
            extra=extra,
        ),
        access.TYP,
    )
    identity = None
    if "openid" in grant.scope and "openid" in scope:
        signer = issuer.keyring.signer(client.id_token_alg or issuer.settings.id_token_alg)
        identity = signer.sign(
            id_token.for_app(
                issuer_url=issuer.url,
                client_id=client.client_id,
                subject=ready.standing.subject,
                authentication=authentication,
                amr=amr,
                nonce=wanted.nonce,
                access_token=access_token,
                now=now,
                lifetime=client.id_token_lifetime or issuer.settings.id_token_lifetime,
                extra=_extra(issuer, ready, scope, "id_token"),
            ),
            id_token.TYP,
        )
    return TokenSet(
        access_token=access_token,
        expires_in=lifetime,
        scope=scope,
        id_token=identity,
        refresh_token=None if wanted.generation is None else mint(issuer, grant.id, wanted.generation),
    )


def _for_client(issuer: Issuer, client: Client, wanted: Wanted) -> TokenSet:
    named = audience_apis(issuer, wanted.resources)
    lifetime = _lifetime(issuer, client, named)
    claims = access.for_client(
        issuer_url=issuer.url,
        audience=_audience(issuer, named, wanted.scope),
        client_id=client.client_id,
        scope=wanted.scope,
        jti=new_secret(JTI_BYTES),
        now=issuer.clock(),
        lifetime=lifetime,
    )
    token = issuer.keyring.signer("ES256").sign(claims, access.TYP)
    return TokenSet(access_token=token, expires_in=lifetime, scope=wanted.scope)


def _audience(issuer: Issuer, named: tuple[Api, ...], scope: tuple[str, ...]) -> str | list[str]:
    return access.audience(tuple(api.identifier for api in named) or (issuer.url,), issuer.url, scope)


def _check_level(issuer: Issuer, ready: Ready) -> None:
    """What client, APIs and the scopes of this very token require now; ages are judged at authorize. SU-3, SU-6."""
    of_scopes = by_scope(ready.apis)
    needed = in_all((ready.client, *ready.apis))
    for word in _still_allowed(issuer, ready) if of_scopes else ():
        needed |= of_scopes.get(word, ANY)
    reached = ready.standing.grant.authentication
    if not reached.reaches(needed.level):
        age = {} if needed.max_age is None else {"max_age": needed.max_age}
        raise NotIssued(
            "a stronger sign-in is required",
            detail=f"the sign-in reached {reached.acr}, {needed.level.acr} is required",
            rule="required_acr",
            members={"acr_values": needed.level.acr, **age},
        )


def _group_bound(named: tuple[Api, ...]) -> bool:
    return any(scope.groups is not None for api in named for scope in api.scopes)


def _person_needed(issuer: Issuer, standing: Standing, wanted: Wanted) -> bool:
    return needs_person(issuer, wanted.scope, standing.grant.claims, ("id_token", "access_token"))


def _still_allowed(issuer: Issuer, ready: Ready) -> tuple[str, ...]:
    """The wanted scopes that client and person may have now, as far as this token is for their API. RFC 8707 §2.2."""
    here = {scope.name: scope for api in ready.apis for scope in api.scopes}
    of_person = identity_scopes(issuer)
    return tuple(
        word
        for word in ready.wanted.scope
        if word in ready.client.scopes
        and (_may_have(ready, here[word]) if word in here else word in of_person)
    )


def _may_have(ready: Ready, scope: ApiScope) -> bool:
    client_may = scope.clients is None or ready.client.client_id in scope.clients
    groups = ready.user.groups if ready.user else ()
    return client_may and (scope.groups is None or not scope.groups.isdisjoint(groups))


def _lifetime(issuer: Issuer, client: Client, named: tuple[Api, ...]) -> int:
    """The shortest that client and APIs set, else the general one."""
    own = [client.access_token_lifetime, *(api.token_lifetime for api in named)]
    return min((value for value in own if value), default=issuer.settings.access_token_lifetime)


def _extra(issuer: Issuer, ready: Ready, scope: tuple[str, ...], into: Any) -> dict[str, Any]:
    if ready.user is None:
        return {}
    return release(issuer, ready.user, scope, ready.standing.grant.claims, into=into)
