"""Statements on the settings that were changed, and on who changed them."""

from collections.abc import Sequence

from sqlalchemy import func, select

from authserver.store.database import Session
from authserver.store.records.operations import SettingChangeRow, SettingRow


def setting_row(db: Session, name: str) -> SettingRow | None:
    return db.orm.get(SettingRow, name)


def setting_change(db: Session, change_id: str) -> SettingChangeRow | None:
    return db.orm.get(SettingChangeRow, change_id)


def changes_of(db: Session, name: str | None, *, before: str, limit: int) -> Sequence[SettingChangeRow]:
    """Changes of one setting or of all, the newest first; `before` is the id of one that was seen already."""
    found = select(SettingChangeRow)
    if name is not None:
        found = found.where(SettingChangeRow.name == name)
    if before:
        found = found.where(SettingChangeRow.id < before)
    return db.orm.scalars(found.order_by(SettingChangeRow.id.desc()).limit(limit)).all()


def last_changes(db: Session) -> dict[str, SettingChangeRow]:
    """The newest change of each setting that ever was changed."""
    newest = select(func.max(SettingChangeRow.id)).group_by(SettingChangeRow.name)
    found = db.orm.scalars(select(SettingChangeRow).where(SettingChangeRow.id.in_(newest)))
    return {row.name: row for row in found}


def last_change(db: Session, name: str) -> SettingChangeRow | None:
    return next(iter(changes_of(db, name, before="", limit=1)), None)
