"""`authserver users`: people with an account here."""

import json
from typing import Any

import click

from authserver.cli import invite
from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import confirm, filled, options, typed_secret, unset_option, written, yes_option
from authserver.groups.attributes import Attribute, every
from authserver.input import read
from authserver.login import enrolment, one_account
from authserver.login.passwords import choose, choose_alone
from authserver.sessions import keeping_out
from authserver.store import Session
from authserver.users import edit, find, listing
from authserver.users import exempt as exemptions
from authserver.users.exempt import ExemptionForm
from authserver.users.form import UserForm
from authserver.users.user import User

FLAGS = {
    "username": "--username",
    "name": "--name",
    "locale": "--locale",
    "role": "--role",
    "groups": "--group",
    "max_sessions": "--max-sessions",
}
EDIT_FLAGS = {"email": "--email", **FLAGS}
EXEMPT_COLUMNS = ("user", "reason", "until", "made_by", "made_at")
COLUMNS = ("id", "email", "username", "name", "role", "status", "last_sign_in_at")

owner_option = click.option("--owner", is_flag=True, help="The same as --role owner.")
unverified_option = click.option(
    "--unverified", is_flag=True, help="The address is not known to be theirs yet."
)
attribute_option = click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=VALUE",
    help="A declared attribute; NAME= removes it. Repeats.",
)
stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")


@click.group()
def command() -> None:
    """Keep the accounts of people. A PERSON is an e-mail address, a user name, an id or a subject."""


@command.command()
@click.argument("email", required=False)
@options(UserForm, FLAGS)
@owner_option
@unverified_option
@attribute_option
@stdin_option
@json_option
def add(email: str | None, password_stdin: bool, as_json: bool, **given: Any) -> None:
    """Make an account for EMAIL, or without one for --username.

    The address counts as verified, and the password as final. Without --password-stdin the account has no
    password yet: `users passwd` sets one.
    """
    with opened() as issuer:
        chosen = choose(issuer, typed_secret("Password", from_stdin=True), None) if password_stdin else None

        def act(db: Session) -> User:
            made = edit.add(db, issuer, _about(db, email, FLAGS, given), by=CLI)
            if chosen is None:
                return made
            edit.set_password(db, issuer, made.id, chosen.phc, by=CLI, stands=chosen.stands)
            return find.load(db, made.id)

        echo(written(issuer, act), as_json)


@command.command("list")
@click.option("--search", default="", help="Only those whose name, user name or address holds this.")
@click.option("--status", type=click.Choice(["active", "locked", "disabled", "deleted"]), default=None)
@click.option("--role", type=click.Choice(["owner", "admin", "support", "auditor"]), default=None)
@click.option("--group", default=None, help="Only people in this group.")
@click.option(
    "--limit", type=click.IntRange(1, listing.LARGEST_PAGE), default=listing.PAGE, show_default=True
)
@click.option("--after", default="", help="What `next` said of the page before.")
@json_option
def list_(as_json: bool, **given: Any) -> None:
    """List people, a page at a time; in JSON as `items`, and `next` for --after."""
    with opened() as issuer, issuer.database.reading() as db:
        page = listing.page(db, **given)
    if as_json:
        echo({"items": page.items, "next": page.next}, as_json)
    else:
        echo(page.items, as_json, columns=COLUMNS)
    if page.next and not as_json:
        click.echo(f"More with --after {page.next}", err=True)


@command.command()
@click.argument("person")
@json_option
def show(person: str, as_json: bool) -> None:
    """Show one account."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.chosen(db, person)
    echo(found, as_json)


@command.command("edit")
@click.argument("person")
@options(UserForm, EDIT_FLAGS)
@owner_option
@unverified_option
@attribute_option
@unset_option(UserForm, EDIT_FLAGS)
@json_option
def edit_(person: str, as_json: bool, **given: Any) -> None:
    """Change what the options name. --group replaces all groups; `groups members` adds and removes one.

    A new address counts as verified unless --unverified is given.
    """

    def act(db: Session) -> User:
        about = _about(db, given["email"], EDIT_FLAGS, given)
        return edit.edit(db, issuer, find.chosen(db, person).id, about, by=CLI)

    with opened() as issuer:
        echo(written(issuer, act), as_json)


@command.command()
@click.argument("person")
@yes_option
def remove(person: str, yes: bool) -> None:
    """Remove an account with all that is known of the person; its subject is never given again."""
    confirm(f"Remove the account of {person} for good?", yes=yes)
    with opened() as issuer:
        written(issuer, lambda db: keeping_out.remove(db, issuer, find.chosen(db, person).id, by=CLI))


@command.command()
@click.argument("person")
@stdin_option
def passwd(person: str, password_stdin: bool) -> None:
    """Set a password; everything the person is signed in to ends."""
    with opened() as issuer:
        with issuer.database.reading() as db:
            user_id = find.chosen(db, person).id
        chosen = choose(issuer, typed_secret("New password", from_stdin=password_stdin), user_id)
        written(
            issuer,
            lambda db: keeping_out.reset_password(
                db, issuer, user_id, chosen.phc, by=CLI, stands=chosen.stands
            ),
        )


@command.command()
@click.argument("person")
@json_option
def lock(person: str, as_json: bool) -> None:
    """Keep somebody out for now; everything they are signed in to ends."""
    _act(keeping_out.lock, person, as_json)


@command.command()
@click.argument("person")
@json_option
def unlock(person: str, as_json: bool) -> None:
    """Let somebody in again, also where wrong passwords closed the account."""
    _act(edit.unlock, person, as_json)


@command.command()
@click.argument("person")
@json_option
def disable(person: str, as_json: bool) -> None:
    """Switch an account off; everything it is signed in to ends."""
    _act(keeping_out.disable, person, as_json)


@command.command()
@click.argument("person")
@json_option
def enable(person: str, as_json: bool) -> None:
    """Switch a disabled account on again."""
    _act(edit.enable, person, as_json)


@command.command()
@click.argument("person")
@click.option(
    "--reset", is_flag=True, help="Take every second factor away; all that they are signed in to ends."
)
@stdin_option
@yes_option
@json_option
def factors(person: str, reset: bool, password_stdin: bool, yes: bool, as_json: bool) -> None:
    """Show how somebody signs in beside the password, or with --reset help one who lost it.

    Where a second step is required, a new one is set up at the next sign-in. Elsewhere a password that is too short
    to stand alone must be given anew.
    """
    with opened() as issuer:
        with issuer.database.reading() as db:
            user = find.chosen(db, person)
            needs_password = reset and enrolment.needs_password(db, issuer, user)
        if reset:
            confirm(f"Take every second factor of {person} away?", yes=yes)
            text = typed_secret("New password", from_stdin=password_stdin) if needs_password else ""
            chosen = choose_alone(issuer, text, user.id) if needs_password else None
            written(issuer, lambda db: enrolment.reset(db, issuer, user, chosen, by=CLI))
        with issuer.database.reading() as db:
            echo(enrolment.ways(db, issuer, user), as_json)


command.add_command(invite.command, "invite")


@command.command()
@click.argument("person", required=False)
@options(ExemptionForm, {"reason": "--reason", "days": "--days"})
@click.option("--end", is_flag=True, help="The rules hold for this person again.")
@json_option
def exempt(person: str | None, reason: str | None, days: int | None, end: bool, as_json: bool) -> None:
    """Demand no second factor of PERSON, whatever setting, groups and clients require; or list who is exempt.

    Those who have one are asked for it all the same, and what demands an acr demands it of them too.
    """
    with opened() as issuer:
        if person is None:
            with issuer.database.reading() as db:
                echo(exemptions.every(db, issuer), as_json, columns=EXEMPT_COLUMNS)
            return

        def act(db: Session) -> object:
            user = find.chosen(db, person)
            if end:
                return {"user": user.id, "ended": exemptions.end(db, issuer, user.id, by=CLI)}
            form = read(ExemptionForm, {"reason": reason or "", "days": days})
            return enrolment.exempt(db, issuer, user, form, by=CLI)

        echo(written(issuer, act), as_json)


@command.command()
@click.argument("stays")
@click.argument("goes")
@click.option("--preview", is_flag=True, help="Show what it comes to, and change nothing.")
@yes_option
@json_option
def join(stays: str, goes: str, preview: bool, yes: bool, as_json: bool) -> None:
    """Join the account GOES into the account STAYS, for a person who has two.

    STAYS keeps its sub, its names and how it signs in, and gets the links, and the groups given here, of GOES.
    Everything that GOES is signed in to ends; apps that know it meet a person they do not know, or know otherwise.
    """
    with opened() as issuer:
        with issuer.database.reading() as db:
            one, other = find.chosen(db, stays).id, find.chosen(db, goes).id
            found = one_account.plan(db, issuer, one, other)
        if preview or not yes:
            _show_plan(found, as_json)
        if preview:
            return
        confirm(f"Join the two? {goes} is removed for good.", yes=yes)
        done = written(issuer, lambda db: one_account.join(db, issuer, one, other, by=CLI))
        if yes:
            _show_plan(done, as_json)


def _show_plan(plan: one_account.Plan, as_json: bool) -> None:
    if as_json:
        echo(plan, as_json)
        return
    apps = [f"{each.client_id}{' (knows both)' if each.knows_both else ''}" for each in plan.apps]
    lines = (
        ("stays", f"{_named(plan.stays)}, sub {plan.stays.subject}"),
        ("goes", f"{_named(plan.goes)}, sub {plan.goes.subject}"),
        ("links that move", ", ".join(f"{each.provider}: {each.identity}" for each in plan.links)),
        ("groups it gets", ", ".join(plan.groups)),
        ("e-mail it gets", plan.email or ""),
        ("apps that know the sub that goes", ", ".join(apps)),
        ("sessions that end", str(plan.sessions)),
        ("nobody keeps", ", ".join(plan.lost)),
    )
    for name, value in lines:
        click.echo(f"{name}: {value or 'none'}")


def _named(user: User) -> str:
    return user.email or user.username or user.name or user.id


def _act(act: Any, person: str, as_json: bool) -> None:
    with opened() as issuer:
        done: User = written(issuer, lambda db: act(db, issuer, find.chosen(db, person).id, by=CLI))
    echo(done, as_json)


def _about(db: Session, email: str | None, flags: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
    about = filled(UserForm, flags, dict(given))
    if given["owner"]:
        about["role"] = "owner"
    if email is not None:
        about["email"] = email
        about["email_verified"] = not given["unverified"]
    if given["attributes"]:
        declared = {each.name: each for each in every(db)}
        pairs = (text.partition("=")[::2] for text in given["attributes"])
        about["attributes"] = {name: _value(declared.get(name), value) for name, value in pairs}
    return about


def _value(attribute: Attribute | None, text: str) -> Any:
    """Text as it is; other types as JSON; nothing is null, which removes."""
    if not text:
        return None
    if attribute is None or attribute.type == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
