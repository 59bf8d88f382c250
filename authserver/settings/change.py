"""Settings as admins see and change them. Each change is checked against the others, kept, and can be taken back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.config import Config
from authserver.errors import NotFound, Refusal
from authserver.input import conflict, invalid
from authserver.opaque import new_id
from authserver.settings import rules, secrets, values
from authserver.settings.live import TOPIC, Fixed, fixed, in_force
from authserver.settings.setting import NEVER, Change, Setting
from authserver.store import Session, bump, records
from authserver.store.locks import lock
from authserver.store.settings import changed_settings
from authserver.vault import Vault

PAGE = 50


class Server(Protocol):
    """What is asked of the issuer here, which stands above the settings."""

    @property
    def config(self) -> Config: ...

    @property
    def vault(self) -> Vault: ...

    def clock(self) -> datetime: ...


def every(db: Session, server: Server) -> tuple[Setting, ...]:
    """Every setting in the order of the catalogue, with where its value comes from."""
    fixed_ones, changed, last = fixed(server.config), changed_settings(db), records.settings.last_changes(db)
    now = in_force(changed, fixed_ones, server.vault)
    return tuple(
        _setting(name, getattr(now, name), fixed_ones.get(name), last.get(name), changed)
        for name in values.FIELDS
    )


def load(db: Session, server: Server, name: str) -> Setting:
    values.known(name)
    fixed_ones, changed = fixed(server.config), changed_settings(db)
    now = in_force(changed, fixed_ones, server.vault)
    return _setting(
        name, getattr(now, name), fixed_ones.get(name), records.settings.last_change(db, name), changed
    )


def history(
    db: Session, name: str | None = None, *, before: str = "", limit: int = PAGE
) -> tuple[Change, ...]:
    """Changes of one setting, or of all; the newest first."""
    if name is not None:
        values.known(name)
    return tuple(
        Change(id=row.id, name=row.name, old=row.old, new=row.new, by=row.by, at=row.at)
        for row in records.settings.changes_of(db, name, before=before, limit=limit)
    )


def set_(
    db: Session, server: Server, name: str, value: Any, *, by: Actor, expected_version: str | None = None
) -> Setting:
    """Change a setting; refused when its schema, another setting or the configuration stands against it. AD-5."""
    values.known(name)
    checked = values.check(name, value)
    return _write(db, server, name, _plain(server, name, checked), by, expected_version)


def reset(
    db: Session, server: Server, name: str, *, by: Actor, expected_version: str | None = None
) -> Setting:
    """Let the default hold again."""
    return _write(db, server, values.known(name), None, by, expected_version)


def undo(
    db: Session,
    server: Server,
    name: str,
    *,
    change: str | None = None,
    by: Actor,
    expected_version: str | None = None,
) -> Setting:
    """Take a setting back to what it was before its newest change, or before a named one. Undone twice is redone."""
    values.known(name)
    lock(db, TOPIC)
    found = records.settings.setting_change(db, change) if change else records.settings.last_change(db, name)
    if found is None or found.name != name:
        raise NotFound("There is no such change to take back.", detail=f"{name}: {change or 'never changed'}")
    old = found.old
    if old is not None and name in values.SECRETS:
        raise Refusal("What this secret was before is not kept; set it again.", code="secret", status=409)
    if old is not None:
        old = _plain(server, name, values.check(name, old))
    return _write(db, server, name, old, by, expected_version)


def _write(
    db: Session, server: Server, name: str, value: Any, by: Actor, expected_version: str | None
) -> Setting:
    """Put a plain value, or None for the default, after what only the database can tell."""
    # Values are checked against each other, so that two changes must follow one another.
    lock(db, TOPIC)
    fixed_ones, last = fixed(server.config), records.settings.last_change(db, name)
    version = last.id if last else NEVER
    if expected_version is not None and version != expected_version:
        raise conflict(version, expected_version)
    if name in fixed_ones:
        raise _is_fixed(name, fixed_ones[name])
    changed = changed_settings(db)
    old = changed.pop(name, None)
    after = changed if value is None else changed | {name: value}
    problem = rules.wrong(in_force(after, fixed_ones, server.vault), name)
    if problem:
        raise invalid({name: problem})
    if value != old:
        _keep(db, name, (old, value), _after(last), by, server.clock())
        _forget_given_to(db, server, name, fixed_ones, changed, by)
    return load(db, server, name)


def _forget_given_to(
    db: Session,
    server: Server,
    host: str,
    fixed_ones: Mapping[str, Fixed],
    changed: Mapping[str, Any],
    by: Actor,
) -> None:
    """A new server does not get the secret that was meant for the old one. AD-6."""
    for name, given_to in secrets.GIVEN_TO.items():
        if given_to != host:
            continue
        if name in fixed_ones:
            raise _is_fixed(host, fixed_ones[name])
        if name in changed:
            _keep(
                db,
                name,
                (changed[name], None),
                _after(records.settings.last_change(db, name)),
                by,
                server.clock(),
            )


def _after(last: "records.operations.SettingChangeRow | None") -> str:
    """An id that sorts behind the newest one, also within its millisecond and when the clock went back."""
    following = f"{int(last.id, 16) + 1:032x}" if last else ""
    return max(new_id(), following)


def _keep(db: Session, name: str, moved: tuple[Any, Any], change_id: str, by: Actor, now: datetime) -> None:
    old, new = moved
    if new is not None:
        db.orm.merge(records.operations.SettingRow(name=name, value=new, updated_by=by.label, updated_at=now))
    elif (row := records.settings.setting_row(db, name)) is not None:
        db.orm.delete(row)
    about = {"old": secrets.told(name, old), "new": secrets.told(name, new)}
    db.orm.add(records.operations.SettingChangeRow(id=change_id, name=name, by=by.label, at=now, **about))
    db.orm.flush()
    record(db, Changed(kind="setting", id=name, act="changed", fields=about), by=by, at=now)
    bump(db, TOPIC)


def _setting(
    name: str,
    value: Any,
    held: Fixed | None,
    last: "records.operations.SettingChangeRow | None",
    changed: Mapping[str, Any],
) -> Setting:
    return Setting(
        name=name,
        value=secrets.told(name, value),
        default=secrets.told(name, values.default(name)),
        origin=held.origin if held else "here" if name in changed else "default",
        where=held.where if held else "",
        description=values.describe(name),
        schema=values.schema(name),
        changed_by=last.by if last else None,
        changed_at=last.at if last else None,
        version=last.id if last else NEVER,
    )


def _is_fixed(name: str, held: Fixed) -> Refusal:
    sentence = f"This is fixed by {held.where}; change it there."
    return Refusal(sentence, code="fixed", status=409, rule="setting.fixed", value=name)


def _plain(server: Server, name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return secrets.seal(server.vault, name, value)
    return list(value) if isinstance(value, tuple) else value
