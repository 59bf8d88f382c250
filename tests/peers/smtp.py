"""A mail server of our own: STARTTLS by a private authority, a password, and every mail it took.

def test_…(world, mail_server):              # the fixture of tests/conftest.py
    world.set(**mail_server.settings())
    …
    world.deliver()                          # what the background does each second
    mail = mail_server.only_mail()           # an EmailMessage; mail_server.mails is all of them
    link = links_of(mail)[0]
"""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.certificates import Certificates, issue
from tests.peers.process import free_port

USER, PASSWORD = "authserver", "correct horse mail"
LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass  # no slots: before Python 3.11.3 aiosmtpd cannot look through a slotted dataclass (gh-102069)
class Sink:
    """What the server does with what comes. `answers` are by recipient, instead of 250."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    data_answer: str = ""
    begun: threading.Event = field(default_factory=threading.Event)
    holds: bool = False  # takes the text of a mail, and says nothing to it
    talking: list[SMTP] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.talking.append(server)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.begun.set()
        if self.holds:
            await server.loop.create_future()
        if self.data_answer:
            return self.data_answer
        content = envelope.original_content or b""
        self.mails.append(message_from_bytes(content, policy=default))  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        self.encrypted.append(session.ssl is not None)
        return "250 taken"


@dataclass(slots=True, kw_only=True)
class MailServer:
    """A running server; `stop` and `start` take it away and give it back, with what it took."""

    certificates: Certificates
    sink: Sink = field(default_factory=Sink)
    port: int = field(default_factory=free_port)
    from_start: bool = False  # TLS from the start, as on port 465
    offers_tls: bool = True
    _controller: Controller | None = None

    @property
    def mails(self) -> list[EmailMessage]:
        return self.sink.mails

    def settings(self) -> dict[str, Any]:
        """The product's settings that lead here; smtp_password is set after smtp_host."""
        return {
            "smtp_host": "localhost",
            "smtp_port": self.port,
            "smtp_tls": "tls" if self.from_start else "starttls",
            "smtp_user": USER,
            "smtp_password": PASSWORD,
            "smtp_ca_file": str(self.certificates.authority),
        }

    def only_mail(self) -> EmailMessage:
        assert len(self.mails) == 1, [mail["Subject"] for mail in self.mails]
        return self.mails[0]

    def start(self) -> None:
        context = self.certificates.server()
        options: dict[str, Any] = {"ssl_context": context} if self.from_start else {}
        if not self.from_start and self.offers_tls:
            options |= {"tls_context": context, "require_starttls": True}
        self._controller = Controller(
            self.sink,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=_is_known,
            # The library does not see that a connection was encrypted from its start.
            auth_required=not self.from_start,
            auth_require_tls=not self.from_start,
            enable_SMTPUTF8=True,
            **options,
        )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            asyncio.run_coroutine_threadsafe(self._hang_up(), self._controller.loop).result(10)
            self._controller.stop()
            self._controller = None

    async def _hang_up(self) -> None:
        """Who is in the middle of something is cut off, as by a server that dies."""
        for server in self.sink.talking:
            if server.transport is not None and not server.transport.is_closing():
                server.transport.abort()
        self.sink.talking.clear()
        await asyncio.sleep(0)

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is away for as long as this lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@contextmanager
def running(folder: Path, **given: Any) -> Iterator[MailServer]:
    """A mail server on loopback whose certificate, for localhost, nobody else trusts."""
    folder.mkdir(parents=True, exist_ok=True)
    server = MailServer(certificates=issue(folder, "localhost"), **given)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def text_of(mail: EmailMessage) -> str:
    """What somebody reads who sees no HTML."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def links_of(mail: EmailMessage) -> list[str]:
    """The links in it, as somebody would follow them."""
    return LINK.findall(text_of(mail))


def _is_known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=right, handled=False)
