"""/api/admin/clients."""

from datetime import timedelta

from flask import Response
from pydantic import Field

from authserver.clients import edit, find
from authserver.clients.edit import Saved
from authserver.clients.form import ClientForm, NewClientForm
from authserver.input import Form
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, looked, paged
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("clients")
LIST = ("search", "limit", "after")


class RotationForm(Form):
    """How a secret is renewed."""

    keep_old_for: int = Field(
        86_400,
        ge=0,
        le=30 * 86_400,
        description="Seconds that the secret before works on; 0 ends it at once.",
    )


@route(blueprint, "GET", scope="clients:read", gives="Client[]", query=LIST)
def list_clients() -> Response:
    """List clients by their id."""
    given = reading.query(*LIST)
    found = looked(lambda db: find.every(db, given.get("search", "")))
    return paged(found, shown.client, lambda each: each.client_id, given)


@route(blueprint, "POST", scope="clients:write", takes=NewClientForm, gives="NewClient", status=201)
def add_client() -> Response:
    """Register a client; its secret is in this answer and in none after it."""
    given = reading.members()
    saved = acted(lambda db: edit.add(db, issuer(), given, by=actor()))
    return created(_saved(saved), "clients", saved.client.client_id, version=saved.client.version)


@route(blueprint, "GET", "/<client_id>", scope="clients:read", gives="Client")
def show_client(client_id: str) -> Response:
    """Show a client."""
    found = looked(lambda db: find.load(db, client_id))
    return answer(shown.client(found), version=found.version)


@route(blueprint, "PATCH", "/<client_id>", scope="clients:write", takes=ClientForm, gives="NewClient")
def edit_client(client_id: str) -> Response:
    """Change the members given; one that comes to need a secret is given one."""
    given, version = reading.members(), reading.expected()
    saved = acted(lambda db: edit.edit(db, issuer(), client_id, given, by=actor(), expected_version=version))
    return answer(_saved(saved), version=saved.client.version)


@route(blueprint, "DELETE", "/<client_id>", scope="clients:write", status=204)
def remove_client(client_id: str) -> Response:
    """Remove a client; its tokens and everybody's consent to it end."""
    acted(lambda db: edit.remove(db, issuer(), client_id, by=actor()))
    return gone()


@route(
    blueprint,
    "POST",
    "/<client_id>/secrets",
    scope="clients:write",
    takes=RotationForm,
    gives="NewSecret",
    status=201,
)
def rotate_secret(client_id: str) -> Response:
    """Give a new secret, shown this once; the one before works on for a while."""
    form = reading.body(RotationForm)
    span = timedelta(seconds=form.keep_old_for)
    secret = acted(lambda db: edit.rotate_secret(db, issuer(), client_id, by=actor(), keep_old_for=span))
    return created({"client_id": client_id, "secret": secret.reveal()}, "clients", client_id)


def _saved(saved: Saved) -> shown.Shown:
    secret = {"secret": saved.secret.reveal()} if saved.secret else {}
    return {**shown.client(saved.client), **secret}
