"""What is counted. Nothing happens here until an exporter listens, so that counting costs nothing without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter's sentence and its labels; the values of a label are few, and never what a stranger sent."""

    sentence: str
    labels: tuple[str, ...] = ()


COUNTERS: Mapping[str, Counted] = {
    "requests": Counted("Requests answered.", ("endpoint", "status")),
    "tokens_issued": Counted("Token responses that were successful.", ("grant",)),
    "events": Counted("Audit events, such as sign_in, sign_in_failed, refresh_reused.", ("event",)),
    "refusals": Counted("Refusals, each with a reference that `authserver explain` knows.", ("code",)),
    "database_errors": Counted("Units of work that the database broke off.", ("kind",)),
    "mails": Counted("Mails: sent, later, failed, and texts that are broken.", ("result",)),
    "upstream_exchanges": Counted(
        "Exchanges with providers: ok, declined, distrusted, down, busy, resting.", ("provider", "result")
    ),
    "upstream_refreshes": Counted(
        "Readings of what providers publish: same, changed, failed.", ("provider", "result")
    ),
    "upstream_warnings": Counted(
        "Warnings of a provider that the job came across, such as a certificate that ends soon.",
        ("provider",),
    ),
    "logout_notices": Counted("Apps told of the end of a session: told, later, failed.", ("result",)),
    "jobs": Counted("Background jobs that ran on this node.", ("job", "result")),
}


class Exporter(Protocol):
    def count(self, name: str, labels: Mapping[str, str]) -> None: ...

    def observe(self, endpoint: str, status: int, seconds: float) -> None: ...


class _Nobody:
    def count(self, name: str, labels: Mapping[str, str]) -> None: ...

    def observe(self, endpoint: str, status: int, seconds: float) -> None: ...


_exporter: Exporter = _Nobody()


def export_to(exporter: Exporter) -> None:
    """Count for this exporter from now on; once in the life of a process."""
    global _exporter  # noqa: PLW0603
    _exporter = exporter


def count(name: str, /, **labels: str) -> None:
    """Count one more of something in the catalogue."""
    _exporter.count(name, labels)


def observe(endpoint: str, status: int, seconds: float) -> None:
    """Count a request that was answered, and how long that took; `endpoint` is a name, never a path."""
    _exporter.observe(endpoint, status, seconds)
