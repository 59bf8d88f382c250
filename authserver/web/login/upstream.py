"""To a provider and back: what comes back is bound to the browser that left, and used once."""

from urllib.parse import urlsplit

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound, Refusal, TooMany
from authserver.login import arrival, directory, trip
from authserver.login.arrival import Outcome, Stranger
from authserver.login.completion import Entered
from authserver.login.requirements import Show
from authserver.login.steps import Moved, Proved
from authserver.login.trip import Back, Errand, Trip, Trouble, Turned
from authserver.opaque import same
from authserver.upstream import trial
from authserver.upstream.contract import Departure, Down, PasswordUpstream
from authserver.upstream.exchange import Busy
from authserver.upstream.find import live
from authserver.upstream.provider import Provider
from authserver.web import cookies, headers
from authserver.web.context import actor, issuer, request_id
from authserver.web.guards import Guard, demands
from authserver.web.login import elsewhere, providers, show, visit
from authserver.web.login.visit import Under
from authserver.web.pages import SignInState, render
from authserver.web.pages_upstream import Leaving

blueprint = Blueprint("upstream", __name__, url_prefix="/login/upstream")
LONGEST_STATE = 80
MOST_STATES = 4
APART = "~"
WEB = {"https", "http"}


@blueprint.post("/<slug>")
@demands(Guard.BROWSER_POST)
def begin(slug: str) -> Response:
    """Leave for a provider; the login waits here."""
    under = visit.under_way()
    if under is None:
        return show.over()
    if under.tx.session is not None:
        return visit.onwards(under.tx)
    found = next((each for each in providers.offered(under.tx) if each.slug == slug), None)
    return leave(under, found, request.form.get("username", ""))


def leave(under: Under, provider: Provider | None, typed: str) -> Response:
    """To the provider, or back to the sign-in page with why not."""
    if provider is None or not provider.is_active:
        return _back(under.value, Trouble.OFF, None)
    if isinstance(provider.kind, PasswordUpstream):
        return _asked_here(under, provider, typed)
    left = trip.new_trip(
        issuer(),
        provider,
        Errand.SIGN_IN,
        tx=under.value,
        tx_id=under.tx.id,
        browser=cookies.browser()[1],
        fresh=providers.asks_anew(under.tx),
        remembered=show.keeps(request.form),
    )
    hint = typed if "@" in typed else under.tx.request.get("login_hint", "")
    return depart(provider, left, hint)


def _asked_here(under: Under, provider: Provider, typed: str) -> Response:
    """A directory is asked with what was typed on our page; who is right goes on as if they came back from there."""
    tx = under.tx._replace(remembered=show.keeps(request.form))
    password = request.form.get("password", "")
    if not password:
        return render(show.sign_in(under))
    try:
        outcome = directory.check(issuer(), provider, tx, typed, password, visit.visitor())
    except TooMany as closed:
        return render(show.sign_in(under, SignInState.LIMITED, closed.retry_after))
    except Down as down:
        trouble = Trouble.BUSY if isinstance(down, Busy) else Trouble.DOWN
        refusal = Refusal(
            "The directory is down.", code=f"upstream_{trouble}", detail=str(down), rule="upstream.down"
        )
        left = trip.new_trip(
            issuer(), provider, Errand.SIGN_IN, tx=under.value, tx_id=tx.id, browser=cookies.browser()[1]
        )
        return turned_back(Turned(trouble=trouble, refusal=refusal, provider=provider, trip=left))
    match outcome:
        case directory.Wrong(public=public):
            return render(show.sign_in(under, None if public else SignInState.WRONG, said=public))
        case Turned():
            return _noted(under, outcome)
        case _:
            return visit.go("/login/arrival", tx=under.value)


def depart(provider: Provider, left: Trip, login_hint: str = "") -> Response:
    """Write down that somebody leaves, and send them. Raises TooMany."""
    asked = issuer()
    wait = asked.limiter.failures(actor().ip) or asked.limiter.spend("departure", actor().ip)
    if wait is not None:
        raise TooMany("Too many sign-ins began in your network.", retry_after=wait, rule="departures")
    try:
        departure, state = trip.depart(asked, provider, left, login_hint=login_hint[:254])
    except Down as down:
        trouble = Trouble.BUSY if isinstance(down, Busy) else Trouble.DOWN
        refusal = Refusal(
            "The provider is down.", code=f"upstream_{trouble}", detail=str(down), rule="upstream.down"
        )
        return turned_back(Turned(trouble=trouble, refusal=refusal, provider=provider, trip=left))
    except Refusal as refusal:
        return turned_back(Turned(trouble=Trouble.DISTRUSTED, refusal=refusal, provider=provider, trip=left))
    return _leaving(provider, departure, state)


@blueprint.route("/<slug>/callback", methods=["GET", "POST"])
@demands(Guard.CROSS_SITE)
def come_back(slug: str) -> Response:
    """Somebody comes back: in the browser that left, once. UP-3, UP-4, SA-10."""
    given = request.form if request.method == "POST" else request.args
    states = _states()
    params = {name: given[name] for name in given if len(given.getlist(name)) == 1}
    state = (params.get("state") or params.get("RelayState") or "")[:LONGEST_STATE]
    if not state and states and not params:
        # ORCID reports errors behind "#", where no server sees them. OI-5.
        state = states[0]
    if not any(same(state, each) for each in states):
        refusal = Refusal("This sign-in did not begin in this browser.", rule="upstream.browser")
        return turned_back(Turned(trouble=Trouble.LATE, refusal=refusal))
    found = trip.come_back(issuer(), slug, state, request.method, params)
    answer = turned_back(found) if isinstance(found, Turned) else _arrived(found)
    cookies.put_return(
        answer, slug, APART.join(each for each in states if each != state), cross_site=_posts(slug)
    )
    return answer


@blueprint.get("/<slug>/metadata")
@demands(Guard.OPEN)
def metadata(slug: str) -> Response:
    """What this provider must know of us, where its kind publishes that."""
    asked = issuer()
    provider = live(asked).by_slug(slug)
    document = provider.kind.publish(provider.config, trial.probe(asked, provider)) if provider else None
    if document is None:
        raise NotFound("There is nothing at this address.", detail=f"{slug} publishes nothing")
    return Response(document.body, mimetype=document.content_type)


def turned_back(turned: Turned) -> Response:
    """To the sign-in page, which says what happened and has other ways in; the login that waits is kept."""
    asked, left = issuer(), turned.trip
    # The callback of a POST has no cookie that counts, so nothing here may look for one.
    arrival.note(asked, turned, actor())
    reference = asked.refusals.note(
        turned.refusal,
        step=f"{request.method} {request.url_rule}",
        client=None,
        person=left.user if left else None,
        request_id=request_id(),
    )
    if left is not None and left.errand is Errand.LINK:
        return visit.go("/account/factors", trouble=turned.trouble, by=_slug(turned), ref=reference)
    if left is not None and left.errand is Errand.TRIAL:
        why = f"{turned.refusal.rule}: {turned.refusal.detail}"[:500]
        return visit.go(f"/login/upstream/{_slug(turned)}/trial/done", why=why)
    return _back(left.tx if left else "", turned.trouble, turned.provider, reference)


def shown(under: Under, outcome: Outcome) -> Response:
    """What comes after an arrival was looked at."""
    match outcome:
        case Entered():
            return visit.entered(outcome)
        case Proved():
            return visit.to_shown(outcome.show, outcome.tx.id)
        case Stranger():
            return render(elsewhere.new_here(under, outcome))
        case Turned():
            return _noted(under, outcome)
        case Moved(show=Show() as where):
            return visit.to_shown(where, under.value)
        case _:
            return visit.go("/login", tx=under.value)


def _noted(under: Under, turned: Turned) -> Response:
    reference = issuer().refusals.note(
        turned.refusal,
        step=f"{request.method} {request.url_rule}",
        client=under.tx.request.get("client_id"),
        person=None,
        request_id=request_id(),
    )
    return _back(under.value, turned.trouble, turned.provider, reference)


def _arrived(found: Back) -> Response:
    refused = arrival.keep(issuer(), found)
    if refused is not None:
        return turned_back(refused)
    match found.trip.errand:
        case Errand.LINK:
            return visit.go("/login/join", tx=found.trip.tx_id)
        case Errand.TRIAL:
            return visit.go(f"/login/upstream/{found.provider.slug}/trial/done", tx=found.trip.tx_id)
        case _:
            return visit.go("/login/arrival", tx=found.trip.tx)


def _leaving(provider: Provider, departure: Departure, state: str) -> Response:
    parts = urlsplit(departure.url)
    if parts.scheme not in WEB:
        raise ValueError(f"{provider.slug} leads to {parts.scheme}:")
    posts = departure.form is not None
    if posts:
        headers.allow_form_action(f"{parts.scheme}://{parts.netloc}")
    fields = tuple((departure.form or {}).items())
    answer = render(Leaving(title=provider.title, url=departure.url, posts=posts, fields=fields))
    states = APART.join((state, *_states())[:MOST_STATES])
    cookies.put_return(answer, provider.slug, states, cross_site=_posts(provider.slug))
    return answer


def _posts(slug: str) -> bool:
    provider = live(issuer()).by_slug(slug)
    return provider is not None and bool(getattr(provider.kind, "posts_back", False))


def _states() -> list[str]:
    return [each for each in (cookies.get_return() or "").split(APART) if each]


def _slug(turned: Turned) -> str:
    return turned.provider.slug if turned.provider else ""


def _back(tx: str, trouble: Trouble, provider: Provider | None, reference: str = "") -> Response:
    query = {"tx": tx, "trouble": trouble.value, "by": provider.slug if provider else "", "ref": reference}
    return visit.go("/login", **{name: value for name, value in query.items() if value})
