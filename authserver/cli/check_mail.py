"""What can be wrong with mail, each with what to do; a part of `doctor`."""

from collections.abc import Iterator
from datetime import timedelta

from authserver.cli.checks import Finding
from authserver.issuer import Issuer
from authserver.mail import outbox, templates, transports
from authserver.mail.transports import NotNow

PATIENCE = 5.0
STUCK_AFTER = timedelta(minutes=10)
ABOUT = "mail"


def mail_findings(issuer: Issuer) -> Iterator[Finding]:
    """Look at the mail server, the queue, and texts that were replaced."""
    yield from _server(issuer)
    yield from _queue(issuer)
    for sentence in templates.trouble(issuer):
        remedy = "Correct it; until then the text of the file, or ours, is sent."
        yield Finding(about=ABOUT, level="warning", what=sentence, remedy=remedy)


def _server(issuer: Issuer) -> Iterator[Finding]:
    server = transports.of(issuer)
    if server is None:
        shown = "mails are shown on /dev/mail alone" if issuer.config.is_development else "no mail leaves"
        yield Finding(
            about=ABOUT,
            level="ok" if issuer.config.is_development else "warning",
            what=f"There is no mail server: {shown}.",
            remedy=""
            if issuer.config.is_development
            else "`authserver settings set smtp_host NAME`, then smtp_user and smtp_password; docs/guide/mail.md.",
        )
        return
    try:
        with server.connected(PATIENCE):
            pass
    except NotNow as error:
        yield Finding(
            about=ABOUT,
            what=f"{server.host}:{server.port} takes no mail from here: {error}",
            remedy="Correct smtp_host, smtp_port, smtp_tls, smtp_user, smtp_password or smtp_ca_file in the settings.",
        )
        return
    yield Finding(
        about=ABOUT, level="ok", what=f"{server.host}:{server.port} takes mails from {server.sender}"
    )


def _queue(issuer: Issuer) -> Iterator[Finding]:
    with issuer.database.reading() as db:
        counts = outbox.counts(db)
    failed, _ = counts.get("failed", (0, None))
    waiting, oldest = counts.get("waiting", (0, None))
    if failed:
        yield Finding(
            about=ABOUT,
            level="warning",
            what=f"Mails were given up in the last week: {failed}.",
            remedy="`authserver mail list --state failed` says why, `authserver mail retry --all` tries them again.",
        )
    if oldest is not None and issuer.clock() - oldest > STUCK_AFTER:
        yield Finding(
            about=ABOUT,
            level="warning",
            what=f"Mails wait for a server or a worker: {waiting}, the oldest since {oldest:%Y-%m-%d %H:%M} UTC.",
            remedy="`authserver mail list --state waiting` says why; see that `authserver work` runs, or `background`.",
        )
