"""Reading again what providers publish, such as SAML metadata; what was read last stands until it succeeds. SA-8."""

import logging

from authserver import metrics
from authserver.audit import SYSTEM
from authserver.errors import AuthserverError
from authserver.issuer import Issuer
from authserver.store import retrying
from authserver.upstream import configure, find
from authserver.upstream.configure import Draft
from authserver.upstream.contract import Upstream
from authserver.upstream.exchange import exchange
from authserver.upstream.provider import Provider

log = logging.getLogger(__name__)


def refresh_providers(issuer: Issuer) -> dict[str, str]:
    """Read what each provider publishes now; returns how it went, by slug. What should worry an admin is counted."""
    done = {}
    for provider in find.live(issuer).every:
        if provider.status == "disabled":
            continue
        for warning in provider.kind.warnings(provider.config, issuer.clock()):
            log.warning("provider %s: %s", provider.slug, warning)
            metrics.count("upstream_warnings", provider=provider.slug)
        if type(provider.kind).refreshed is not Upstream.refreshed:
            done[provider.slug] = _refresh(issuer, provider)
            metrics.count("upstream_refreshes", provider=provider.slug, result=done[provider.slug])
    return done


def _refresh(issuer: Issuer, provider: Provider) -> str:
    try:
        with exchange(issuer, provider) as http:
            draft = configure.refreshed(issuer, provider, http)
        if draft is None:
            return "same"
        retrying(lambda: _save(issuer, draft))
        issuer.revisions.forget()
    except AuthserverError as error:
        said = getattr(error, "detail", "") or str(error)
        log.warning("provider %s goes on with what was read last: %s", provider.slug, said)
        return "failed"
    return "changed"


def _save(issuer: Issuer, draft: Draft) -> None:
    with issuer.database.writing() as db:
        configure.edit(db, issuer, draft, by=SYSTEM)
