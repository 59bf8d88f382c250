"""/api/admin/tokens: the API tokens themselves."""

from datetime import timedelta

from flask import Response

from authserver.users import api_tokens
from authserver.users.api_tokens import ApiToken, TokenForm
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, looked, paged
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("tokens")
LIST = ("limit", "after")


@route(blueprint, "GET", scope="tokens:read", gives="Token[]", query=LIST)
def list_tokens() -> Response:
    """List tokens: who may do what, until when, and when each was last used."""
    given = reading.query(*LIST)
    return paged(looked(api_tokens.every), _shown, lambda each: each.id, given)


@route(blueprint, "POST", scope="tokens:write", takes=TokenForm, gives="NewToken", status=201)
def add_token() -> Response:
    """Make a token no wider than the one that asks; its text is in this answer and in none after it."""
    form, asked = reading.body(TokenForm), issuer()
    until = asked.clock() + timedelta(days=form.days)
    made, text = acted(
        lambda db: api_tokens.make(
            db, asked, name=form.name, role=form.role, scopes=form.scopes, expires_at=until, by=actor()
        )
    )
    return created({**_shown(made), "token": text}, "tokens", made.id)


@route(blueprint, "GET", "/<token_id>", scope="tokens:read", gives="Token")
def show_token(token_id: str) -> Response:
    """Show a token, never its text."""
    return answer(_shown(looked(lambda db: api_tokens.load(db, token_id))))


@route(blueprint, "DELETE", "/<token_id>", scope="tokens:write", status=204)
def revoke_token(token_id: str) -> Response:
    """End a token, and those that were made with it."""
    acted(lambda db: api_tokens.revoke(db, issuer(), token_id, by=actor()))
    return gone()


def _shown(token: ApiToken) -> shown.Shown:
    return shown.token(token, issuer().clock())
