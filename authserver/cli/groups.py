"""`authserver groups`: groups of people, who is in them, and attributes that people have."""

from typing import Any

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import confirm, filled, options, unset_option, written, yes_option
from authserver.groups import attributes, edit, find
from authserver.groups.form import AttributeForm, GroupForm, NewAttributeForm
from authserver.users import find as users
from authserver.users import listing

COLUMNS = ("name", "title", "second_factor", "members", "created_at")
ATTRIBUTE_COLUMNS = ("name", "title", "type", "edited_by", "scope", "tokens", "built_in")
PEOPLE_COLUMNS = ("id", "email", "username", "name", "status")
GROUP_FLAGS = {"title": "--title", "second_factor": "--second-factor", "max_sessions": "--max-sessions"}
FLAGS = {"title": "--title", "edited_by": "--edited-by", "scope": "--scope", "tokens": "--into"}
NEW_FLAGS = {"type": "--type", **FLAGS}


@click.group()
def command() -> None:
    """Keep groups, who is in them (`groups members`), and declared attributes (`groups attributes`)."""


@command.command()
@click.argument("name")
@options(GroupForm, GROUP_FLAGS)
@json_option
def add(name: str, as_json: bool, **given: Any) -> None:
    """Make the group NAME. The name is what tokens, clients and APIs say, and never changes."""
    about = {"name": name, **filled(GroupForm, GROUP_FLAGS, given)}
    with opened() as issuer:
        made = written(issuer, lambda db: edit.add(db, issuer, about, by=CLI))
    echo(made, as_json)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the groups."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.every(db)
    echo(found, as_json, columns=COLUMNS)


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one group."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.load(db, name)
    echo(found, as_json)


@command.command("edit")
@click.argument("name")
@options(GroupForm, GROUP_FLAGS)
@unset_option(GroupForm, GROUP_FLAGS)
@json_option
def edit_(name: str, as_json: bool, **given: Any) -> None:
    """Change what the options name."""
    changes = filled(GroupForm, GROUP_FLAGS, given)
    with opened() as issuer:
        made = written(issuer, lambda db: edit.edit(db, issuer, name, changes, by=CLI))
    echo(made, as_json)


@command.command()
@click.argument("name")
@yes_option
def remove(name: str, yes: bool) -> None:
    """Remove a group that no client and no scope names any more."""
    confirm(f"Remove the group {name} for good?", yes=yes)
    with opened() as issuer:
        written(issuer, lambda db: edit.remove(db, issuer, name, by=CLI))


@command.group()
def members() -> None:
    """Say who is in a group."""


@members.command("list")
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, listing.LARGEST_PAGE), default=listing.PAGE, show_default=True
)
@click.option("--after", default="", help="What `next` said of the page before.")
@json_option
def list_members(name: str, limit: int, after: str, as_json: bool) -> None:
    """List the people in a group."""
    with opened() as issuer, issuer.database.reading() as db:
        page = listing.page(db, group=name, after=after, limit=limit)
    if as_json:
        echo({"items": page.items, "next": page.next}, as_json)
    else:
        echo(page.items, as_json, columns=PEOPLE_COLUMNS)
    if page.next and not as_json:
        click.echo(f"More with --after {page.next}", err=True)


@members.command("add")
@click.argument("name")
@click.argument("people", nargs=-1, required=True, metavar="PERSON...")
def add_members(name: str, people: tuple[str, ...]) -> None:
    """Put people in a group; each by e-mail address, user name or id."""
    with opened() as issuer:
        ids = _ids(issuer, people)
        written(issuer, lambda db: edit.add_members(db, issuer, name, ids, by=CLI))


@members.command("remove")
@click.argument("name")
@click.argument("people", nargs=-1, required=True, metavar="PERSON...")
def remove_members(name: str, people: tuple[str, ...]) -> None:
    """Take people out of a group."""
    with opened() as issuer:
        ids = _ids(issuer, people)
        written(issuer, lambda db: edit.remove_members(db, issuer, name, ids, by=CLI))


@command.group("attributes")
def attributes_() -> None:
    """Declare what is kept of people beyond the account, and which scope puts it into which token.

    The standard claims (given_name, picture, phone_number, address, …) are built in.
    """


@attributes_.command("list")
@json_option
def list_attributes(as_json: bool) -> None:
    """List every attribute with the scope that releases it."""
    with opened() as issuer, issuer.database.reading() as db:
        found = attributes.every(db)
    echo(found, as_json, columns=ATTRIBUTE_COLUMNS)


@attributes_.command("add")
@click.argument("name")
@options(NewAttributeForm, NEW_FLAGS)
@json_option
def declare(name: str, as_json: bool, **given: Any) -> None:
    """Declare the attribute NAME, which is also the claim."""
    about = {"name": name, **filled(NewAttributeForm, NEW_FLAGS, given)}
    with opened() as issuer:
        made = written(issuer, lambda db: edit.declare(db, issuer, about, by=CLI))
    echo(made, as_json)


@attributes_.command("edit")
@click.argument("name")
@options(AttributeForm, FLAGS)
@unset_option(AttributeForm, FLAGS)
@json_option
def redeclare(name: str, as_json: bool, **given: Any) -> None:
    """Change who edits an attribute and where it is released, also of a built-in one."""
    changes = filled(AttributeForm, FLAGS, given)
    with opened() as issuer:
        made = written(issuer, lambda db: edit.redeclare(db, issuer, name, changes, by=CLI))
    echo(made, as_json)


@attributes_.command("remove")
@click.argument("name")
@yes_option
def retract(name: str, yes: bool) -> None:
    """Remove an attribute with everybody's value of it; a built-in one becomes as it was delivered."""
    confirm(f"Remove the attribute {name} and every value of it?", yes=yes)
    with opened() as issuer:
        written(issuer, lambda db: edit.retract(db, issuer, name, by=CLI))


def _ids(issuer: Any, people: tuple[str, ...]) -> list[str]:
    with issuer.database.reading() as db:
        return [users.chosen(db, who).id for who in people]
