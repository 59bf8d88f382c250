"""/api/admin: who asks and what they may do, and the description of it all."""

from flask import Response, current_app

from authserver.web.api import openapi, reading, shown
from authserver.web.api.access import asking
from authserver.web.api.answering import answer
from authserver.web.api.table import noun, route
from authserver.web.context import issuer
from authserver.web.guards import table

blueprint = noun()


@route(blueprint, "GET", scope=None, gives="Access")
def access() -> Response:
    """Say what the token is and which routes it reaches."""
    reading.query()
    token = asking()
    open_ones = sorted(
        f"{method} {openapi.path_of(row.path)}"
        for row in table(current_app)
        if row.demand is not None
        and row.demand.guard.name == "ADMIN"
        and (row.demand.scope is None or row.demand.scope in token.scopes)
        for method in row.methods
    )
    return answer({**shown.token(token, issuer().clock()), "routes": open_ones})


@route(blueprint, "GET", "/openapi.json", scope=None, gives="Description")
def description() -> Response:
    """Describe this API. OpenAPI 3.1."""
    reading.query()
    return answer(openapi.document(current_app))
