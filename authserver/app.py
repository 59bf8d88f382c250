"""create_app(config): the only place where parts are wired together."""

import os
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeVar

from authserver import logs
from authserver.audit import Actor
from authserver.audit.events import Event
from authserver.clock import Clock, SystemClock
from authserver.config import Config
from authserver.issuer import Issuer
from authserver.keys import keyring, roots
from authserver.keys.master import vault_of
from authserver.limits.in_database import DatabaseWindows
from authserver.limits.limiter import Limiter, Windows
from authserver.places import Places
from authserver.refusals import Refusals
from authserver.settings import live
from authserver.store import Database, Live, Revisions, Session
from authserver.web import proxy, sizes
from authserver.web.bodies import Bodies
from authserver.web.edge import Edge
from authserver.web.environ import REFUSED, REQUEST_ID

T = TypeVar("T")
Environ = dict[str, Any]
Start = Callable[..., Any]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]
REQUEST_ID_BYTES = 12


class App:
    """The WSGI callable: the proxy's word, the sizes, the body, the edge, and for all else the site.

    The edge answers machines at once. The site is built when somebody first wants it; who comes meanwhile waits.
    """

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self._edge = Edge(issuer, self._pages)
        self._trusted = issuer.config.trusted_proxies
        self._bodies = Bodies(
            port=issuer.config.port, seconds=issuer.config.receive_seconds, threads=issuer.config.threads
        )
        self._site: Any = None
        self._building = threading.Lock()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        environ[REQUEST_ID] = request_id = os.urandom(REQUEST_ID_BYTES).hex()
        logs.REQUEST.set(request_id)
        peer = environ.get("REMOTE_ADDR", "")
        proxy.believe(environ, self._trusted)
        refusal = sizes.refused(environ) or self._bodies.receive(environ, peer)
        if refusal is None:
            return self._edge(environ, start_response)
        # The page that says so reads nothing of what was refused.
        environ |= {REFUSED: refusal, "QUERY_STRING": "", "CONTENT_LENGTH": "0"}
        return self._pages(environ, start_response)

    @property
    def site(self) -> Any:
        """web.site.Site, loaded and built at the first call."""
        if self._site is None:
            with self._building:
                if self._site is None:
                    self._site = import_module("authserver.web.site").Site(self.issuer)
        return self._site

    @property
    def flask(self) -> Any:
        return self.site.flask

    def _pages(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.site(environ, start_response)
        return answer

    def close(self) -> None:
        """Write what waits and let go of the database: for the end of a process."""
        self.issuer.refusals.close()
        self.issuer.database.dispose()


def create_app(config: Config, *, clock: Clock | None = None) -> App:
    """Build the server that this configuration describes, on a database that is migrated already."""
    return App(make_issuer(config, clock=clock))


def make_issuer(config: Config, *, clock: Clock | None = None) -> Issuer:
    """What commands work with, and what every part of a server is given."""
    clock = clock or SystemClock()
    database = Database.bind(config.database)
    database.node = config.node_name
    revisions = Revisions(database)
    vault = vault_of(config)

    def kept(topic: str, load: Callable[[Session], T]) -> Live[T]:
        def fresh() -> T:
            with database.reading() as db:
                return load(db)

        return Live(revisions, topic, fresh)

    live.fixed(config)  # what is wrong with settings in the configuration is said before anything starts
    settings = kept("settings", lambda db: live.load(db, config, vault))
    held_roots = kept("roots", lambda db: roots.load(db, vault))

    issuer = Issuer(
        config=config,
        clock=clock,
        database=database,
        revisions=revisions,
        vault=vault,
        limiter=Limiter(settings, windows_of(config, database), clock),
        refusals=Refusals(database, clock, held_roots),
        live_settings=settings,
        live_keyring=kept("keys", lambda db: keyring.load(db, vault, clock())),
        live_roots=held_roots,
        places=Places(config.geoip_file),
    )
    database.told = partial(_told, issuer)
    return issuer


def _told(issuer: Issuer, db: Session, event: Event, by: Actor, at: datetime) -> None:
    """Tell whose account an event is about. What writes mails is loaded with the first one, not at the start."""
    if event.subject is not None:
        _notices().of_event(issuer, db, event, by, at)


@cache
def _notices() -> Any:
    return import_module("authserver.users.notices")


def windows_of(config: Config, database: Database) -> Windows:
    """Where failures of addresses are counted. Only an installation with Redis pays for its client's import."""
    counted = DatabaseWindows(database)
    url = config.redis_url.get_secret_value()
    if not url:
        return counted
    redis: Windows = import_module("authserver.limits.in_redis").RedisWindows.at(url, counted)
    return redis
