"""`authserver users invite`: mail somebody a link that makes their account."""

from typing import Any

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import filled, options, written
from authserver.login import inviting
from authserver.login.inviting import InvitationForm
from authserver.store import Session

FLAGS = {"app": "--app", "groups": "--group", "locale": "--locale"}
COLUMNS = ("id", "email", "app", "groups", "made_by", "expires_at")


@click.command()
@click.argument("email", required=False)
@options(InvitationForm, FLAGS)
@click.option("--withdraw", is_flag=True, help="The link that was sent to EMAIL makes nothing any more.")
@json_option
def command(email: str | None, withdraw: bool, as_json: bool, **given: Any) -> None:
    """Invite EMAIL to make an account, or list the invitations that nobody took up yet.

    `registration` must not be off. The link works once, and for as long as `invitation_lifetime` says; a newer
    one takes its place.
    """
    with opened() as issuer:
        if email is None:
            with issuer.database.reading() as db:
                echo(inviting.every(db, issuer), as_json, columns=COLUMNS)
            return

        def act(db: Session) -> object:
            if withdraw:
                inviting.withdraw(db, issuer, email, by=CLI)
                return {"email": email, "withdrawn": True}
            return inviting.invite(
                db, issuer, {"email": email, **filled(InvitationForm, FLAGS, given)}, by=CLI
            )

        echo(written(issuer, act), as_json)
