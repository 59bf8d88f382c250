"""From an identity to an account here: by its link and by nothing else. UP-1, UP-2."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import Linked, Unlinked
from authserver.authentication import UserId
from authserver.errors import Refusal
from authserver.groups import attributes as declarations
from authserver.input import invalid
from authserver.issuer import Issuer
from authserver.opaque import new_id
from authserver.store import Session, records
from authserver.upstream.contract import Identity
from authserver.upstream.find import live
from authserver.upstream.mapping import Mapped, mapped
from authserver.upstream.provider import Provider
from authserver.users import edit, find
from authserver.users.follow import NOTHING_SAID, NOTHING_TAKEN, Said, Taken, follow
from authserver.users.names import key
from authserver.users.user import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An account's identity elsewhere; `shown` is how the person knows it, `page` where it is."""

    id: str
    user: UserId
    provider_id: str
    issuer: str
    subject: str
    shown: str
    page: str
    linked_at: datetime
    last_used_at: datetime | None


def of_identity(db: Session, provider: Provider, identity: Identity) -> Link | None:
    row = records.upstreams.link_of(db, provider.id, identity.issuer, identity.subject)
    return None if row is None else _link(row)


def of_user(db: Session, user_id: str) -> tuple[Link, ...]:
    """Oldest first."""
    return tuple(_link(row) for row in records.upstreams.links_of(db, user_id))


def link(
    db: Session, issuer: Issuer, provider: Provider, identity: Identity, user_id: str, *, by: Actor
) -> Link:
    """Link an account to an identity that was proved just now, by somebody who proved the account. UP-5."""
    taken = Refusal(
        "This is linked to an account already.", code="linked", rule="upstream.linked", status=409
    )
    if records.upstreams.link_of(db, provider.id, identity.issuer, identity.subject) is not None:
        raise taken
    now = issuer.clock()
    row = records.upstreams.UpstreamLinkRow(
        id=new_id(),
        user_id=user_id,
        upstream_id=provider.id,
        issuer=identity.issuer,
        subject=identity.subject,
        profile={},
        linked_at=now,
    )
    db.orm.add(row)
    records.unique.flush(db, taken)
    record(db, Linked(subject=user_id, provider=provider.slug, identity=identity.shown), by=by, at=now)
    _follow(db, issuer, provider, identity, row, by=by)
    return _link(row)


def used(db: Session, issuer: Issuer, provider: Provider, identity: Identity, *, by: Actor) -> Link:
    """Somebody signs in by their link: the account follows what the provider says now."""
    row = records.upstreams.link_of(db, provider.id, identity.issuer, identity.subject)
    if row is None:
        raise Refusal(
            "This link was removed meanwhile.", code="unlinked", rule="upstream.unlinked", status=409
        )
    row.last_used_at = issuer.clock()
    _follow(db, issuer, provider, identity, row, by=by)
    return _link(row)


def unlink(db: Session, issuer: Issuer, link: Link, slug: str, *, by: Actor) -> None:
    """Remove a link, with the values that came by it. Whether there is another way in is the caller's to ask."""
    row = db.orm.get(records.upstreams.UpstreamLinkRow, link.id)
    if row is None or row.user_id != link.user:
        raise Refusal("This link was removed already.", code="unlinked", rule="upstream.unlinked", status=409)
    take_back(db, issuer, row, by=by)
    db.orm.delete(row)
    db.orm.flush()
    record(db, Unlinked(subject=link.user, provider=slug, identity=link.shown), by=by, at=issuer.clock())


def move(db: Session, issuer: Issuer, goes: UserId, stays: UserId, *, by: Actor) -> None:
    """Let all links of one account lead to another; what came by them follows with the next sign-in by each."""
    slugs = {each.id: each.slug for each in live(issuer).every}
    for row in records.upstreams.links_of(db, goes):
        take_back(db, issuer, row, by=by)
        row.user_id = stays
        row.profile = {**row.profile, "taken": NOTHING_TAKEN.written()}
        db.orm.flush()
        moved = Linked(
            subject=stays, provider=slugs.get(row.upstream_id, ""), identity=row.profile.get("shown", "")
        )
        record(db, moved, by=by, at=issuer.clock())


def groups_by_link(db: Session, user_id: UserId) -> frozenset[str]:
    """The groups that somebody is in by their links alone."""
    taken = (Taken.read(row.profile.get("taken", {})) for row in records.upstreams.links_of(db, user_id))
    return frozenset(group for each in taken for group in each.groups)


def take_back(db: Session, issuer: Issuer, row: "records.upstreams.UpstreamLinkRow", *, by: Actor) -> None:
    """Take from an account what it has by a link alone."""
    taken = Taken.read(row.profile.get("taken", {}))
    follow(db, issuer, row.user_id, NOTHING_SAID, taken, by=_for_all(by))


def make_account(
    db: Session,
    issuer: Issuer,
    provider: Provider,
    identity: Identity,
    given: Mapping[str, str],
    *,
    by: Actor,
) -> User:
    """Make an account for somebody who is new here, and link it; `given` is what they filled in beside. UP-8, UP-9.

    An address counts as verified only where the provider's word on it does, and nobody else has it.
    """
    found = mapping_of(db, provider, identity)
    believed = found.email if found.email_believed else None
    email = believed or given.get("email", "").strip() or found.email or None
    verified = believed is not None and email == believed
    if verified and believed is not None and records.users.email_taken(db, key(believed), ""):
        raise invalid({"email": "There is an account with this address. Sign in to it to connect the two."})
    about: dict[str, Any] = {
        "name": given.get("name", "").strip() or found.name,
        "email": email,
        "email_verified": verified,
        "username": None,
    }
    made = edit.add(db, issuer, about, by=_for_all(by), names="optional")
    link(db, issuer, provider, identity, made.id, by=by)
    return find.load(db, made.id)


def by_address(db: Session, provider: Provider, identity: Identity) -> User | None:
    """UP-2: the account that an address links to by itself: believed there, verified here, and no admin's."""
    found = mapping_of(db, provider, identity)
    if not (provider.rules.auto_link and found.email_believed and found.email):
        return None
    user = find.by_identifier(db, found.email)
    is_theirs = user is not None and user.is_active and user.email_verified and user.role is None
    return user if user is not None and is_theirs and _is_one(user.email or "", found.email) else None


def _is_one(ours: str, theirs: str) -> bool:
    """Whether both are one mailbox for certain: what folds to the same may be another domain's, as ß and ss are."""
    return ours.encode().lower() == theirs.encode().lower()


def mapping_of(db: Session, provider: Provider, identity: Identity) -> Mapped:
    return mapped(provider, identity, declarations.every(db))


def _follow(
    db: Session,
    issuer: Issuer,
    provider: Provider,
    identity: Identity,
    row: "records.upstreams.UpstreamLinkRow",
    *,
    by: Actor,
) -> None:
    found = mapping_of(db, provider, identity)
    said = Said(
        name=found.name if provider.rules.profile else "",
        locale=found.locale if provider.rules.profile else None,
        attributes=found.attributes,
        groups=found.groups,
        role=found.role,
    )
    before = Taken.read(row.profile.get("taken", {})) if row.profile else NOTHING_TAKEN
    taken = follow(db, issuer, row.user_id, said, before, by=_for_all(by))
    profile = {
        "shown": identity.shown,
        "page": identity.page,
        "email": identity.email,
        "taken": taken.written(),
    }
    if profile != row.profile:
        row.profile = profile
    db.orm.flush()


def _link(row: "records.upstreams.UpstreamLinkRow") -> Link:
    return Link(
        id=row.id,
        user=UserId(row.user_id),
        provider_id=row.upstream_id,
        issuer=row.issuer,
        subject=row.subject,
        shown=row.profile.get("shown") or row.subject,
        page=row.profile.get("page", ""),
        linked_at=row.linked_at,
        last_used_at=row.last_used_at,
    )


def _for_all(by: Actor) -> Actor:
    """Rules act with an admin's rank, on behalf of whoever is at the browser."""
    return Actor(kind="system", id="provider", role="owner", ip=by.ip, user_agent=by.user_agent)
