"""The front page, the choice of a language, and the small files that browsers and robots ask for."""

from flask import Blueprint, Response, redirect, request, send_from_directory, url_for
from werkzeug.wrappers import Response as AnyResponse

from authserver.errors import NotFound
from authserver.store import health
from authserver.users import find as users
from authserver.users.user import User
from authserver.web import cookies, language, pages, sessions
from authserver.web.context import branding, issuer, settings
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.pages_asked import OurText
from authserver.web.paths import safe_path
from authserver.web.policy import YEAR

blueprint = Blueprint("home", __name__)
FILES = frozenset(file.name for file in (pages.WEB / "static").iterdir())
ROBOTS = "User-agent: *\nDisallow: /\n"
DOCUMENTATION = "/docs"


@blueprint.get("/")
@demands(Guard.OPEN)
def index() -> AnyResponse:
    asked = issuer()
    session = sessions.current()
    with asked.database.reading() as db:
        user = None if session is None else users.find(db, session.user)
    return pages.render(
        pages.Home(
            issuer=asked.url,
            documentation_url=DOCUMENTATION,
            person=None if user is None else shown(user),
            is_development=asked.config.is_development,
            needs_owner=not health.has_owner(asked.database),
        )
    )


@blueprint.get("/terms")
@demands(Guard.OPEN)
def terms() -> AnyResponse:
    return _text(settings().terms_text, is_terms="yes")


@blueprint.get("/privacy")
@demands(Guard.OPEN)
def privacy() -> AnyResponse:
    return _text(settings().privacy_text, is_terms="")


@blueprint.get("/language")
@demands(Guard.OPEN)
def choose_language() -> AnyResponse:
    """Keep the language that was pressed in the footline, and go back to the page."""
    answer = redirect(_mounted(safe_path(request.args.get("return"))) or url_for("home.index"), code=303)
    value = language.cookie_value(
        request.args.get("to", ""), language.offered(), request.args.get("over", "")
    )
    if value is not None:
        cookies.put(answer, Cookie.LANG, value, YEAR)
    return answer


@blueprint.get("/static/<path:name>")
@demands(Guard.OPEN)
def static(name: str) -> AnyResponse:
    """Give one of our files, by its one name."""
    if name not in FILES:
        raise NotFound("There is no such file.", detail=f"no static file {name!r}")
    answer = send_from_directory(pages.WEB / "static", name)
    return _kept(answer, pages.static_url(name))


@blueprint.get("/static/accent.css")
@demands(Guard.OPEN)
def accent() -> AnyResponse:
    """Give the deployment's colour as a style sheet."""
    css = pages.accent_css(branding())
    if not css:
        raise NotFound("No colour was chosen here.")
    return _kept(Response(css, mimetype="text/css"), pages.accent_url(branding()))


@blueprint.get("/favicon.ico")
@demands(Guard.OPEN)
def favicon() -> AnyResponse:
    return redirect(pages.static_url("favicon.svg"), code=302)


@blueprint.get("/robots.txt")
@demands(Guard.OPEN)
def robots() -> Response:
    return Response(ROBOTS, mimetype="text/plain")


def shown(user: User) -> pages.Person:
    """Somebody as pages show them."""
    return pages.Person(name=user.name, email=user.email or "", username=user.username or "")


def _text(text: str, *, is_terms: str) -> AnyResponse:
    if not text:
        raise NotFound("There is nothing at this address.", detail="no such text is set")
    return pages.render(OurText(text=text, is_terms=bool(is_terms), version=settings().terms_version))


def _kept(answer: Response, address: str) -> Response:
    """Let an answer be kept for a year where it was asked for by the digest of what it is.

    Another node may run another version: its digest asked here must not keep our content under its address.
    """
    here = f"{request.script_root}{request.full_path}"
    answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if here == address else "no-cache"
    return answer


def _mounted(path: str | None) -> str | None:
    """A path of ours under the issuer's own path, where it has one."""
    return path and f"{request.script_root}{path}"
