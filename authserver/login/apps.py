"""A first-party app that asks for name and password by itself: what its login is for, and what it gets in the end."""

from dataclasses import dataclass

from authserver.apis import allow as scopes
from authserver.apis.find import catalogue
from authserver.audit import Actor
from authserver.authentication import Level
from authserver.clients.client import Client
from authserver.clients.find import by_client_id
from authserver.errors import Refusal
from authserver.groups.attributes import scopes as of_person
from authserver.issuer import Issuer
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.tokens import grant
from authserver.tokens.issue import Ready, Wanted, ready
from authserver.tokens.terms import terms
from authserver.transaction import Transaction
from authserver.users import find
from authserver.users.user import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the app may have for this person, the level that it takes, and whether it is open to them at all."""

    client: Client
    user: User
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    level: Level
    is_open: bool


def wish(db: Session, issuer: Issuer, tx: Transaction) -> Wish:
    """What a login of an app asks for, as client, APIs and person are now."""
    if tx.user is None:
        raise ValueError("nobody has proved anything")
    client, user = client_of(issuer, tx), find.load(db, tx.user)
    groups = user.groups
    allowed = asked(issuer, client, tx.request.get("scope", ""), groups)
    resources = tuple(api.identifier for api in allowed.apis)
    needed = terms(issuer, client, resources, allowed.scope).required
    return Wish(
        client=client,
        user=user,
        scope=allowed.scope,
        resources=resources,
        level=needed.level,
        is_open=bool(allowed.scope) and client.admits(groups),
    )


def asked(issuer: Issuer, client: Client, scope: str, groups: tuple[str, ...] = ()) -> scopes.Allowed:
    """What of a scope client and person may have; a Refusal for what the client may never have. AZ-13."""
    found = scopes.allow(
        client,
        catalogue(issuer),
        identity=of_person(issuer),
        scope=scope.split() or client.scopes,
        groups=groups,
    )
    if isinstance(found, Refusal):
        raise found
    return found


def allow(db: Session, issuer: Issuer, wished: Wish, session: SsoSession, *, by: Actor) -> Ready:
    """Let the app take part in the session that opened for it, and begin the family of its tokens. TK-7."""
    now = issuer.clock()
    if not sso.join(db, session.id, wished.client.client_id, now):
        raise LookupError("the session ended under the one who had just opened it")
    made = grant.begin(
        db,
        issuer,
        client=wished.client,
        user=wished.user,
        authentication=session.authentication,
        session_expires_at=session.expires_at,
        scope=wished.scope,
        resources=wished.resources,
        by=by._replace(kind="user", id=session.user, session=session.id),
        now=now,
    )
    standing = None if made is None else grant.load(db, made)
    if standing is None:
        raise LookupError("what was begun just now is not there")
    wanted = Wanted(scope=wished.scope, resources=wished.resources)
    return ready(db, issuer, wished.client, standing, wanted)


def client_of(issuer: Issuer, tx: Transaction) -> Client:
    """The app that asks, while it may."""
    client = by_client_id(issuer, tx.request.get("client_id", ""))
    if client is None or not client.active or not client.json_login:
        raise Refusal(
            "This app may not sign people in any more.", code="unauthorized_client", rule="json_login"
        )
    return client
