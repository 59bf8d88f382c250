"""Pages of development."""

from dataclasses import dataclass
from typing import ClassVar

from authserver.mail.outbox import Kept
from authserver.web.pages_parts import Page


@dataclass(frozen=True, kw_only=True)
class DevMails(Page):
    """Mails, the newest first. `is_sent`: they also went to a server."""

    template: ClassVar[str] = "dev_mails.html"
    mails: tuple[Kept, ...]
    is_sent: bool = False
