"""/api/admin/groups, and who is in them."""

from flask import Response
from pydantic import Field

from authserver.errors import NotFound
from authserver.groups import edit, find
from authserver.groups.form import GroupForm, NewGroupForm
from authserver.groups.group import Group
from authserver.input import Form
from authserver.store import Session
from authserver.users import find as people
from authserver.users import listing
from authserver.users.rank import check_may_change
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, listed, looked, paged
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("groups")
LIST = ("search", "limit", "after")


class MembersForm(Form):
    """Who is to be in a group."""

    users: list[str] = Field(min_length=1, max_length=200, description="Ids of people.")


@route(blueprint, "GET", scope="groups:read", gives="Group[]", query=LIST)
def list_groups() -> Response:
    """List groups by name."""
    given = reading.query(*LIST)
    wanted = given.get("search", "").casefold()
    found = looked(find.every)
    named = (each for each in found if wanted in f"{each.name} {each.title}".casefold())
    return paged(named, shown.group, lambda each: each.name, given)


@route(blueprint, "POST", scope="groups:write", takes=NewGroupForm, gives="Group", status=201)
def add_group() -> Response:
    """Make a group."""
    given = reading.members()
    made = acted(lambda db: edit.add(db, issuer(), given, by=actor()))
    return created(shown.group(made), "groups", made.name, version=made.version)


@route(blueprint, "GET", "/<path:name>", scope="groups:read", gives="Group")
def show_group(name: str) -> Response:
    """Show a group."""
    found = looked(lambda db: find.load(db, name))
    return answer(shown.group(found), version=found.version)


@route(blueprint, "PATCH", "/<path:name>", scope="groups:write", takes=GroupForm, gives="Group")
def edit_group(name: str) -> Response:
    """Change the members given."""
    given, version = reading.members(), reading.expected()
    made = acted(lambda db: edit.edit(db, issuer(), name, given, by=actor(), expected_version=version))
    return answer(shown.group(made), version=made.version)


@route(blueprint, "DELETE", "/<path:name>", scope="groups:write", status=204)
def remove_group(name: str) -> Response:
    """Remove a group that nothing names."""
    acted(lambda db: edit.remove(db, issuer(), name, by=actor()))
    return gone()


@route(
    blueprint, "GET", "/<path:name>/members", scope="groups:read", gives="User[]", query=("limit", "after")
)
def list_members(name: str) -> Response:
    """List the people in a group."""
    given = reading.query("limit", "after")
    most, start = reading.limit(given), reading.after(given)

    def look(db: Session) -> listing.Page:
        return listing.page(db, group=find.load(db, name).name, after=start, limit=most)

    page = looked(look)
    return listed(map(shown.user, page.items), page.next)


@route(blueprint, "POST", "/<path:name>/members", scope="groups:write", takes=MembersForm, gives="Group")
def add_members(name: str) -> Response:
    """Put people in a group; those who are in it already stay."""
    form = reading.body(MembersForm)

    def act(db: Session) -> Group:
        _check_rank(db, form.users)
        return edit.add_members(db, issuer(), name, form.users, by=actor())

    made = acted(act)
    return answer(shown.group(made), version=made.version)


@route(blueprint, "DELETE", "/<path:name>/members/<user_id>", scope="groups:write", status=204)
def remove_member(name: str, user_id: str) -> Response:
    """Take somebody out of a group."""

    def act(db: Session) -> Group:
        group = find.load(db, name)
        if name not in people.load(db, user_id).groups:
            raise NotFound("This person is not in the group.", detail=f"{user_id} is not in {name}")
        _check_rank(db, [user_id])
        return edit.remove_members(db, issuer(), group.name, [user_id], by=actor())

    acted(act)
    return gone()


def _check_rank(db: Session, user_ids: list[str]) -> None:
    """Groups say what is demanded of people: nobody decides that for who stands above them."""
    for user in filter(None, (people.find(db, each) for each in user_ids)):
        check_may_change(actor(), user.id, user.role)
