"""`/docs`: how an app, an API or a program uses this very server."""

from flask import Blueprint
from werkzeug.wrappers import Response

from authserver.oauth import discovery
from authserver.web import pages
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.pages_guide import Guide
from authserver.web.snippets import snippets

blueprint = Blueprint("guide", __name__)
ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "introspection_endpoint",
    "revocation_endpoint",
    "end_session_endpoint",
)


@blueprint.get("/docs")
@demands(Guard.OPEN)
def show() -> Response:
    asked = issuer()
    known = discovery.metadata(asked, asked.url)
    return pages.render(
        Guide(
            issuer=asked.url,
            endpoints={name: known[name] for name in ENDPOINTS},
            snippets=snippets(asked.url),
        )
    )
