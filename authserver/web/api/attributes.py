"""/api/admin/attributes: what is kept of people beyond the account, and which scope releases it."""

from flask import Response

from authserver.groups import attributes, edit
from authserver.groups.form import AttributeForm, NewAttributeForm
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, looked, paged
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("attributes")
LIST = ("search", "limit", "after")


@route(blueprint, "GET", scope="attributes:read", gives="Attribute[]", query=LIST)
def list_attributes() -> Response:
    """List attributes by name, built-in ones too."""
    given = reading.query(*LIST)
    wanted = given.get("search", "").casefold()
    found = looked(attributes.every)
    named = (each for each in found if wanted in f"{each.name} {each.title}".casefold())
    return paged(named, shown.attribute, lambda each: each.name, given)


@route(blueprint, "POST", scope="attributes:write", takes=NewAttributeForm, gives="Attribute", status=201)
def declare_attribute() -> Response:
    """Declare an attribute."""
    given = reading.members()
    made = acted(lambda db: edit.declare(db, issuer(), given, by=actor()))
    return created(shown.attribute(made), "attributes", made.name, version=made.version)


@route(blueprint, "GET", "/<path:name>", scope="attributes:read", gives="Attribute")
def show_attribute(name: str) -> Response:
    """Show an attribute."""
    found = looked(lambda db: attributes.load(db, name))
    return answer(shown.attribute(found), version=found.version)


@route(blueprint, "PATCH", "/<path:name>", scope="attributes:write", takes=AttributeForm, gives="Attribute")
def edit_attribute(name: str) -> Response:
    """Change the members given; name and type stay."""
    given, version = reading.members(), reading.expected()
    made = acted(lambda db: edit.redeclare(db, issuer(), name, given, by=actor(), expected_version=version))
    return answer(shown.attribute(made), version=made.version)


@route(blueprint, "DELETE", "/<path:name>", scope="attributes:write", status=204)
def retract_attribute(name: str) -> Response:
    """Remove an attribute with every value of it; a built-in one goes back to how it was delivered."""
    acted(lambda db: edit.retract(db, issuer(), name, by=actor()))
    return gone()
