"""`authserver mail`: mails that wait, those that failed, and whether one gets out."""

import click

from authserver.audit import record
from authserver.audit.events import MailTested
from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import written
from authserver.errors import NotFound, Refusal
from authserver.issuer import Issuer
from authserver.mail import compose, languages, outbox, templates, transports
from authserver.mail.transports import Never, NotNow
from authserver.opaque import new_id
from authserver.users.names import email_problem

COLUMNS = ("id", "template", "to", "state", "attempts", "created_at", "next_at", "last_error")
TESTED_WITHIN = 5.0


@click.group()
def command() -> None:
    """Mails that wait or failed, and a test. What they say is not shown: links and codes are secrets."""


@command.command("list")
@click.option("--state", type=click.Choice(("waiting", "sent", "failed")), help="Only those.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_(state: str | None, limit: int, as_json: bool) -> None:
    """List mails of the last week, the newest first."""
    with opened() as issuer, issuer.database.reading() as db:
        found = outbox.kept(db, state=state, limit=limit)
    echo([{name: getattr(each, name) for name in COLUMNS} for each in found], as_json, columns=COLUMNS)


@command.command()
@click.argument("mail_id", required=False)
@click.option("--all", "all_", is_flag=True, help="Every mail that failed and still has its content.")
@json_option
def retry(mail_id: str | None, all_: bool, as_json: bool) -> None:
    """Deliver a mail that failed, or that waits for its next attempt, now."""
    if (mail_id is None) is not all_:
        raise click.UsageError("Name a mail of `authserver mail list`, or give --all.")
    with opened() as issuer:
        if mail_id is None:
            with issuer.database.reading() as db:
                chosen = [each.id for each in outbox.kept(db, state="failed", limit=1000)]
        else:
            chosen = [mail_id]
        done = written(issuer, lambda db: [each for each in chosen if outbox.retry(db, issuer, each)])
    if mail_id is not None and not done:
        raise NotFound("There is no such mail to deliver; what was sent, or is under way, is not sent again.")
    echo({"retried": len(done)}, as_json)


@command.command()
@click.argument("address")
@click.option("--locale", help="Such as de.")
@json_option
def test(address: str, locale: str | None, as_json: bool) -> None:
    """Send a mail to ADDRESS now, past the queue, and say how it went."""
    if email_problem(address):
        raise Refusal(email_problem(address) or "", code="invalid")
    with opened() as issuer:
        trouble = _try(issuer, address, locale)
        event = MailTested(is_taken=trouble is None)
        written(issuer, lambda db: record(db, event, by=CLI, at=issuer.clock()))
    if trouble is not None:
        raise Refusal(trouble, code="mail")
    echo({"taken_by": issuer.settings.smtp_host, "from": compose.sender(issuer), "to": address}, as_json)


def _try(issuer: Issuer, address: str, locale: str | None) -> str | None:
    """What went wrong; None when the server took it."""
    server = transports.of(issuer)
    if server is None:
        return "There is no mail server: `authserver settings set smtp_host NAME` names one."
    now = issuer.clock()
    said = templates.write(issuer, "test", languages.spoken(issuer, locale), {"at": now})
    message = compose.compose(issuer, said, to=address, id_=new_id(), at=now)
    try:
        with server.connected(TESTED_WITHIN) as line:
            line.send(message, compose.reachable(address))
    except (NotNow, Never) as error:
        return f"{server.host}:{server.port} did not take it: {error}"
    return None
