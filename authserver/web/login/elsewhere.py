"""What the pages on the way to a provider and back show."""

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from authserver.login.arrival import Stranger
from authserver.login.trip import Trouble
from authserver.upstream import linking
from authserver.upstream.contract import Identity
from authserver.upstream.find import live
from authserver.upstream.orcid import Orcid
from authserver.upstream.provider import Provider
from authserver.web import csrf, here
from authserver.web.context import issuer
from authserver.web.login import visit
from authserver.web.login.visit import Under
from authserver.web.pages import Page
from authserver.web.pages_upstream import Elsewhere, LeadOn, NewHere

REFERENCE = re.compile(r"[A-Z0-9]{4}(?:-[A-Z0-9]{4}){1,3}")


NO_TROUBLE: Mapping[str, Any] = {"trouble": "", "by": "", "reference": ""}


def trouble() -> Mapping[str, Any]:
    """Why somebody came back from a provider without being let in, as the address says it."""
    asked = here.query()
    if "trouble" not in asked:
        return NO_TROUBLE
    found = _trouble(asked.get("trouble", ""))
    reference = asked.get("ref", "")
    return {
        "trouble": found.value if found else "",
        "by": title_of(asked.get("by", "")) if found else "",
        "reference": reference if found and REFERENCE.fullmatch(reference) else "",
    }


def new_here(under: Under, stranger: Stranger, errors: Mapping[str, str] | None = None) -> Page:
    """Nobody here has this identity."""
    provider, identity = stranger.arrival.provider, stranger.arrival.identity
    with issuer().database.reading() as db:
        found = linking.mapping_of(db, provider, identity)
    return NewHere(
        here=f"/login/arrival?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action="/login/arrival",
        identity=identity_of(provider, identity),
        makes_account=stranger.makes_account,
        name=request.form.get("name", found.name)[:255],
        email=request.form.get("email", found.email or "")[:254],
        email_known=found.email_believed,
        app=visit.app_of(under.tx),
        errors=errors or {},
    )


def lead_on(under: Under, provider: Provider) -> Page:
    return LeadOn(
        here=f"/login?tx={under.value}",
        csrf_token=csrf.token(),
        tx=under.value,
        action=f"/login/upstream/{provider.slug}",
        title=provider.title,
        others_url=f"/login?tx={under.value}&here=yes",
        app=visit.app_of(under.tx),
    )


def identity_of(provider: Provider, identity: Identity) -> Elsewhere:
    return Elsewhere(
        provider=provider.title,
        shown=identity.shown or identity.subject,
        page=identity.page,
        is_orcid=isinstance(provider.kind, Orcid),
    )


def _trouble(text: str) -> Trouble | None:
    return next((each for each in Trouble if each == text), None) if text else None


def title_of(slug: str) -> str:
    """What a provider is called; looked up, so that an address cannot make a page say something."""
    found = live(issuer()).by_slug(slug)
    return found.title if found else ""
