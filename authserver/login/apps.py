"""A first-party app that asks for name and password by itself: what its login is for, and what it gets in the end."""

from typing import NamedTuple

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

Key = tuple[str, tuple[str, ...], tuple[str, ...]]


class Share(NamedTuple):
    """What an app may have for people of the same groups, the level that it takes, and if it is open to them at all."""

    client: Client
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    level: Level
    is_open: bool


class Wish(NamedTuple):
    """What the app of a login may have for its person."""

    user: User
    share: Share


def wish(db: Session, issuer: Issuer, tx: Transaction) -> Wish:
    """What a login of an app asks for, as client, APIs and person are now."""
    if tx.user is None:
        raise ValueError("nobody has proved anything")
    client, user = client_of(issuer, tx), find.load(db, tx.user)
    return Wish(user, asked(issuer, client, tx.request.get("scope", ""), user.groups))


def asked(issuer: Issuer, client: Client, scope: str, groups: tuple[str, ...] = ()) -> Share:
    """What of a scope client and person may have; a Refusal for what the client may never have. AZ-13."""
    kept: dict[Key, Share] = issuer.derived("shares")
    # Of a stranger's text only words that the client may have are kept: all others are refused below.
    words = tuple(dict.fromkeys(scope.split())) or client.scopes
    key = (client.client_id, words, groups)
    held = kept.get(key)
    # Who asks may have read the client before it moved.
    if held is None or held.client is not client:
        held = kept[key] = _share(issuer, client, words, groups)
    return held


def _share(issuer: Issuer, client: Client, words: tuple[str, ...], groups: tuple[str, ...]) -> Share:
    found = scopes.allow(
        client,
        catalogue(issuer),
        identity=of_person(issuer),
        scope=words,
        groups=groups,
    )
    if isinstance(found, Refusal):
        raise found
    resources = tuple(api.identifier for api in found.apis)
    return Share(
        client=client,
        scope=found.scope,
        resources=resources,
        level=terms(issuer, client, resources, found.scope).required.level,
        is_open=bool(found.scope) and client.admits(groups),
    )


def allow(db: Session, issuer: Issuer, wished: Wish, session: SsoSession, *, by: Actor) -> Ready:
    """Let the app take part in the session that opened for it, and begin the family of its tokens. TK-7."""
    (user, share), now = wished, issuer.clock()
    if not sso.join(db, session.id, share.client.client_id, now):
        raise LookupError("the session ended under the one who had just opened it")
    made = grant.begin(
        db,
        issuer,
        client=share.client,
        user=user,
        authentication=session.authentication,
        session_expires_at=session.expires_at,
        scope=share.scope,
        resources=share.resources,
        by=by._replace(kind="user", id=session.user, session=session.id),
        now=now,
    )
    if made is None:
        raise LookupError("the session ended under the one who had just opened it")
    standing = grant.at_its_birth(made, user, session.idle_until)
    return ready(db, issuer, share.client, standing, Wanted(scope=share.scope, resources=share.resources))


def client_of(issuer: Issuer, tx: Transaction) -> Client:
    """The app that asks, while it may."""
    client = by_client_id(issuer, tx.request.get("client_id", ""))
    if client is None or not client.active or not client.json_login:
        raise Refusal(
            "This app may not sign people in any more.", code="unauthorized_client", rule="json_login"
        )
    return client
