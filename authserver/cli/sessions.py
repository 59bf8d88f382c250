"""`authserver sessions`: where people are signed in."""

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import written
from authserver.sessions import keeping_out, sso
from authserver.users import find
from authserver.web.api.shown import session as shown

COLUMNS = ("id", "kind", "device", "ip", "created_at", "last_seen_at", "acr", "clients")


@click.group()
def command() -> None:
    """See where people are signed in, and sign them out. A PERSON is an e-mail address, a user name or an id."""


@command.command("list")
@click.argument("person")
@json_option
def list_(person: str, as_json: bool) -> None:
    """List the devices where somebody is signed in, also where nobody is there and apps still run."""
    with opened() as issuer, issuer.database.reading() as db:
        found = sso.of_user(db, issuer, find.chosen(db, person).id, issuer.clock())
        echo([shown(each, sso.clients_of(db, each.id)) for each in found], as_json, columns=COLUMNS)


@command.command()
@click.argument("session", metavar="SESSION")
def end(session: str) -> None:
    """Sign one device out. Apps that want to know are told."""
    with opened() as issuer:
        written(issuer, lambda db: keeping_out.end_session(db, issuer, session, by=CLI))


@command.command("end-all")
@click.argument("person")
def end_all(person: str) -> None:
    """Sign somebody out everywhere, also where a sign-in is only under way."""
    with opened() as issuer:
        written(issuer, lambda db: keeping_out.end_all(db, issuer, find.chosen(db, person).id, by=CLI))
