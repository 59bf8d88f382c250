"""Column types that mean the same on SQLite and PostgreSQL."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Index, LargeBinary, MetaData, String, Text, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase

from authserver.store.times import read_time, time_text

Id = String(32).with_variant(String(32, collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: timestamptz, or in SQLite text that sorts, always with microseconds."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return time_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else read_time(value)


class Json(TypeDecorator[Any]):
    """JSON kept as text on both stores, so that hot reads can compare and cache it as it is."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


Digest = LargeBinary(32)
Sealed = LargeBinary()


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows. Only migrations tell PostgreSQL so: naming its option here would load its dialect."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={"where": where})


def holding(name: str, *columns: str, where: str | None = None) -> Index:
    """An index that holds all that a hot read asks of a row: SQLite then leaves the row's own page alone.

    A server keeps its pages in memory once for all, and would write another index with each change of these columns.
    """
    condition = text(where) if where else None
    return Index(name, *columns, sqlite_where=condition, info={"only": "sqlite"}).ddl_if(dialect="sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
