"""The only place that speaks LDAP: one connection for each question, with time limits, TLS and no referrals.

ldap3 is wrapped because its defaults follow referrals, check no certificate and wait for ever; see
docs/decisions.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ldap3 import BASE, NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.dn import parse_dn

from authserver.upstream.contract import Down
from authserver.upstream.ldap.config import PORTS, LdapConfig

CONNECT_SECONDS, OPERATION_SECONDS = 3, 5
SUCCESS, SIZE_LIMIT, NO_SUCH_OBJECT, INVALID_CREDENTIALS = 0, 4, 32, 49
MOST_HITS, MOST_GROUPS = 2, 1000
Values = Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a directory says of one object."""

    dn: str
    values: Values = field(repr=False)

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of an attribute that are text."""
        return tuple(value.decode("utf-8", "replace") for value in self.values.get(name.lower(), ()) if value)

    def text(self, name: str) -> str:
        return next(iter(self.texts(name)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The password is theirs; `who` is whom the directory takes us for."""

    entry: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The directory really refused the bind; `said` is its own message."""

    said: str


class Checked(Tls):
    """TLS by Python's own checks of chain and host name. LD-3."""

    def __init__(self, config: LdapConfig, host: str) -> None:
        super().__init__()
        self._host = host
        self._context = ssl.create_default_context(cadata=config.ca or None)
        if config.insecure_certificates:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: FBT001, FBT002
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=self._host)


@dataclass(slots=True)
class Directory:
    """One exchange: its questions share one deadline, whichever of the servers answers."""

    config: LdapConfig
    until: float = field(default_factory=lambda: time.monotonic() + OPERATION_SECONDS)
    server: str = ""  # the one that answered; the bind goes where the entry was found

    def find(self, search_filter: str, attributes: tuple[str, ...]) -> list[Entry]:
        """Who fits, at most two: by the service account."""
        with self._as_service() as connection:
            return self._search(connection, self.config.base_dn, search_filter, attributes, most=MOST_HITS)

    def groups(self, search_filter: str, attribute: str) -> list[Entry]:
        with self._as_service() as connection:
            base = self.config.group_base_dn or self.config.base_dn
            return self._search(connection, base, search_filter, (attribute,), most=MOST_GROUPS)

    def look(self, dn: str) -> Entry | None:
        """One object by its name, if it is there and the service account may see it."""
        with self._as_service() as connection:
            return self._read(connection, dn, ("objectClass",))

    def bind(self, dn: str, password: str, proof: tuple[str, ...]) -> Bound | Rejected:
        """Try a person's password on a connection of its own; `proof` are attributes to read as them. LD-1, LD-4."""
        with self._open(self.server) as connection:
            if not self._bind(connection, dn, password):
                if connection.result["result"] == INVALID_CREDENTIALS:
                    return Rejected(said=str(connection.result.get("message", "")))
                raise Down(f"{self.server} answered the bind with {_said(connection)}")
            return Bound(entry=self._own(connection, dn, proof))

    def _own(self, connection: Connection, dn: str, proof: tuple[str, ...]) -> Entry | None:
        """Their entry, if the directory takes us for them."""
        with suppress(LDAPException):
            who = connection.extend.standard.who_am_i()
            if isinstance(who, str) and who:
                same = not who.startswith("dn:") or _normal(who[3:]) == _normal(dn)
                return Entry(dn=dn, values={}) if same else None
        return self._read(connection, dn, proof)

    @contextmanager
    def _as_service(self) -> Iterator[Connection]:
        with self._open(self.server) as connection:
            config = self.config
            if not self._bind(connection, config.bind_dn, config.bind_password.reveal()):
                raise Down(
                    f"{self.server} refused the service account {config.bind_dn!r}: {_said(connection)}"
                )
            yield connection

    @contextmanager
    def _open(self, chosen: str) -> Iterator[Connection]:
        """A connection to the server that was chosen, or to the first that answers."""
        with self._first_of([chosen] if chosen else self.config.servers) as connection:
            try:
                yield connection
            except (LDAPException, OSError) as error:
                raise Down(f"{self.server}: {error}") from error

    @contextmanager
    def _first_of(self, servers: Iterable[str]) -> Iterator[Connection]:
        failed = []
        for address in servers:
            try:
                connection = self._connect(address)
            except (LDAPException, OSError) as error:
                failed.append(f"{address}: {error}")
                continue
            self.server = address
            try:
                yield connection
            finally:
                _close(connection)
            return
        raise Down("; ".join(failed))

    def _connect(self, address: str) -> Connection:
        """Connect to the first address of a server's name that answers."""
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        addresses = {found[4][0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        failure: Exception | None = None
        for ip in sorted(map(str, addresses), key=len):
            try:
                return self._connect_to(ip, port, host, secure=parts.scheme == "ldaps")
            except (LDAPException, OSError) as error:
                failure = error
        raise failure or OSError("its name has no address")

    def _connect_to(self, ip: str, port: int, host: str, *, secure: bool) -> Connection:
        wait = min(CONNECT_SECONDS, self._left())
        tls = Checked(self.config, host)
        server = Server(ip, port, use_ssl=secure, tls=tls, get_info=NONE, connect_timeout=wait)
        connection = Connection(
            server,
            read_only=True,
            auto_referrals=False,
            auto_range=False,
            check_names=False,
            auto_encode=False,
            return_empty_attributes=False,
            receive_timeout=wait,
        )
        try:
            connection.open(read_server_info=False)
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not secure and not self.config.insecure_plain:
                _begin_tls(connection)
        except BaseException:
            _close(connection)
            raise
        return connection

    def _bind(self, connection: Connection, dn: str, password: str) -> bool:
        self._left()
        connection.user, connection.password = dn or None, password or None
        connection.authentication = "SIMPLE" if dn else "ANONYMOUS"
        return bool(connection.bind(read_server_info=False))

    def _search(
        self, connection: Connection, base: str, search_filter: str, attributes: tuple[str, ...], *, most: int
    ) -> list[Entry]:
        connection.search(
            base,
            search_filter,
            SUBTREE,
            attributes=list(attributes),
            size_limit=most,
            time_limit=self._left(),
        )
        if connection.result["result"] not in {SUCCESS, SIZE_LIMIT}:
            raise Down(f"{self.server} answered the search with {_said(connection)}")
        return _entries(connection)

    def _read(self, connection: Connection, dn: str, attributes: tuple[str, ...]) -> Entry | None:
        connection.search(
            dn, "(objectClass=*)", BASE, attributes=list(attributes), size_limit=1, time_limit=self._left()
        )
        found = _entries(connection) if connection.result["result"] == SUCCESS else []
        return found[0] if found else None

    def _left(self) -> int:
        """Whole seconds that are left, as the protocol has them; raises Down when there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise Down(f"the directory did not answer within {OPERATION_SECONDS} s")
        return max(1, int(left))


def _close(connection: Connection) -> None:
    with suppress(LDAPException, OSError):
        connection.unbind()
    # A connection that never opened is not closed by unbind().
    if connection.socket is not None:
        connection.socket.close()


def _begin_tls(connection: Connection) -> None:
    if not connection.start_tls(read_server_info=False):
        raise ssl.SSLError(f"it does not begin TLS: {_said(connection)}")


def _entries(connection: Connection) -> list[Entry]:
    """What was found; a referral is no answer. LD-4."""
    return [
        Entry(
            dn=each["dn"],
            values={name.lower(): tuple(values) for name, values in each["raw_attributes"].items()},
        )
        for each in connection.response or []
        if each["type"] == "searchResEntry"
    ]


def _said(connection: Connection) -> str:
    result = connection.result
    return f"{result.get('description')} {result.get('message')}".strip()


def _normal(dn: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(
            (name.lower(), value.casefold()) for name, value, _ in parse_dn(dn, escape=False, strip=True)
        )
    except LDAPException:
        return ()
