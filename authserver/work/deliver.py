"""Delivering what the outbox holds: on every node, each mail by one of them at a time, beside all other work."""

import logging
from contextlib import ExitStack
from email.message import EmailMessage
from typing import ClassVar

from authserver.mail import compose, outbox, transports
from authserver.mail.outbox import Mail
from authserver.mail.transports import Line, Never, NotNow
from authserver.store import retrying
from authserver.vault import CannotOpen
from authserver.work.rounds import Rounds

log = logging.getLogger(__name__)
AT_ONCE = 100  # mails over one connection


class Shown:
    """Where development sends mails without a mail server: nowhere, for a page shows them."""

    def send(self, message: EmailMessage, to: str) -> None: ...


class Delivery(Rounds):
    """Hands mails that are due to the mail server."""

    name: ClassVar[str] = "mail"

    def round(self) -> int:
        """Deliver what is due now; returns for how many mails it was tried."""
        issuer, tried = self.issuer, 0
        if not outbox.can_send(issuer):
            return 0
        with ExitStack() as stack:
            line: Line | None = None
            while tried < AT_ONCE and not self.stopped.is_set():
                mail = self._next()
                if mail is None:
                    break
                tried += 1
                try:
                    line = line or self._line(stack)
                    self._hand_over(line, mail)
                except NotNow as error:
                    # This server takes nothing now: the others need not find that out one by one.
                    self._note(mail, error)
                    break
        return tried

    def _next(self) -> Mail | None:
        issuer = self.issuer
        with issuer.database.reading() as db:
            if not outbox.is_due(db, issuer):
                return None

        def take() -> Mail | None:
            with issuer.database.writing() as db:
                outbox.expire(db, issuer)
                return outbox.lease(db, issuer)

        return retrying(take)

    def _line(self, stack: ExitStack) -> Line:
        server = transports.of(self.issuer)
        return Shown() if server is None else stack.enter_context(server.connected())

    def _hand_over(self, line: Line, mail: Mail) -> None:
        try:
            written = outbox.write(self.issuer, mail)
            message = compose.compose(self.issuer, written, to=mail.to, id_=mail.id, at=mail.created_at)
            line.send(message, compose.reachable(mail.to))
        except (Never, CannotOpen) as error:
            self._note(mail, error)
            return
        self._note(mail, None)

    def _note(self, mail: Mail, error: Exception | None) -> None:
        """Write down what became of it, at once: until then another attempt would be made after the lease."""
        issuer = self.issuer

        def note() -> None:
            with issuer.database.writing() as db:
                if error is None:
                    outbox.sent(db, issuer, mail)
                elif isinstance(error, NotNow):
                    outbox.again(db, issuer, mail, str(error))
                else:
                    outbox.failed(db, issuer, mail, str(error))

        if error is not None:
            log.warning("the mail %s was not delivered at attempt %d: %s", mail.template, mail.attempt, error)
        retrying(note)
