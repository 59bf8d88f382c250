"""The site: everything with a browser, and the admin API. Loaded and built after the edge, which does without it."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask

from authserver.errors import NotFound
from authserver.issuer import Issuer
from authserver.web import (
    context,
    cookies,
    dev,
    guards,
    guide,
    headers,
    holder,
    home,
    language,
    measured,
    pages,
    refusals,
    sessions,
)
from authserver.web.account import BLUEPRINTS as ACCOUNT
from authserver.web.account import own_session
from authserver.web.api import BLUEPRINTS as ADMIN
from authserver.web.api import access
from authserver.web.bridge import status_line
from authserver.web.environ import REFUSED, REQUEST_ID
from authserver.web.login import BLUEPRINTS as LOGIN
from authserver.web.oauth import BLUEPRINTS as OAUTH
from authserver.web.oauth.straight import Straight
from authserver.web.told import Environ, Start
from authserver.web.wsgi import Pages


class Site:
    """The straight way to a code, then Flask, which knows no paths but its own: the issuer's own path is taken off."""

    def __init__(self, issuer: Issuer) -> None:
        self.flask = make_flask(issuer)
        self._straight = Straight(issuer)
        self._mounted = urlsplit(issuer.url).path

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        straight = self._straight(environ)
        if straight is not None:
            told = (("X-Request-Id", environ[REQUEST_ID]), ("Content-Length", "0"))
            start_response(status_line(straight.status), [*straight.headers, *told])
            return []
        path = environ.get("PATH_INFO", "")
        if self._mounted:
            environ["SCRIPT_NAME"] = self._mounted
            environ["PATH_INFO"] = (
                path.removeprefix(self._mounted) if path.startswith(f"{self._mounted}/") else path
            )
        if environ.get("PATH_INFO", "").startswith("//"):
            # Werkzeug would take one slash for several, however they were written.
            environ[REFUSED] = NotFound(refusals.BY_STATUS[404], detail="the path begins with //")
        return self.flask.wsgi_app(environ, start_response)


def make_flask(issuer: Issuer) -> Flask:
    flask = Pages("authserver.web", issuer_url=issuer.url)
    flask.url_map.merge_slashes = False  # a path that is nearly one of ours is not one of ours
    flask.extensions[context.EXTENSION] = issuer
    measured.install(flask)
    refusals.install(flask)
    cookies.install(flask)
    sessions.install(flask)
    headers.install(flask)
    guards.install(flask, admin=access.enforce, own=holder.enforce)
    holder.install(flask)
    language.install(flask, offered=context.languages, cookie=lambda: cookies.get(cookies.Cookie.LANG))
    pages.install(
        flask, branding=context.branding, override=issuer.config.templates_dir, staying=own_session.staying
    )
    for blueprint in (home.blueprint, guide.blueprint, *OAUTH, *LOGIN, *ACCOUNT, *ADMIN):
        flask.register_blueprint(blueprint)
    if issuer.config.is_development:
        flask.register_blueprint(dev.blueprint)
    return flask
