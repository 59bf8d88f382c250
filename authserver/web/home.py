"""The front page, and the small files that browsers and robots ask for."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from authserver.web import cookies
from authserver.web.context import settings
from authserver.web.cookies import Cookie
from authserver.web.guards import Guard, demands
from authserver.web.headers import YEAR
from authserver.web.paths import safe_path

blueprint = Blueprint("home", __name__)
ROBOTS = "User-agent: *\nDisallow: /\n"


@blueprint.get("/")
@demands(Guard.OPEN)
def index() -> str:
    return "authserver"


@blueprint.post("/language")
@demands(Guard.BROWSER_POST)
def language() -> AnyResponse:
    chosen = request.form.get("language", "")
    answer = redirect(safe_path(request.form.get("return_to")) or url_for("home.index"), code=303)
    if chosen in settings().languages:
        cookies.put(answer, Cookie.LANG, chosen, YEAR)
    return answer


@blueprint.get("/robots.txt")
@demands(Guard.OPEN)
def robots() -> Response:
    return Response(ROBOTS, mimetype="text/plain")
