"""Whether directories still let in those whom they let in before: asked by a job, never when a token is. LD-5."""

import logging

from authserver.audit import SYSTEM
from authserver.authentication import UserId, proved_by
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.login import providers
from authserver.store import retrying
from authserver.store.upstreams import LET_IN_BY
from authserver.upstream.contract import Denied, Down, PasswordUpstream
from authserver.upstream.exchange import exchange
from authserver.upstream.find import live
from authserver.upstream.provider import Provider

log = logging.getLogger(__name__)
REASON = "directory_closed"


def recheck(issuer: Issuer) -> int:
    """Look everybody up again who is signed in by a directory; how many it does not let in any more.

    A directory that does not answer has said nothing: whoever was not looked up stays, until the next time.
    """
    directories = (each for each in live(issuer).active if isinstance(each.kind, PasswordUpstream))
    return sum(_of(issuer, each) for each in directories)


def _of(issuer: Issuer, provider: Provider) -> int:
    closed = 0
    for user, subject in _let_in(issuer, provider):
        try:
            with exchange(issuer, provider):
                found = provider.kind.standing(provider.config, subject, issuer.clock())  # type: ignore[union-attr]
        except Down as down:
            log.warning("provider %s could not be asked who may stay: %s", provider.slug, down)
            return closed
        except Refusal as refusal:
            log.warning("provider %s: user %s cannot be looked up: %s", provider.slug, user, refusal.detail)
            continue
        if isinstance(found, Denied):
            log.info("provider %s: user %s is signed out: %s", provider.slug, user, found.detail)
            retrying(lambda user=user: _end(issuer, provider, user))  # type: ignore[misc]
            closed += 1
    return closed


def _let_in(issuer: Issuer, provider: Provider) -> list[tuple[UserId, str]]:
    with issuer.database.reading() as db:
        values = {
            "provider": provider.id,
            "now": db.time(issuer.clock()),
            "proof": proved_by(provider.factor),
        }
        return [(UserId(row[0]), row[1]) for row in db.hot(LET_IN_BY, values).fetchall()]


def _end(issuer: Issuer, provider: Provider, user: UserId) -> int:
    with issuer.database.writing() as db:
        return providers.end_all(db, issuer, provider.id, reason=REASON, by=SYSTEM, user=user)
