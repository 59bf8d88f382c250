"""Every change to a provider; audited in its transaction, in force on every worker within a second.

First a draft is made of what was given: checked, and completed by its kind, which may ask the network. Then it is
written in one short transaction, if the row is still what the draft was made from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.errors import Refusal
from authserver.input import check_version, invalid, merge, read
from authserver.issuer import Issuer
from authserver.keys.custody import upstream_place
from authserver.opaque import new_id
from authserver.store import Session, bump, records
from authserver.upstream import linking
from authserver.upstream.contract import UpstreamConfig
from authserver.upstream.exchange import http_of
from authserver.upstream.find import TOPIC, load, missing, provider_of
from authserver.upstream.form import NewProviderForm, ProviderForm, Rules
from authserver.upstream.http import Http
from authserver.upstream.provider import Broken, Provider, Status
from authserver.upstream.registry import Kind, chosen

TAKEN = "There is such a provider already."
AGAIN = "Enter it again: it would be sent to another address than before."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be saved; `before` is what it was made from."""

    form: ProviderForm
    kind: Kind
    config: UpstreamConfig = field(repr=False)
    told: tuple[str, ...]
    before: Provider | None = None


def drafted(issuer: Issuer, given: Mapping[str, Any]) -> Draft:
    """Make a draft of a new provider; `given` is a NewProviderForm. May ask the network; no transaction is open."""
    form = read(NewProviderForm, given)
    kind = chosen(issuer, form.kind)
    preset = kind.presets.get(form.preset) if form.preset else None
    if form.preset and preset is None:
        known = ", ".join(kind.presets) or "none"
        raise invalid({"preset": f"There is no preset {form.preset!r} for {form.kind}. There are: {known}."})
    config, rules = form.config, form.rules
    if preset is not None:
        config = {**preset.config, **config}
        rules = read_rules({**preset.rules, **form.rules.model_dump(exclude_unset=True)})
    made = _prepared(issuer, kind, _config(kind, config), None)
    form = form.model_copy(update={"rules": rules})
    return Draft(form=form, kind=kind, config=made, told=tuple(sorted(given)))


def redrafted(issuer: Issuer, before: Provider, changes: Mapping[str, Any]) -> Draft:
    """Make a draft of a change: what `changes` of a ProviderForm holds; `config` and `rules` are merged."""
    given = dict(changes)
    config_changes = given.pop("config", {})
    rule_changes = given.pop("rules", {})
    wrong = {
        name: "This must be an object."
        for name, value in (("config", config_changes), ("rules", rule_changes))
        if not isinstance(value, Mapping)
    }
    if wrong:
        raise invalid(wrong)
    rules = read_rules(_merged(before.rules.model_dump(), rule_changes))
    form = read(ProviderForm, merge({"title": before.title, "position": before.position}, given))
    config = _config(before.kind, _merged(_plain(before.config), config_changes))
    _check_secrets(before.config, config, config_changes)
    made = _prepared(issuer, before.kind, config, before.config)
    told = sorted(
        {*given, *(f"config.{name}" for name in config_changes), *(f"rules.{name}" for name in rule_changes)}
    )
    return Draft(
        form=form.model_copy(update={"rules": rules}),
        kind=before.kind,
        config=made,
        told=tuple(told),
        before=before,
    )


def refreshed(issuer: Issuer, before: Provider, http: Http) -> Draft | None:
    """A draft with what the provider publishes now; None where that is what stands."""
    made = before.kind.refreshed(before.config, http, issuer.clock())
    changed = [
        name for name in type(made).model_fields if getattr(made, name) != getattr(before.config, name)
    ]
    if not changed:
        return None
    return Draft(
        form=ProviderForm(title=before.title, position=before.position, rules=before.rules),
        kind=before.kind,
        config=made,
        told=tuple(f"config.{name}" for name in changed),
        before=before,
    )


def add(db: Session, issuer: Issuer, draft: Draft, *, by: Actor) -> Provider:
    """Keep a new provider as a draft: it takes nobody in until it is enabled."""
    if not isinstance(draft.form, NewProviderForm):
        raise TypeError("a new provider needs a slug and a kind")
    bump(db, TOPIC)
    _check_names(db, draft.form.rules)
    taken = invalid({"slug": TAKEN})
    if records.upstreams.upstream_by_slug(db, draft.form.slug) is not None:
        raise taken
    row = records.upstreams.UpstreamRow(
        id=new_id(),
        slug=draft.form.slug,
        kind=draft.form.kind,
        preset=draft.form.preset,
        status="draft",
        created_at=issuer.clock(),
        version=0,
    )
    db.orm.add(row)
    return _save(db, issuer, row, draft, act="added", by=by, taken=taken)


def edit(
    db: Session,
    issuer: Issuer,
    draft: Draft,
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Provider:
    """Put a changed draft in force, unless somebody changed the provider meanwhile."""
    if draft.before is None:
        raise TypeError("a change is made from what stands")
    bump(db, TOPIC)
    row = _hold(db, draft.before.slug)
    check_version(row.version, expected_version)
    check_version(row.version, draft.before.version)
    _check_names(db, draft.form.rules)
    taken = Refusal("Somebody else changed this meanwhile.", code="conflict", status=409)
    return _save(db, issuer, row, draft, act="edited", by=by, taken=taken)


def switch(
    db: Session, issuer: Issuer, slug: str, status: Status, *, by: Actor, expected_version: int | None = None
) -> Provider:
    """Draft, active or disabled. One that is not active takes nobody in, flows under way included. UP-6."""
    bump(db, TOPIC)
    row = _hold(db, slug)
    check_version(row.version, expected_version)
    found = provider_of(issuer, row)
    if isinstance(found, Broken) and status == "active":
        raise Refusal(f"It cannot be enabled: {found.problem}", code="broken", status=409)
    if row.status != status:
        row.status = status
        row.version += 1
        row.updated_at = issuer.clock()
        db.orm.flush()
        _record(
            db, issuer, slug, {"active": "enabled", "disabled": "disabled"}.get(status, "withdrawn"), (), by
        )
    return load(db, issuer, slug)


def remove(db: Session, issuer: Issuer, slug: str, *, by: Actor) -> None:
    """Remove a provider with its links, and what came by them. Who is signed in by it stays so (login/providers.py)."""
    bump(db, TOPIC)
    row = _hold(db, slug)
    if row.status == "active":
        raise Refusal("It is in use. Disable it first.", code="in_use", rule="upstream.active", status=409)
    for link in records.upstreams.links_to(db, row.id):
        linking.take_back(db, issuer, link, by=by)
    db.orm.delete(row)
    db.orm.flush()
    _record(db, issuer, slug, "removed", (), by)


def read_rules(given: Mapping[str, Any]) -> Rules:
    """The rules, or a Refusal whose fields are named as in the whole form."""
    try:
        return read(Rules, given)
    except Refusal as refusal:
        raise invalid(_under("rules", refusal.fields)) from refusal


def _prepared(
    issuer: Issuer, kind: Kind, config: UpstreamConfig, before: UpstreamConfig | None
) -> UpstreamConfig:
    try:
        made: UpstreamConfig = kind.prepared(config, before, http_of(issuer), issuer.clock())
    except Refusal as refusal:
        raise invalid(_under("config", refusal.fields or {"": refusal.public})) from refusal
    return made


def _config(kind: Kind, given: Mapping[str, Any]) -> UpstreamConfig:
    try:
        found: UpstreamConfig = read(
            kind.Config, {name: value for name, value in given.items() if value is not None}
        )
    except Refusal as refusal:
        raise invalid(_under("config", refusal.fields)) from refusal
    return found


def _under(name: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {name if field in {"", "_"} else f"{name}.{field}": sentence for field, sentence in fields.items()}


def _merged(standing: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Merge Patch for one level: null brings a default back."""
    return {name: value for name, value in merge(standing, changes).items() if value is not None}


def _plain(config: UpstreamConfig) -> dict[str, Any]:
    """The settings with their secrets, as the kind's form takes them."""
    return {name: getattr(config, name) for name in config.secrets()} | config.model_dump(
        mode="json", exclude=set(config.secrets())
    )


def _check_secrets(before: UpstreamConfig, after: UpstreamConfig, changes: Mapping[str, Any]) -> None:
    """AD-6: a secret is never sent elsewhere than where it was meant for."""
    moved = any(getattr(before, name) != getattr(after, name) for name in type(before).sent_to)
    held = [name for name in sorted(before.secrets()) if getattr(before, name) and name not in changes]
    if moved and held:
        raise invalid({f"config.{name}": AGAIN for name in held})


def _save(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    row: "records.upstreams.UpstreamRow",
    draft: Draft,
    *,
    act: str,
    by: Actor,
    taken: Refusal,
) -> Provider:
    config, secret = draft.config, draft.config.secrets()
    row.title, row.position = draft.form.title, draft.form.position
    row.config = config.model_dump(mode="json", exclude=set(secret))
    row.rules = draft.form.rules.model_dump(mode="json")
    row.secrets = _sealed(issuer, row.id, {name: getattr(config, name).reveal() for name in secret})
    row.updated_at = issuer.clock()
    row.version += 1
    records.unique.flush(db, taken)
    _record(db, issuer, row.slug, act, draft.told, by)
    return load(db, issuer, row.slug)


def _sealed(issuer: Issuer, row_id: str, values: Mapping[str, str]) -> bytes | None:
    held = {name: value for name, value in values.items() if value}
    if not held:
        return None
    return issuer.vault.seal(json.dumps(held, separators=(",", ":")).encode(), upstream_place(row_id))


def _check_names(db: Session, rules: Rules) -> None:
    """Groups that are mapped to exist; attributes are looked up when somebody comes, since they may go."""
    wanted = set(rules.groups.values())
    missing_groups = sorted(wanted - set(records.users.group_ids(db, wanted)))
    if missing_groups:
        raise invalid({"rules.groups": f"There is no group {missing_groups[0]}."})


def _record(db: Session, issuer: Issuer, slug: str, act: str, told: tuple[str, ...], by: Actor) -> None:
    fields = {"fields": list(told)} if told else None
    record(db, Changed(kind="provider", id=slug, act=act, fields=fields), by=by, at=issuer.clock())


def _hold(db: Session, slug: str) -> "records.upstreams.UpstreamRow":
    row = records.upstreams.locked_upstream(db, slug)
    if row is None:
        raise missing(slug)
    return row
