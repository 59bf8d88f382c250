"""Accounts elsewhere by which one signs in here: added by proof of both, and removed but for the last way in. UP-5."""

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound
from authserver.login import joining, trip
from authserver.login.joining import Held
from authserver.login.trip import Errand
from authserver.sessions.sso import SsoSession
from authserver.upstream.contract import RedirectUpstream
from authserver.upstream.find import live
from authserver.web import cookies
from authserver.web.account import show
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.login import providers, upstream, visit
from authserver.web.pages import Done, render
from authserver.web.pages_factors import LinkRemove, LinkShown
from authserver.web.pages_upstream import Elsewhere, ProviderWay

blueprint = Blueprint("links", __name__, url_prefix="/account/links")
HERE = "/account/factors"


@blueprint.post("/<slug>")
@demands(Guard.FRESH)
def add(slug: str) -> Response:
    """Leave for a provider, to come back with an identity that is then linked after both names were shown."""
    asked, session = issuer(), _session()
    provider = live(asked).by_slug(slug)
    if provider is None or not provider.is_active or not isinstance(provider.kind, RedirectUpstream):
        raise NotFound("There is no such provider.", detail=f"{slug} cannot be linked")
    carrier = visit.sign_in(HERE)
    left = trip.new_trip(
        asked,
        provider,
        Errand.LINK,
        tx=carrier.value,
        tx_id=carrier.tx.id,
        browser=cookies.browser()[1],
        user=session.user,
    )
    return upstream.depart(provider, left)


@blueprint.get("/remove")
@demands(Guard.FRESH)
def confirm_removal() -> Response:
    """Say what stops, and ask once more."""
    held = _held(request.args.get("link", ""))
    if held.is_last:
        return visit.go(HERE)
    return render(
        LinkRemove(**show.base(), link=shown(held), action=f"/account/links/remove?link={held.link.id}")
    )


@blueprint.post("/remove")
@demands(Guard.FRESH)
def remove() -> Response:
    """Remove it, with what came by it; the last way in stays. UP-10."""
    session = _session()
    joining.unlink(issuer(), session.user, request.args.get("link", ""), by=actor(session))
    return show.done(HERE, Done.UNLINKED)


def of_account(session: SsoSession) -> tuple[tuple[LinkShown, ...], tuple[ProviderWay, ...]]:
    """What is linked, and what can be."""
    asked = issuer()
    with asked.database.reading() as db:
        held = joining.held(db, asked, session.user)
    linked = {each.link.provider_id for each in held}
    more = tuple(
        providers.way(each, None)
        for each in live(asked).active
        if each.id not in linked and isinstance(each.kind, RedirectUpstream)
    )
    return tuple(map(shown, held)), more


def shown(held: Held) -> LinkShown:
    return LinkShown(
        identity=Elsewhere(
            provider=held.title, shown=held.link.shown, page=held.link.page, is_orcid=held.kind == "orcid"
        ),
        linked_at=held.link.linked_at,
        last_used_at=held.link.last_used_at,
        is_active=held.is_active,
        is_last=held.is_last,
        remove_url=f"/account/links/remove?link={held.link.id}",
    )


def _held(link_id: str) -> Held:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        found = next(
            (each for each in joining.held(db, asked, session.user) if each.link.id == link_id), None
        )
    if found is None:
        raise NotFound("There is no such link.", detail=f"no link {link_id!r}")
    return found


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
