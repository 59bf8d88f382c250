"""issue_tokens(): the only place where a token is made."""

from datetime import datetime
from typing import Any, NamedTuple

from authserver.authentication import short
from authserver.clients.client import Client
from authserver.clock import seconds
from authserver.errors import Refusal
from authserver.groups.attributes import Into
from authserver.issuer import Issuer
from authserver.jose import Kind, Signer
from authserver.opaque import new_secret
from authserver.store import Session
from authserver.tokens import access, id_token, pending
from authserver.tokens import logout_token as logout_tokens
from authserver.tokens.claims import needs_person, release
from authserver.tokens.grant import Standing
from authserver.tokens.refresh import mint
from authserver.tokens.terms import Terms, terms
from authserver.users import find as users
from authserver.users.user import User
from authserver.vault import Roots

TOKENS: tuple[Into, ...] = ("id_token", "access_token")
JTI_BYTES = 16


class NotIssued(Refusal):
    """Nothing may be issued from this grant; `members` says what would help."""

    def __init__(self, public: str, *, detail: str, rule: str, members: dict[str, Any] | None = None) -> None:
        super().__init__(public, code="invalid_grant", detail=detail, rule=rule)
        self.members = members or {}


class Wanted(NamedTuple):
    """What the caller has checked and asks for."""

    scope: tuple[str, ...]
    resources: tuple[str, ...] = ()
    nonce: str | None = None


class TokenSet(NamedTuple):
    access_token: str
    expires_in: int
    scope: tuple[str, ...]
    id_token: str | None = None
    refresh_token: str | None = None


class Ready(NamedTuple):
    """A grant from which these tokens may be issued: made only by `ready()`, before anything is consumed.

    All that they are made of is in it. What was consumed is lost if anything has to be asked for afterwards, and the
    database is away.
    """

    standing: Standing
    wanted: Wanted
    terms: Terms
    scope: tuple[str, ...]
    user: User | None
    now: datetime
    signer: Signer
    id_signer: Signer | None
    roots: Roots


def ready(db: Session, issuer: Issuer, client: Client, standing: Standing, wanted: Wanted) -> Ready:
    """Check all that could forbid issuing. TK-7, RT-9, SU-3: the live state, and what client and APIs require now."""
    now = issuer.clock()
    lapse = standing.behind.lapse(client, now)
    if lapse is not None:
        raise NotIssued("the sign-in behind this grant has ended", detail=lapse, rule="grant_lapsed")
    held = _terms(issuer, client, wanted.resources, wanted.scope)
    user: User | None = None
    groups: tuple[str, ...] = ()
    if held.by_group or needs_person(held.declared, wanted.scope, standing.grant.claims, TOKENS):
        user = users.load(db, standing.grant.user)
        groups = user.groups
        if not client.admits(groups):
            raise NotIssued(
                "the person may no longer use this app",
                detail="the person is in none of the client's groups",
                rule="allowed_groups",
            )
    scope = held.scope_for(groups)
    if scope != wanted.scope:
        # The terms of what is left: less may have another audience, and require less.
        held = _terms(issuer, client, wanted.resources, scope)
    _check_level(held, standing)
    keys = issuer.keyring
    return Ready(
        standing=standing,
        wanted=wanted,
        terms=held,
        scope=scope,
        user=user,
        now=now,
        signer=keys.signer("ES256"),
        id_signer=keys.signer(held.id_token_alg) if "openid" in scope else None,
        roots=issuer.roots,
    )


def _terms(issuer: Issuer, client: Client, resources: tuple[str, ...], scope: tuple[str, ...]) -> Terms:
    held = terms(issuer, client, resources, scope)
    if len(held.apis) < len(resources):
        # Left out, the audience would become another one.
        raise NotIssued(
            "an API of this grant is gone, or closed to this client",
            detail=" ".join(resources),
            rule="resource_gone",
        )
    return held


def issue_tokens(
    issuer: Issuer, subject: Ready | Client, wanted: Wanted | None = None, *, generation: int | None = None
) -> TokenSet:
    """Make the tokens of a grant that is ready, with the refresh token of a generation; or of a client for itself."""
    if isinstance(subject, Ready):
        return _for_person(issuer.url, subject, generation)
    if wanted is None:
        raise TypeError("say what the client wants")
    return _for_client(issuer, subject, wanted)


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


def login_token(issuer: Issuer, kind: Kind, about: pending.About, *, expires_at: datetime) -> str:
    """Name a login of an app that is not over: no grant stands behind it, and only its end is got by it. SU-1."""
    claims = pending.for_app(
        issuer_url=issuer.url, kind=kind, about=about, now=issuer.clock(), expires_at=expires_at
    )
    return issuer.keyring.signer("ES256").sign(claims, pending.TYPES[kind.name])


def _for_person(issuer_url: str, ready: Ready, generation: int | None) -> TokenSet:
    held, grant, scope, issued = ready.terms, ready.standing.grant, ready.scope, seconds(ready.now)
    client, authentication = held.client, grant.authentication
    amr = short(authentication.amr) if client.amr == "short" else authentication.amr
    access_token = ready.signer.sign(
        access.for_person(
            issuer_url=issuer_url,
            audience=held.audience,
            subject=ready.standing.behind.subject,
            client_id=client.client_id,
            scope=scope,
            authentication=authentication,
            amr=amr,
            grant_id=grant.id,
            jti=new_secret(JTI_BYTES),
            issued=issued,
            lifetime=held.lifetime,
            extra=_extra(ready, "access_token"),
        ),
        access.TYP,
    )
    identity = None
    if ready.id_signer is not None:
        identity = ready.id_signer.sign(
            id_token.for_app(
                issuer_url=issuer_url,
                client_id=client.client_id,
                subject=ready.standing.behind.subject,
                authentication=authentication,
                amr=amr,
                nonce=ready.wanted.nonce,
                access_token=access_token,
                issued=issued,
                lifetime=held.id_token_lifetime,
                extra=_extra(ready, "id_token"),
            ),
            id_token.TYP,
        )
    return TokenSet(
        access_token=access_token,
        expires_in=held.lifetime,
        scope=scope,
        id_token=identity,
        refresh_token=None if generation is None else mint(ready.roots, grant.id, generation),
    )


def _for_client(issuer: Issuer, client: Client, wanted: Wanted) -> TokenSet:
    held = terms(issuer, client, wanted.resources, wanted.scope)
    claims = access.for_client(
        issuer_url=issuer.url,
        audience=held.audience,
        client_id=client.client_id,
        scope=wanted.scope,
        jti=new_secret(JTI_BYTES),
        issued=seconds(issuer.clock()),
        lifetime=held.lifetime,
    )
    token = issuer.keyring.signer("ES256").sign(claims, access.TYP)
    return TokenSet(access_token=token, expires_in=held.lifetime, scope=wanted.scope)


def _check_level(held: Terms, standing: Standing) -> None:
    """What client, APIs and the scopes of this very token require now; ages are judged at authorize. SU-3, SU-6."""
    needed = held.required
    reached = standing.grant.authentication
    if not reached.reaches(needed.level):
        age = {} if needed.max_age is None else {"max_age": needed.max_age}
        raise NotIssued(
            "a stronger sign-in is required",
            detail=f"the sign-in reached {reached.acr}, {needed.level.acr} is required",
            rule="required_acr",
            members={"acr_values": needed.level.acr, **age},
        )


def _extra(ready: Ready, into: Into) -> dict[str, Any]:
    if ready.user is None:
        return {}
    return release(ready.terms.declared, ready.user, ready.scope, ready.standing.grant.claims, into=into)
