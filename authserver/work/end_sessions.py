"""Sessions that reached their absolute end are ended, so that their apps are told. LO-4, SS-2."""

from authserver.audit import SYSTEM
from authserver.issuer import Issuer
from authserver.sessions import ending, sso
from authserver.store import retrying


def end_sessions(issuer: Issuer) -> int:
    """End each in a transaction of its own; returns how many. Nothing reads them any more, ended or not."""
    count = 0
    while found := _some(issuer):
        count += sum(retrying(lambda each=each: _end(issuer, each)) for each in found)  # type: ignore[misc]
    return count


def _some(issuer: Issuer) -> tuple[str, ...]:
    with issuer.database.reading() as db:
        return sso.over(db, issuer.clock())


def _end(issuer: Issuer, session_id: str) -> bool:
    with issuer.database.writing() as db:
        return ending.end(db, issuer, session_id, reason="expired", by=SYSTEM, now=issuer.clock())
