"""/api/admin/apis. The id in a path is the row's, since an identifier holds slashes."""

from flask import Response

from authserver.apis import edit, find
from authserver.apis.form import ApiForm, NewApiForm
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, looked, paged
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("apis")
LIST = ("search", "limit", "after")


@route(blueprint, "GET", scope="apis:read", gives="Api[]", query=LIST)
def list_apis() -> Response:
    """List APIs in the order in which they were added."""
    given = reading.query(*LIST)
    wanted = given.get("search", "").casefold()
    found = looked(find.every)
    named = (each for each in found if wanted in f"{each.identifier} {each.name}".casefold())
    return paged(named, shown.api, lambda each: each.id, given)


@route(blueprint, "POST", scope="apis:write", takes=NewApiForm, gives="Api", status=201)
def add_api() -> Response:
    """Add an API."""
    given = reading.members()
    made = acted(lambda db: edit.add(db, issuer(), given, by=actor()))
    return created(shown.api(made), "apis", made.id, version=made.version)


@route(blueprint, "GET", "/<api_id>", scope="apis:read", gives="Api")
def show_api(api_id: str) -> Response:
    """Show an API."""
    found = looked(lambda db: find.load(db, api_id))
    return answer(shown.api(found), version=found.version)


@route(blueprint, "PATCH", "/<api_id>", scope="apis:write", takes=ApiForm, gives="Api")
def edit_api(api_id: str) -> Response:
    """Change the members given; `scopes` is the full list."""
    given, version = reading.members(), reading.expected()
    made = acted(lambda db: edit.edit(db, issuer(), api_id, given, by=actor(), expected_version=version))
    return answer(shown.api(made), version=made.version)


@route(blueprint, "DELETE", "/<api_id>", scope="apis:write", status=204)
def remove_api(api_id: str) -> Response:
    """Remove an API with its scopes."""
    acted(lambda db: edit.remove(db, issuer(), api_id, by=actor()))
    return gone()
