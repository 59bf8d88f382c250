"""Connected apps: what each may have, since when, last used; and taking it back."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from authserver.apis.find import catalogue
from authserver.audit import Actor
from authserver.clients.client import Client
from authserver.clients.find import by_client_id
from authserver.consent import edit as consents
from authserver.consent import find as given
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.tokens import grant
from authserver.tokens.grant import Grant
from authserver.web import language
from authserver.web.pages import App, ConnectedApp
from authserver.web.pages_words import consent_sentence

OFFLINE = "offline_access"


def connected(db: Session, issuer: Issuer, user: str) -> dict[str, ConnectedApp]:
    """Every app that this person allowed something or that holds tokens of theirs, by client id."""
    grants: dict[str, list[Grant]] = defaultdict(list)
    for each in grant.of_user(db, user, issuer.clock()):
        grants[each.client_id].append(each)
    consented = {each.client_id: each for each in given.of_user(db, user)}
    found = {}
    for client_id in dict.fromkeys((*consented, *grants)):
        client = by_client_id(issuer, client_id)
        if client is None:
            continue
        held, consent = grants[client_id], consented.get(client_id)
        scope = {word for each in held for word in each.scope} | (consent.scope if consent else set())
        since = [each.granted_at for each in held] + ([consent.granted_at] if consent else [])
        found[client_id] = ConnectedApp(
            app=app_of(client),
            gets=sentences(issuer, scope - {OFFLINE}),
            since=min(since),
            withdraw_url=f"/account/apps/withdraw?{urlencode({'app': client_id})}",
            last_used_at=last_used(held),
            offline=any(each.offline for each in held),
        )
    return found


def withdraw(db: Session, issuer: Issuer, user: str, client_id: str, *, by: Actor) -> None:
    """Take everything back from an app: its consent, and every token that came of it. RT-9."""
    consents.withdraw(db, issuer, user, client_id, by=by)
    grant.revoke_where(db, issuer, reason="withdrawn", by=by, user=user, client=client_id)


def app_of(client: Client) -> App:
    where = urlsplit(client.client_uri or next(iter(client.redirect_uris), ""))
    return App(
        name=client.name, host=where.netloc or where.scheme, logo_url=client.logo_url, contact=client.contact
    )


def sentences(issuer: Issuer, scope: Iterable[str]) -> tuple[str, ...]:
    """What scopes mean, in the language of the page; a scope without a sentence is named."""
    spoken = language.current()
    declared = {
        scope.name: scope.sentences.get(spoken) or scope.sentences.get("en") or scope.name
        for api in catalogue(issuer).by_identifier.values()
        for scope in api.scopes
    }
    return tuple(consent_sentence(word) or declared.get(word, word) for word in sorted(scope))


def last_used(held: Iterable[Grant]) -> datetime | None:
    return max((each.rotated_at or each.granted_at for each in held), default=None)
