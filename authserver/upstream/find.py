"""Find providers: from memory on the way of every sign-in, from the database to administer them."""

import json
from dataclasses import dataclass

from authserver.errors import AuthserverError, NotFound, Refusal
from authserver.input import read
from authserver.issuer import Issuer
from authserver.keys.custody import upstream_place
from authserver.store import Live, Session, records
from authserver.store.upstreams import STATUS, HeldUpstream, held_upstreams
from authserver.upstream.form import Rules
from authserver.upstream.provider import Broken, Provider, Providers
from authserver.upstream.registry import kind
from authserver.vault import CannotOpen

TOPIC = "upstreams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A provider as a list shows it, with how many accounts are linked to it."""

    provider: Provider | Broken
    links: int


def live(issuer: Issuer) -> Providers:
    """All of them as they are now; a change holds on every worker within a second, and never half."""

    def load_all() -> Providers:
        with issuer.database.reading() as db:
            return every(db, issuer)

    return issuer.kept("upstreams", lambda: Live(issuer.revisions, TOPIC, load_all))()


def every(db: Session, issuer: Issuer) -> Providers:
    read_rows = [provider_of(issuer, row) for row in held_upstreams(db)]
    return Providers(
        every=tuple(each for each in read_rows if isinstance(each, Provider)),
        broken=tuple(each for each in read_rows if isinstance(each, Broken)),
    )


def listed(db: Session, issuer: Issuer) -> tuple[Listed, ...]:
    found, links = every(db, issuer), records.upstreams.count_links(db)
    both: tuple[Provider | Broken, ...] = (*found.every, *found.broken)
    return tuple(Listed(provider=each, links=links.get(each.id, 0)) for each in both)


def load(db: Session, issuer: Issuer, slug: str) -> Provider:
    """The provider as the database has it, whatever its status."""
    row = records.upstreams.upstream_by_slug(db, slug)
    if row is None:
        raise missing(slug)
    found = provider_of(issuer, row)
    if isinstance(found, Broken):
        raise Refusal(
            f"The provider {slug} cannot be used: {found.problem}",
            code="broken",
            rule="upstream.broken",
            status=409,
        )
    return found


def is_active(db: Session, provider: Provider) -> bool:
    """Whether it may take somebody in now, in this very transaction: asked again where they arrive. UP-6."""
    row = db.one(STATUS, {"id": provider.id})
    return row is not None and row[0] == "active"


def missing(slug: str) -> NotFound:
    return NotFound("There is no such provider.", detail=f"no provider {slug!r}")


def provider_of(issuer: Issuer, row: "HeldUpstream | records.upstreams.UpstreamRow") -> Provider | Broken:
    """The record of a row; one that cannot be used spoils no other."""
    try:
        made = kind(issuer, row.kind)
        config = read(made.Config, {**row.config, **_secrets(issuer, row)})
        rules = read(Rules, row.rules)
    except (AuthserverError, CannotOpen, ValueError) as error:
        problem = getattr(error, "detail", "") or str(error)
        return Broken(
            id=row.id,
            slug=row.slug,
            kind_name=row.kind,
            title=row.title,
            status=row.status,  # type: ignore[arg-type]
            problem=problem,
            version=row.version,
        )
    return Provider(
        id=row.id,
        slug=row.slug,
        kind_name=row.kind,
        preset=row.preset,
        title=row.title,
        status=row.status,  # type: ignore[arg-type]
        position=row.position,
        kind=made,
        config=config,
        rules=rules,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _secrets(issuer: Issuer, row: "HeldUpstream | records.upstreams.UpstreamRow") -> dict[str, str]:
    if row.secrets is None:
        return {}
    found: dict[str, str] = json.loads(issuer.vault.open(row.secrets, upstream_place(row.id)))
    return found
