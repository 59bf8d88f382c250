"""The code: the grant is opened and the code handed out in one short transaction. RFC 6749 §4.1.2."""

from datetime import timedelta

from authserver.audit import Actor
from authserver.clients.client import Client
from authserver.consent import edit as consents
from authserver.issuer import Issuer
from authserver.oauth import paused
from authserver.oauth.authorize import AuthorizeRequest
from authserver.oauth.decide import Here, Person
from authserver.oauth.grants.authorization_code import KIND
from authserver.once import open_ticket
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.sessions.visit import Visit
from authserver.store import Session, retrying
from authserver.tokens import grant


def issue(
    issuer: Issuer,
    request: AuthorizeRequest,
    person: Person,
    visit: Visit,
    *,
    here: Here,
    by: Actor,
) -> str | None:
    """Open the family that every token will descend from, and give the one code for it. AZ-17.

    What the person allowed just now is remembered in the same transaction. None when the session ended meanwhile,
    what they had allowed was withdrawn, or a code came of this answer before: nothing may be made of it any more.
    """
    agreed = here.agreed or frozenset()
    client, user, session = request.client, person.user.id, visit.session
    # A power cut may take a code that nobody brought yet; what a person said is kept. See docs/decisions/0020.
    writing = issuer.database.writing if agreed or here.page else issuer.database.writing_fast

    def attempt() -> str | None:
        with writing() as db:
            if not _takes_part(db, issuer, visit, client, here):
                return None
            if not paused.spend(db, issuer, here):
                return None
            if agreed:
                consents.remember(db, issuer, user, client.client_id, agreed, by=by)
            elif not (client.first_party or consents.hold(db, user, client.client_id, person.scope)):
                return None
            return _issue(db, issuer, request, person, session, by)

    return retrying(attempt)


def _takes_part(db: Session, issuer: Issuer, visit: Visit, client: Client, here: Here) -> bool:
    """Whether the session stands, until the transaction ends, with this app in it: before anything is written."""
    if not visit.joined:
        return sso.join(db, visit.session.id, client.client_id, issuer.clock())
    # Where the grant is the first that is written, it holds the session by itself.
    return not (here.agreed or here.page) or sso.hold(db, visit.session.id)


def _issue(
    db: Session, issuer: Issuer, request: AuthorizeRequest, person: Person, session: SsoSession, by: Actor
) -> str | None:
    now = issuer.clock()
    client = request.client
    made = grant.begin(
        db,
        issuer,
        client=client,
        user=person.user,
        authentication=person.authentication,
        session_expires_at=session.expires_at,
        scope=person.scope,
        resources=request.resources,
        claims=request.claims,
        by=by,
        now=now,
    )
    if made is None:
        return None
    return open_ticket(
        db,
        issuer.roots,
        KIND,
        now=now,
        expires_at=now + timedelta(seconds=issuer.settings.code_lifetime),
        grant=made.id,
        payload={
            "client_id": client.client_id,
            "redirect_uri": request.to.redirect_uri,
            "challenge": request.challenge,
            "nonce": request.nonce,
        },
    )
