"""How Alembic runs a step: on the connection it is given, in that connection's transaction."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import StaticPool

from authserver.store.tables import METADATA
from authserver.store.types import Id, Json, UtcDateTime

PLAIN = {"UtcDateTime": "TIME", "Json": "sa.Text()"}


def render(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write our types as a step can keep them for ever: without our code."""
    if kind != "type":
        return False
    if item is Id or (getattr(item, "length", None) == Id.length and "postgresql" in item._variant_mapping):  # noqa: SLF001
        return "ID"
    return PLAIN[type(item).__name__] if isinstance(item, UtcDateTime | Json) else False


def tell_postgresql() -> None:
    """Give the indexes of some rows their condition on PostgreSQL, too (see store.types.partial)."""
    for index in (index for table in METADATA.tables.values() for index in table.indexes):
        if "where" in index.info:
            index.dialect_options["postgresql"]["where"] = text(index.info["where"])


def run(connection: Connection) -> None:
    tell_postgresql()
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        render_item=render,
        compare_type=True,
        include_object=lambda item, *_: (
            item.info.get("only", connection.dialect.name) == connection.dialect.name
        ),
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = context.get_x_argument(as_dictionary=True).get("database", "sqlite://")
    with create_engine(url, poolclass=StaticPool).connect() as connection:
        run(connection)
