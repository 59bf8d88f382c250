"""Every change to an API; audited in its transaction, in force on every worker within a second.

The topic is bumped first: its row makes changes of APIs follow each other, so that a scope has one owner and
one API is the default whatever happens at once.
"""

from collections.abc import Mapping
from typing import Any

from authserver.apis.api import Api
from authserver.apis.find import TOPIC, load
from authserver.apis.form import ApiForm, NewApiForm, ScopeForm
from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.errors import NotFound
from authserver.input import check_version, invalid, merge, read
from authserver.issuer import Issuer
from authserver.opaque import new_id
from authserver.store import Session, bump, records

Named = tuple[str, str]  # ("clients" or "groups", its name)


def add(db: Session, issuer: Issuer, given: Mapping[str, Any], *, by: Actor) -> Api:
    """Add an API; `given` is a NewApiForm. The first one is the default unless `is_default` says otherwise."""
    bump(db, TOPIC)
    others = records.clients.all_apis(db)
    form = read(NewApiForm, {"is_default": not others, **given})
    if records.clients.api_by_identifier(db, form.identifier) is not None:
        raise invalid({"identifier": "There is such an API already."})
    _check(db, form, besides=None, before=frozenset())
    now = issuer.clock()
    row = records.clients.ApiRow(id=new_id(), identifier=form.identifier, created_at=now, version=0)
    return _save(db, issuer, row, form, act="added", about=dict(given), by=by)


def edit(
    db: Session,
    issuer: Issuer,
    identifier: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Api:
    """Change the fields of ApiForm that `changes` holds."""
    bump(db, TOPIC)
    row = _hold(db, identifier)
    check_version(row.version, expected_version)
    form = read(ApiForm, merge(as_form(row), changes))
    _check(db, form, besides=row.id, before=_names_in(row.scopes))
    return _save(db, issuer, row, form, act="edited", about=dict(changes), by=by)


def remove(db: Session, issuer: Issuer, identifier: str, *, by: Actor) -> None:
    """Remove an API with its scopes; clients keep their lists, whose words mean nothing any more."""
    bump(db, TOPIC)
    row = _hold(db, identifier)
    db.orm.delete(row)
    db.orm.flush()
    event = Changed(kind="api", id=row.identifier, act="removed")
    record(db, event, by=by, at=issuer.clock())


def as_form(row: "records.clients.ApiRow") -> dict[str, Any]:
    return {
        "name": row.name,
        "scopes": row.scopes,
        "token_lifetime": row.token_lifetime,
        "required_acr": row.required_acr,
        "required_max_age": row.required_max_age,
        "is_default": row.is_default,
    }


def _save(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    row: "records.clients.ApiRow",
    form: ApiForm,
    *,
    act: str,
    about: dict[str, Any],
    by: Actor,
) -> Api:
    if form.is_default:
        records.clients.unset_default(db, row.id)
    row.name = form.name
    row.scopes = [_kept(scope) for scope in form.scopes]
    row.token_lifetime = form.token_lifetime
    row.required_acr, row.required_max_age = form.required_acr, form.required_max_age
    row.is_default = form.is_default
    row.updated_at = issuer.clock()
    row.version += 1
    db.orm.add(row)
    records.unique.flush(db, invalid({"identifier": "There is such an API already."}))
    event = Changed(kind="api", id=row.identifier, act=act, fields=about)
    record(db, event, by=by, at=row.updated_at)
    return load(db, row.identifier)


def _kept(scope: ScopeForm) -> dict[str, Any]:
    return {
        "name": scope.name,
        "sentences": scope.sentences,
        "clients": None if scope.clients is None else sorted(set(scope.clients)),
        "groups": None if scope.groups is None else sorted(set(scope.groups)),
        "required_acr": scope.required_acr,
        "required_max_age": scope.required_max_age,
    }


def _hold(db: Session, identifier: str) -> "records.clients.ApiRow":
    row = records.clients.locked_api(db, identifier)
    if row is None:
        raise NotFound("There is no such API.", detail=f"no API {identifier!r}")
    return row


def _check(db: Session, form: ApiForm, *, besides: str | None, before: frozenset[Named]) -> None:
    """Refuse scopes that are another's, and clients and groups that do not exist and were not named before."""
    wrong = _owned_elsewhere(db, form, besides) | _unknown(db, form, before)
    if wrong:
        raise invalid(wrong)


def _owned_elsewhere(db: Session, form: ApiForm, besides: str | None) -> dict[str, str]:
    owners = {
        each["name"]: row.identifier
        for row in records.clients.all_apis(db)
        if row.id != besides
        for each in row.scopes
    }
    owners |= dict.fromkeys(records.users.attribute_scopes(db), "an attribute of people")
    wrong: dict[str, str] = {}
    for position, scope in enumerate(form.scopes):
        if any(scope.name == other.name for other in form.scopes[:position]):
            wrong[f"scopes.{position}.name"] = "This scope is listed twice."
        if scope.name in owners:
            wrong[f"scopes.{position}.name"] = f"This scope belongs to {owners[scope.name]} already."
    return wrong


def _unknown(db: Session, form: ApiForm, before: frozenset[Named]) -> dict[str, str]:
    named = _names_in([scope.model_dump() for scope in form.scopes])
    clients = records.clients.known_client_ids(db, (name for kind, name in named if kind == "clients"))
    groups = records.users.group_ids(db, (name for kind, name in named if kind == "groups"))
    known = before | {("clients", name) for name in clients} | {("groups", name) for name in groups}
    wrong: dict[str, str] = {}
    for position, scope in enumerate(form.scopes):
        for kind, name in sorted(_names_in([scope.model_dump()]) - known):
            wrong[f"scopes.{position}.{kind}"] = f"There is no {kind[:-1]} {name}."
    return wrong


def _names_in(scopes: list[dict[str, Any]]) -> frozenset[Named]:
    return frozenset(
        (kind, name) for scope in scopes for kind in ("clients", "groups") for name in scope.get(kind) or ()
    )
