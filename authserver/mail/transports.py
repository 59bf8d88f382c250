"""The way to the mail server: TLS with a certificate that was checked, and nobody waits forever."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal, Protocol
from urllib.parse import urlsplit

from authserver.issuer import Issuer
from authserver.mail.compose import sender

PATIENCE = 10.0
REFUSED_FOR_GOOD = 500
LONGEST_ANSWER = 200


class NotNow(Exception):
    """The mail was not taken, and may be later."""


class Never(Exception):
    """The mail will not be taken by this server, as it is."""


class Line(Protocol):
    """A connection that takes mails."""

    def send(self, message: EmailMessage, to: str) -> None:
        """Hand a mail over: after this it is the server's. Raises NotNow or Never."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A mail server, as the settings name it."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str
    password: str = field(repr=False)
    ca_file: str
    name: str  # what we call ourselves
    sender: str

    @contextmanager
    def connected(self, patience: float = PATIENCE) -> Iterator[Line]:
        try:
            server = self._opened(patience)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotNow(said(error)) from error
        try:
            yield SmtpLine(server, self.sender)
        finally:
            _close(server)

    def _opened(self, patience: float) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, self.name, timeout=patience, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, self.name, timeout=patience)
        try:
            if self.tls == "starttls":
                server.starttls(context=context)  # raises where the server knows no STARTTLS: never in clear
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


@dataclass(frozen=True, slots=True)
class SmtpLine:
    server: smtplib.SMTP
    sender: str

    def send(self, message: EmailMessage, to: str) -> None:
        try:
            self.server.send_message(message, self.sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[to]
            raise _refusal(code, answer) from error
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Never(said(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotNow(said(error)) from error


def of(issuer: Issuer) -> Smtp | None:
    """The mail server of the settings in force; None where none is named."""
    settings = issuer.settings
    if not settings.smtp_host:
        return None
    return Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        ca_file=settings.smtp_ca_file,
        name=urlsplit(issuer.url).hostname or "localhost",
        sender=sender(issuer),
    )


def said(error: Exception) -> str:
    """What went wrong, for the operator."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(error.smtp_code, error.smtp_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return f"{type(error).__name__}: {error}"[:LONGEST_ANSWER]


def _refusal(code: int, answer: bytes | str) -> NotNow | Never:
    kind = Never if code >= REFUSED_FOR_GOOD else NotNow
    return kind(_answered(code, answer))


def _answered(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    return f"the server said {code} {' '.join(text.split())}"[:LONGEST_ANSWER]


def _close(server: smtplib.SMTP) -> None:
    """Say goodbye; whatever was handed over stays so."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()
