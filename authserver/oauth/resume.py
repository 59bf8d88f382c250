"""Where a request stands when its login comes back. AZ-14."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from authserver.authentication import Authentication, Level, Proof, SessionId
from authserver.issuer import Issuer
from authserver.login import transaction
from authserver.oauth.decide import Here
from authserver.oauth.paused import carried
from authserver.sessions.sso import SsoSession
from authserver.store import retrying
from authserver.transaction import Purpose


class Returned(NamedTuple):
    """A login ended in this session, for this request alone: completed by this very call, and by no other."""

    request: Mapping[str, str]
    session: SessionId
    proofs: tuple[Proof, ...]
    level: Level

    def done(self, session: SsoSession) -> Here:
        return self.here(session.authentication) if session.id == self.session else Here()

    def here(self, authentication: Authentication) -> Here:
        """What was done for the request. A login without a proof is a choice of who is signed in already.

        The login's first proof is the session's first one exactly if it was a whole sign-in, not a step-up.
        """
        before = carried(self.request, self.session)
        return Here(
            signed_in=before.signed_in or authentication.proofs[0] in self.proofs,
            chose_account=before.chose_account or not self.proofs,
            asked=self.level if self.proofs else Level.PWD,
        )


class Anew(NamedTuple):
    """Nothing was proved for this request, or it was used up: it is decided like one that just arrived."""

    request: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Its login has more to show."""


def take_up(issuer: Issuer, tx: str, browser: bytes) -> Returned | Anew | Unfinished | None:
    """Take up what waited, once, in the browser that it is bound to; None for what is not this browser's."""
    if not transaction.ID.fullmatch(tx):
        stale = transaction.open_stale(issuer, tx, browser)
        return (
            None if stale is None or stale.purpose is not Purpose.AUTHORIZE else Anew(request=stale.request)
        )
    resumed = retrying(lambda: _resume(issuer, tx, browser))
    if resumed is not None:
        return Returned(
            request=resumed.request, session=resumed.session, proofs=resumed.proofs, level=resumed.level
        )
    with issuer.database.reading() as db:
        row = transaction.find_row(db, tx, browser)
    if row is None or row.tx.purpose is not Purpose.AUTHORIZE:
        return None
    waits = row.tx.session is None and not row.is_over and issuer.clock() < row.tx.expires_at
    return Unfinished() if waits else Anew(request=row.tx.request)


def _resume(issuer: Issuer, tx: str, browser: bytes) -> transaction.Resumed | None:
    # Once means once here, too; a power cut may let the same browser come back once more, for a code as good.
    with issuer.database.writing_fast() as db:
        return transaction.resume(db, tx, browser, issuer.clock())
