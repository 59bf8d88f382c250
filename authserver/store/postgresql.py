"""Links to PostgreSQL: each hot statement is prepared once a link, then costs one round trip. Loaded where it is used.

psycopg's cursor would cost 55 µs more a statement; its connection, its types and its errors are what is used here.
"""

import re
from collections.abc import Mapping
from typing import Any

from psycopg import Connection, InterfaceError, OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from authserver.store.links import Fetched, Held, Hot

FAILURES: tuple[type[Exception], ...] = (OperationalError, InterfaceError)
SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")
OPTIONS = "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=15s"
# A connection of which nothing is heard any more is dead before whoever waits for it gives up (store/company.py).
HEARD_OF = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 17_000}
READ_ONLY = " -c default_transaction_read_only=on"


def array(values: list[Any]) -> str:
    """A list as PostgreSQL reads an array. psycopg's own way takes four times as long."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return "NULL" if value is None else f'"{text}"'


class Server(Held):
    """A link to PostgreSQL, on a connection in autocommit."""

    __slots__ = ("_pgconn", "_prepared", "_types")

    def __init__(self, raw: Connection[Any]) -> None:
        super().__init__(raw)
        self._pgconn = raw.pgconn
        self._types = Transformer(raw)
        self._prepared: set[bytes] = set()

    @classmethod
    def at(cls, url: str, mode: str) -> "Server":
        """Connect. One statement is one round trip, as nothing opens a transaction around it."""
        conninfo = SCHEME.sub("postgresql://", url)
        said = conninfo_to_dict(conninfo)
        connection = Connection.connect(
            make_conninfo(conninfo, **{name: each for name, each in HEARD_OF.items() if name not in said}),
            autocommit=True,
            # What psycopg prepared by itself it would deallocate with all others, ours included.
            prepare_threshold=None,
            connect_timeout=3,
            options=OPTIONS + (READ_ONLY if mode == "read" else ""),
        )
        return cls(connection)

    def run(self, statement: Hot, values: Mapping[str, Any]) -> Fetched:
        if statement.name not in self._prepared:
            self._checked(self._pgconn.prepare(statement.name, statement.numbered))
            self._prepared.add(statement.name)
        # As text, so that each value becomes what its place in the statement says.
        given: list[Any] = [values[name] for name in statement.names]
        if given and type(given[0]) is list:
            given = [array(each) for each in given]
        sent: Any = self._types.dump_sequence(given, [PyFormat.TEXT] * len(given))
        result = self._checked(self._pgconn.exec_prepared(statement.name, sent, None, Format.BINARY))
        if result.status == ExecStatus.TUPLES_OK:
            self._types.set_pgresult(result)
            return Fetched(self._types.load_rows(0, result.ntuples, tuple), result.ntuples)
        return Fetched([], result.command_tuples or 0)

    def begin(self) -> None:
        self._checked(self._pgconn.exec_(b"BEGIN"))

    def commit(self) -> None:
        if self._pgconn.transaction_status != TransactionStatus.IDLE:
            self._checked(self._pgconn.exec_(b"COMMIT"))

    def undo(self) -> None:
        if self._pgconn.transaction_status != TransactionStatus.IDLE:
            self._checked(self._pgconn.exec_(b"ROLLBACK"))

    def _checked(self, result: PGresult) -> PGresult:
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return result
        if self._pgconn.status == ConnStatus.BAD:
            raise OperationalError(result.error_message.decode("utf-8", "replace").strip())
        raise error_from_result(result, encoding="utf-8")
