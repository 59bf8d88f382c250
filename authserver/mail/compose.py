"""A mail as it travels: plain text and HTML, with headers that nothing written by a person can add to."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlsplit

from authserver.issuer import Issuer
from authserver.mail.languages import Written

ADDRESS = re.compile(r"[^\s\"(),:;<>@\[\\\]\x00-\x1f\x7f]{1,64}@[^\s\"(),:;<>@\[\\\]\x00-\x1f\x7f]{1,253}")
UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\"<>@,;:\\]")


def sender(issuer: Issuer) -> str:
    """The address that our mails come from."""
    return issuer.settings.mail_from or f"no-reply@{urlsplit(issuer.url).hostname}"


def reachable(address: str) -> str:
    """An address as it travels: a domain of other letters in its ASCII form. ValueError for what is none."""
    if not ADDRESS.fullmatch(address):
        raise ValueError("this is not an address that mail can be sent to")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"


def is_reachable(address: str) -> bool:
    """Whether mail can be sent there at all."""
    try:
        reachable(address)
    except ValueError:
        return False
    return True


def compose(issuer: Issuer, written: Written, *, to: str, id_: str, at: datetime) -> EmailMessage:
    """The message. Its id is that of the outbox, so that a mail sent again is known to be the same."""
    own = sender(issuer)
    local, _, domain = own.rpartition("@")
    message = EmailMessage(policy=SMTP.clone(utf8=not to.isascii()))
    name = UNWANTED.sub(" ", issuer.settings.site_name).strip()
    message["From"] = Address(name, local, domain)
    message["To"] = reachable(to)
    message["Subject"] = written.subject
    message["Date"] = at
    message["Message-ID"] = f"<{id_}@{domain}>"
    # RFC 3834: nobody's "out of office" answers this.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(written.text, cte="quoted-printable")
    message.add_alternative(written.html, subtype="html", cte="quoted-printable")
    # After its parts: what is said of the content before moves into the first of them.
    message["Content-Language"] = written.locale
    return message
