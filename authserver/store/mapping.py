"""SQLAlchemy on our links: what the ORM asks goes over the link's own connection, in the same transaction.

Loaded when the ORM is first asked for. A link keeps what SQLAlchemy wraps it in, so that this is made once.
"""

import threading
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, make_url, orm, pool
from sqlalchemy.exc import InterfaceError, OperationalError

from authserver.store.links import Link
from authserver.store.tables import METADATA
from authserver.store.types import Base

if TYPE_CHECKING:
    from authserver.store.database import Database

models = SQLAlchemy(model_class=Base, disable_autonaming=True)


class Mapping:
    """The engine beside a database's links: it makes no connection, and keeps none."""

    failures: tuple[type[Exception], ...] = (OperationalError, InterfaceError)
    # Every table is known before the first is written: a foreign key may lead to one that nobody asked for yet.
    tables = METADATA

    def __init__(self, database: "Database") -> None:
        self._lock = threading.Lock()
        self._lent: Any = None
        self._flask = Flask("authserver.store")
        url = make_url(database.url)
        self._flask.config.update(
            SQLALCHEMY_DATABASE_URI=url if database.embedded else url.set(drivername="postgresql+psycopg"),
            SQLALCHEMY_ENGINE_OPTIONS={
                "creator": lambda: self._lent,
                "poolclass": pool.NullPool,
                # What was to be stored does not get into the text of an error, and so into a log. KEY-8.
                "hide_parameters": True,
            },
        )
        models.init_app(self._flask)
        with self._flask.app_context():
            self.engine: Engine = models.engine
        # What SQLAlchemy asks of a database that it does not know yet, it asks outside of our transactions.
        link = database.reads.make()
        self._adopt(link)
        link.drop()

    def session(self, link: Link) -> orm.Session:
        """The ORM on this link; its transaction is the link's."""
        if link.fairy is None:
            self._adopt(link)
        connection = Connection(self.engine, connection=link.fairy)
        return orm.Session(bind=connection, expire_on_commit=False, autoflush=True)

    def _adopt(self, link: Link) -> None:
        with self._lock:
            self._lent = link.raw
            try:
                link.fairy = self.engine.raw_connection()
            finally:
                self._lent = None
