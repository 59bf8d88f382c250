"""Which providers a login offers, in which order; and the cookies of the way there and back."""

from typing import NamedTuple

from authserver.authentication import UserId
from authserver.errors import Refusal
from authserver.login import providers
from authserver.oauth.authorize import Asked, AuthorizeRequest, read
from authserver.transaction import Purpose, Transaction
from authserver.upstream import linking
from authserver.upstream.contract import PasswordUpstream
from authserver.upstream.exchange import exchanges
from authserver.upstream.find import live
from authserver.upstream.provider import Provider
from authserver.web import cookies
from authserver.web.context import issuer
from authserver.web.cookies import Cookie
from authserver.web.pages_upstream import ProviderWay

SHOWN = 6
MOST_FOUND = 50


class Offered(NamedTuple):
    """The buttons of a sign-in page; `more` are found by searching."""

    ways: tuple[ProviderWay, ...]
    more: int = 0


NONE = Offered(ways=())


def offered(tx: Transaction) -> tuple[Provider, ...]:
    """The providers that this login may go to, in the order of the client, else of the admin."""
    return providers.offered(issuer(), tx)


def ways(tx: Transaction, search: str | None = None) -> Offered:
    """Buttons: the one used last first; over six of them are searched. None has not searched."""
    every = offered(tx)
    if not every:
        return NONE
    last = cookies.get(Cookie.LAST)
    found = sorted(every, key=lambda each: each.slug != last)
    if search is not None:
        wanted = search.strip().casefold()
        found = [each for each in found if wanted in f"{each.title} {each.slug}".casefold()]
        return Offered(
            ways=tuple(way(each, last) for each in found[:MOST_FOUND]), more=len(found[MOST_FOUND:])
        )
    more = len(found) - SHOWN if len(found) > SHOWN else 0
    return Offered(ways=tuple(way(each, last) for each in found[:SHOWN]), more=more)


def of_person(user: UserId) -> tuple[ProviderWay, ...]:
    """The providers that somebody linked, for proving once more who they are."""
    asked = issuer()
    with asked.database.reading() as db:
        linked = {link.provider_id for link in linking.of_user(db, user)}
    last = cookies.get(Cookie.LAST)
    return tuple(way(each, last) for each in live(asked).active if each.id in linked)


def way(provider: Provider, last: str | None) -> ProviderWay:
    return ProviderWay(
        slug=provider.slug,
        title=provider.title,
        used_last=provider.slug == last,
        resting=exchanges(issuer()).is_resting(provider.id),
        asks_here=isinstance(provider.kind, PasswordUpstream),
    )


def hinted(tx: Transaction) -> Provider | None:
    """The provider that the app named by idp_hint, if this login may go there."""
    hint = tx.request.get("idp_hint") if tx.purpose is Purpose.AUTHORIZE else None
    return next((each for each in offered(tx) if each.slug == hint), None) if hint else None


def of_address(tx: Transaction, text: str) -> Provider | None:
    """The provider that a typed address belongs to, if this login may go there."""
    return providers.of_address(issuer(), tx, text)


def asks_anew(tx: Transaction) -> bool:
    """Whether a proof from before would not do: prompt=login, an age, or an account change. UP-11."""
    if tx.asks_anew or tx.purpose is not Purpose.AUTHORIZE:
        return tx.asks_anew
    try:
        request = read(issuer(), Asked(values=tx.request))
    except Refusal:
        return True
    return not isinstance(request, AuthorizeRequest) or request.asks_anew
