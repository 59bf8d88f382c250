"""create_app(config): the only place where parts are wired together."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask

from authserver import logs
from authserver.clock import Clock, SystemClock
from authserver.config import Config
from authserver.errors import NotFound
from authserver.issuer import Issuer
from authserver.keys import keyring, roots
from authserver.keys.master import vault_of
from authserver.limits.in_database import DatabaseWindows
from authserver.limits.limiter import Limiter, Windows
from authserver.places import Places
from authserver.refusals import Refusals
from authserver.settings import live
from authserver.store import Database, Live, Revisions, Session
from authserver.users import notices
from authserver.web import (
    context,
    cookies,
    dev,
    guards,
    guide,
    headers,
    home,
    language,
    measured,
    pages,
    proxy,
    refusals,
    sessions,
    sizes,
)
from authserver.web.account import BLUEPRINTS as ACCOUNT
from authserver.web.account import own_session
from authserver.web.api import BLUEPRINTS as ADMIN
from authserver.web.api import access
from authserver.web.bodies import Bodies
from authserver.web.bridge import status_line
from authserver.web.edge import Edge
from authserver.web.login import BLUEPRINTS as LOGIN
from authserver.web.oauth import BLUEPRINTS as OAUTH
from authserver.web.oauth.straight import Straight

T = TypeVar("T")
Environ = dict[str, Any]
Start = Callable[..., Any]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]
REQUEST_ID_BYTES = 12


class Pages(Flask):
    """No view here is a coroutine, so none is looked at for being one: eleven looks a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


class App:
    """The WSGI callable: the proxy's word, the sizes, the body, the edge, the straight way to a code, then Flask."""

    def __init__(self, issuer: Issuer, flask: Flask) -> None:
        self.issuer = issuer
        self.flask = flask
        self._edge = Edge(issuer, self._pages)
        self._straight = Straight(issuer)
        self._trusted = issuer.config.trusted_proxies
        self._bodies = Bodies(
            port=issuer.config.port, seconds=issuer.config.receive_seconds, threads=issuer.config.threads
        )
        self._mounted = urlsplit(issuer.url).path

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        environ[context.REQUEST_ID] = request_id = os.urandom(REQUEST_ID_BYTES).hex()
        logs.REQUEST.set(request_id)
        peer = environ.get("REMOTE_ADDR", "")
        proxy.believe(environ, self._trusted)
        refusal = sizes.refused(environ) or self._bodies.receive(environ, peer)
        if refusal is None:
            return self._edge(environ, start_response)
        # The page that says so reads nothing of what was refused.
        environ |= {refusals.REFUSED: refusal, "QUERY_STRING": "", "CONTENT_LENGTH": "0"}
        return self._pages(environ, start_response)

    def _pages(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Flask, which knows no paths but its own: those of an issuer with a path lose it here."""
        straight = self._straight(environ)
        if straight is not None:
            told = (("X-Request-Id", environ[context.REQUEST_ID]), ("Content-Length", "0"))
            start_response(status_line(straight), [*straight.headers, *told])
            return []
        path = environ.get("PATH_INFO", "")
        if self._mounted:
            environ["SCRIPT_NAME"] = self._mounted
            environ["PATH_INFO"] = (
                path.removeprefix(self._mounted) if path.startswith(f"{self._mounted}/") else path
            )
        if environ.get("PATH_INFO", "").startswith("//"):
            # Werkzeug would take one slash for several, however they were written.
            environ[refusals.REFUSED] = NotFound(refusals.BY_STATUS[404], detail="the path begins with //")
        return self.flask.wsgi_app(environ, start_response)

    def close(self) -> None:
        """Write what waits and let go of the database: for the end of a process."""
        self.issuer.refusals.close()
        self.issuer.database.dispose()


def create_app(config: Config, *, clock: Clock | None = None) -> App:
    """Build the server that this configuration describes, on a database that is migrated already."""
    flask = Pages("authserver.web", static_folder=None)
    flask.url_map.merge_slashes = False  # a path that is nearly one of ours is not one of ours
    issuer = make_issuer(config, flask, clock or SystemClock())
    flask.extensions[context.EXTENSION] = issuer
    measured.install(flask)
    refusals.install(flask)
    cookies.install(flask)
    sessions.install(flask)
    headers.install(flask)
    guards.install(flask, admin=access.enforce)
    language.install(flask, offered=context.languages, cookie=lambda: cookies.get(cookies.Cookie.LANG))
    pages.install(
        flask, branding=context.branding, override=config.templates_dir, staying=own_session.staying
    )
    for blueprint in (home.blueprint, guide.blueprint, *OAUTH, *LOGIN, *ACCOUNT, *ADMIN):
        flask.register_blueprint(blueprint)
    if config.is_development:
        flask.register_blueprint(dev.blueprint)
    return App(issuer, flask)


def make_issuer(config: Config, flask: Flask, clock: Clock) -> Issuer:
    database = Database.bind(flask, config.database)
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
    database.told = partial(notices.of_event, issuer)
    return issuer


def windows_of(config: Config, database: Database) -> Windows:
    """Where failures of addresses are counted. Only an installation with Redis pays for its client's import."""
    counted = DatabaseWindows(database)
    url = config.redis_url.get_secret_value()
    if not url:
        return counted
    redis: Windows = import_module("authserver.limits.in_redis").RedisWindows.at(url, counted)
    return redis
