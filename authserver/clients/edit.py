"""Every change to a client; audited in its transaction, in force on every worker within a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.clients.client import Client
from authserver.clients.find import COLUMNS, TOPIC, client_of
from authserver.clients.form import ClientForm, NewClientForm
from authserver.clients.rules import problems
from authserver.errors import NotFound, Refusal
from authserver.input import check_version, invalid, merge, read
from authserver.issuer import Issuer
from authserver.opaque import Secret, digest, new_id, new_secret
from authserver.scopes import STANDARD
from authserver.store import Session, bump, records

SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post"})
SIGN_IN_SCOPES = ["openid", "profile", "email"]
OVERLAP = timedelta(days=1)
MARK = "as_cs1_"  # secret scanners find a leaked one by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A client as it is now, and its new secret where one was made: shown this once, kept nowhere. CL-6."""

    client: Client
    secret: Secret | None = None


def add(db: Session, issuer: Issuer, given: Mapping[str, Any], *, by: Actor) -> Saved:
    """Register a client; `given` is a NewClientForm, and what it leaves out is chosen to fit (`defaults`)."""
    bump(db, TOPIC)
    form = read(NewClientForm, {**defaults(given), **given})
    taken = invalid({"client_id": "There is such a client already."})
    if records.clients.client_by_client_id(db, form.client_id) is not None:
        raise taken
    _check(db, issuer, form, before={})
    now = issuer.clock()
    row = records.clients.ClientRow(id=new_id(), client_id=form.client_id, created_at=now, version=0)
    db.orm.add(row)
    return _save(db, issuer, row, form, act="added", about=_told(given), by=by, taken=taken)


def defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a new client most likely is.

    With redirect URIs it signs people in (authorization_code, refresh_token; openid, profile, email), without
    them it acts for itself (client_credentials), and one that serves an API only introspects. One of the JSON
    sign-in needs no redirect URI for it. It is confidential with client_secret_basic unless it is said to be
    public, or brings keys (private_key_jwt).
    """
    public, by_json = given.get("kind") == "public", bool(given.get("json_login"))
    keys = given.get("jwks") is not None or given.get("jwks_uri")
    by_code = bool(given.get("redirect_uris")) or (public and not by_json)
    alone = [] if given.get("serves") else ["client_credentials"]
    grants = [*(["authorization_code"] if by_code else []), "refresh_token"]
    return {
        "auth_method": "none" if public else "private_key_jwt" if keys else "client_secret_basic",
        "grant_types": grants if by_code or by_json else alone,
        "scopes": SIGN_IN_SCOPES if by_code or by_json else [],
        **({"idle_ends_tokens": True} if by_json else {}),
    }


def edit(
    db: Session,
    issuer: Issuer,
    client_id: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Saved:
    """Change the fields of ClientForm that `changes` holds; a client that comes to need a secret is given one."""
    bump(db, TOPIC)
    row = _hold(db, client_id)
    check_version(row.version, expected_version)
    before = as_form(client_of(row, []))
    if changes.get("json_login") and not before["json_login"]:
        changes = {"idle_ends_tokens": True, **changes}
    form = read(ClientForm, merge(before, changes))
    _check(db, issuer, form, before=before)
    taken = Refusal("Somebody else changed this meanwhile.", code="conflict", status=409)
    return _save(db, issuer, row, form, act="edited", about=_told(changes), by=by, taken=taken)


def remove(db: Session, issuer: Issuer, client_id: str, *, by: Actor) -> None:
    """Remove a client with all that people allowed it, so that a later one of its id inherits nothing."""
    bump(db, TOPIC)
    row = _hold(db, client_id)
    now = issuer.clock()
    db.orm.delete(row)
    db.orm.flush()
    records.erase.erase_client(db, client_id, now)
    if records.clients.forget_client(db, client_id):
        bump(db, "apis")
    record(db, Changed(client=client_id, kind="client", id=client_id, act="removed"), by=by, at=now)


def rotate_secret(
    db: Session, issuer: Issuer, client_id: str, *, by: Actor, keep_old_for: timedelta = OVERLAP
) -> Secret:
    """Give a new secret; the one before it works on for a while, any older one ends now. CL-6."""
    bump(db, TOPIC)
    row = _hold(db, client_id)
    if row.auth_method not in SECRET_METHODS:
        raise Refusal(
            "This client has no secret.",
            code="invalid",
            status=409,
            detail=f"it authenticates by {row.auth_method}",
            rule="client.no_secret",
        )
    now = issuer.clock()
    ends = now + max(keep_old_for, timedelta(0))
    for position, old in enumerate(records.clients.secrets_of(db, row.id)):
        if position > 0 or ends <= now or (old.expires_at is not None and old.expires_at <= now):
            db.orm.delete(old)
        else:
            old.expires_at = min(old.expires_at or ends, ends)
    secret = _new_secret(db, issuer, row)
    row.version += 1
    row.updated_at = now
    db.orm.flush()
    about = {"keep_old_for": int(keep_old_for.total_seconds())}
    event = Changed(client=client_id, kind="client", id=client_id, act="secret_rotated", fields=about)
    record(db, event, by=by, at=now)
    return secret


def as_form(client: Client) -> dict[str, Any]:
    """The client as ClientForm would have it."""
    values = {name: getattr(client, name) for name in ClientForm.model_fields}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _save(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    row: "records.clients.ClientRow",
    form: ClientForm,
    *,
    act: str,
    about: dict[str, Any],
    by: Actor,
    taken: Refusal,
) -> Saved:
    row.name, row.kind, row.auth_method, row.jwks = form.name, form.kind, form.auth_method, form.jwks
    row.status = "active" if form.active else "disabled"
    row.settings = form.model_dump(exclude=set(COLUMNS))
    row.updated_at = issuer.clock()
    row.version += 1
    records.unique.flush(db, taken)
    secret = _fitting_secret(db, issuer, row)
    event = Changed(client=row.client_id, kind="client", id=row.client_id, act=act, fields=about)
    record(db, event, by=by, at=row.updated_at)
    return Saved(client=client_of(row, records.clients.secrets_of(db, row.id)), secret=secret)


def _fitting_secret(db: Session, issuer: Issuer, row: "records.clients.ClientRow") -> Secret | None:
    """A client has secrets exactly while its method needs them."""
    held = records.clients.secrets_of(db, row.id)
    if row.auth_method in SECRET_METHODS:
        if held:
            return None
        secret = _new_secret(db, issuer, row)
        db.orm.flush()
        return secret
    for each in held:
        db.orm.delete(each)
    db.orm.flush()
    return None


def _new_secret(db: Session, issuer: Issuer, row: "records.clients.ClientRow") -> Secret:
    secret = Secret(MARK + new_secret())
    db.orm.add(
        records.clients.ClientSecretRow(
            id=new_id(), client=row.id, digest=digest(secret.reveal()), created_at=issuer.clock()
        )
    )
    return secret


def _hold(db: Session, client_id: str) -> "records.clients.ClientRow":
    row = records.clients.locked_client(db, client_id)
    if row is None:
        raise NotFound("There is no such client.", detail=f"no client {client_id!r}")
    return row


def _told(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit keeps of a change: keys are named, not copied."""
    return {name: "…" if name == "jwks" and value else value for name, value in given.items()}


def _check(db: Session, issuer: Issuer, form: ClientForm, *, before: Mapping[str, Any]) -> None:
    """Refuse what does not fit together, and names that nothing has; names that stood before may stay."""
    wrong = problems(form) | _unknown(db, form, before)
    if form.backchannel_logout_uri.startswith("http://") and not issuer.config.is_development:
        wrong["backchannel_logout_uri"] = "An address of this machine, without https, is for development."
    if wrong:
        raise invalid(wrong)


def _unknown(db: Session, form: ClientForm, before: Mapping[str, Any]) -> dict[str, str]:
    apis = records.clients.all_apis(db)
    scopes = (
        {each["name"] for row in apis for each in row.scopes}
        | records.users.attribute_scopes(db)
        | set(STANDARD)
    )
    identifiers = {row.identifier for row in apis}
    checks = (
        ("scopes", form.scopes, scopes, "There is no scope {}: an API has it, or an attribute."),
        ("resources", form.resources, identifiers, "There is no API {}."),
        ("serves", form.serves, identifiers, "There is no API {}."),
        (
            "allowed_groups",
            form.allowed_groups or [],
            set(records.users.group_ids(db, form.allowed_groups or [])),
            "There is no group {}.",
        ),
    )
    wrong = {}
    for field, given, known, sentence in checks:
        missing = [name for name in given if name not in known and name not in (before.get(field) or ())]
        if missing:
            wrong[field] = sentence.format(missing[0])
    return wrong
