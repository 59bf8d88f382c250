"""A copy of what is kept of somebody, for themselves: everything but secrets, in words that need no manual."""

from collections.abc import Iterator, Mapping
from typing import Any

from authserver.agents import plain
from authserver.audit import Actor, record
from authserver.audit import find as audit
from authserver.audit.events import DataExported
from authserver.consent import find as consents
from authserver.issuer import Issuer
from authserver.login import enrolment, joining, trusted
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.tokens import grant
from authserver.users import find, terms
from authserver.users.user import User

PAGE, MOST = 500, 20_000


def take(db: Session, issuer: Issuer, session: SsoSession, *, by: Actor) -> Mapping[str, Any]:
    """Everything that is kept under the account, and note that it was taken."""
    user = find.load(db, session.user)
    found = {
        "account": _account(user),
        "ways_to_sign_in": _ways(db, issuer, user),
        "signed_in": [_signed_in(db, each) for each in sso.of_user(db, issuer, user.id, issuer.clock())],
        "trusted_devices": [
            {"device": plain(each.user_agent), "since": each.made_at, "until": each.until}
            for each in trusted.of_user(db, issuer, user.id, None)
        ],
        "apps": _apps(db, issuer, user),
        "terms_accepted": dict(terms.accepted(db, user.id)),
        "what_happened": list(_happened(db, user)),
    }
    record(db, DataExported(subject=user.id), by=by, at=issuer.clock())
    return {"issuer": issuer.url, "at": issuer.clock(), **found}


def _account(user: User) -> dict[str, Any]:
    names = (
        "subject", "name", "username", "email", "email_verified", "locale", "status", "role", "groups",
        "attributes", "created_at", "updated_at", "last_sign_in_at",
    )  # fmt: skip
    return {name: getattr(user, name) for name in names}


def _ways(db: Session, issuer: Issuer, user: User) -> dict[str, Any]:
    """Which there are, since when and last used; what they are made of stays here."""
    ways, stored = enrolment.ways(db, issuer, user), find.password(db, user.id)
    app = ways.app
    return {
        "password": {"changed_at": stored.changed_at} if stored else None,
        "authenticator_app": {"set_up_at": app.set_up_at, "last_used_at": app.last_used_at} if app else None,
        "passkeys": [
            {"name": each.label, "set_up_at": each.set_up_at, "last_used_at": each.last_used_at}
            for each in ways.passkeys
        ],
        "recovery_codes": {"left": ways.codes.left, "made_at": ways.codes.made_at},
        "providers": [
            {
                "provider": each.title,
                "identity": each.link.shown,
                "linked_at": each.link.linked_at,
                "last_used_at": each.link.last_used_at,
            }
            for each in joining.held(db, issuer, user.id)
        ],
    }


def _signed_in(db: Session, session: SsoSession) -> dict[str, Any]:
    return {
        "device": plain(session.user_agent),
        "ip": session.ip,
        "since": session.created_at,
        "last_seen_at": session.last_seen_at,
        "apps": list(sso.clients_of(db, session.id)),
    }


def _apps(db: Session, issuer: Issuer, user: User) -> list[dict[str, Any]]:
    allowed = {each.client_id: each for each in consents.of_user(db, user.id)}
    tokens = [
        {
            "client_id": each.client_id,
            "scope": sorted(each.scope),
            "since": each.granted_at,
            "holds_tokens": True,
        }
        for each in grant.of_user(db, user.id, issuer.clock())
    ]
    return [
        {"client_id": name, "scope": sorted(each.scope), "since": each.granted_at, "holds_tokens": False}
        for name, each in allowed.items()
    ] + tokens


def _happened(db: Session, user: User) -> Iterator[dict[str, Any]]:
    """The audit about this person, newest first."""
    before, told = "", 0
    while told < MOST:
        page = audit.page(db, {"subject": user.id}, before=before, limit=PAGE)
        for each in page.items:
            names = ("at", "event", "client", "ip", "user_agent", "data")
            yield {name: getattr(each, name) for name in names}
        told += len(page.items)
        if page.next is None:
            return
        before = page.next
