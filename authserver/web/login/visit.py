"""What a view of the sign-in is given: the login under way, the browser, and where both lead."""

from typing import NamedTuple
from urllib.parse import urlencode

from flask import redirect
from werkzeug.wrappers import Response

from authserver.authentication import UserId
from authserver.factors.registry import factors
from authserver.login import transaction
from authserver.login.completion import Entered, Visitor
from authserver.login.requirements import Complete, Show
from authserver.login.steps import client_of, facing, step_of
from authserver.oauth.authorize import NAMES
from authserver.oauth.respond import form_target
from authserver.transaction import Purpose, Transaction
from authserver.upstream.find import live
from authserver.users import find
from authserver.web import cookies, here, language, sessions, trust
from authserver.web.context import actor, issuer
from authserver.web.cookies import Cookie
from authserver.web.headers import allow_form_action
from authserver.web.oauth import asking
from authserver.web.pages import App, Person, at
from authserver.web.paths import safe_path

ACCOUNT = "/account"
QUERY = "query"
YEAR = 365 * 86_400
NOBODY = Person()
JOINS = "join"  # in a login's request: what came from a provider waits to be joined to the account


class Under(NamedTuple):
    """A login under way as it travels: `value` is what the next form carries."""

    tx: Transaction
    value: str


def visitor(ends: Transaction | None = None) -> Visitor:
    """The browser that asks. `ends` is the login that may end by this answer, with no page of ours after it."""
    session = sessions.current()
    return Visitor(
        browser=cookies.browser()[1],
        device=cookies.get(Cookie.DEVICE),
        session=session,
        by=actor(session),
        idle=sessions.idle(),
        trust=trust.presented(),
        goes_on=ends is not None and returns_at_once(ends),
    )


def returns_at_once(tx: Transaction) -> bool:
    """Whether a redirect is all that follows from the end of this login: see onwards."""
    by_redirect = tx.request.get("response_mode", QUERY) == QUERY
    return tx.purpose is Purpose.AUTHORIZE and by_redirect and JOINS not in tx.request


def under_way() -> Under | None:
    """The login that this request belongs to; without one a new one, which leads to a page of ours."""
    value = here.form().get("tx") or here.query().get("tx")
    if not value:
        return sign_in(safe_path(here.query().get("return_to")) or ACCOUNT)
    asked, browser = issuer(), cookies.browser()[1]
    with asked.database.reading() as db:
        tx = transaction.load(db, asked, value, browser, asked.clock())
    return None if tx is None else _spoken(Under(tx=tx, value=value))


def late() -> Under | None:
    """A login that is over already, in time for the other half of its double submit. AZ-14."""
    value, asked = here.form().get("tx", ""), issuer()
    tx = transaction.open_sealed(asked, value, cookies.browser()[1], asked.clock())
    return None if tx is None else _spoken(Under(tx=tx, value=value))


def stale() -> Under | None:
    """What stood behind a login that is over, to be started anew; None when it was never this browser's."""
    value = here.form().get("tx") or here.query().get("tx") or ""
    asked, browser = issuer(), cookies.browser()[1]
    tx = transaction.open_stale(asked, value, browser)
    if tx is None:
        with asked.database.reading() as db:
            row = transaction.find_row(db, value, browser) if transaction.ID.fullmatch(value) else None
        tx = row.tx if row else None
    return None if tx is None else anew(tx)


def sign_in(return_to: str, **more: str) -> Under:
    """A login that nobody but the person asked for."""
    return _new(Purpose.SIGN_IN, {"return_to": return_to, **more})


def fresh(return_to: str) -> Under:
    """A login that asks whoever is signed in to prove it again."""
    return _new(Purpose.FRESH, {"return_to": return_to})


def anew(tx: Transaction) -> Under:
    """The same request from its start: what was proved for it before counts no more."""
    asked = issuer()
    now = asked.clock()
    value = transaction.again(asked, tx, now)
    opened = transaction.open_sealed(asked, value, tx.browser, now)
    if opened is None:  # pragma: no cover
        raise LookupError("what was sealed just now does not open")
    return _spoken(Under(tx=opened, value=value))


def standing(tx: Transaction) -> Show | Complete:
    """Where this login is in this browser."""
    asked, session = issuer(), sessions.current()
    with asked.database.reading() as db:
        return step_of(db, asked, facing(tx, session), visitor())


def onwards(tx: Transaction) -> Response:
    """Where a login that has its session leads. WEB-6."""
    return go(way_onwards(tx))


def way_onwards(tx: Transaction) -> str:
    if JOINS in tx.request:
        return f"/login/join?{urlencode({'tx': tx.id})}"
    if tx.purpose is Purpose.AUTHORIZE:
        return f"/oauth/authorize/resume?{urlencode({'tx': tx.id})}"
    return safe_path(tx.request.get("return_to")) or ACCOUNT


def as_new_request(tx: Transaction) -> Response:
    """Let what waited be decided from the start, now that somebody is signed in. AZ-14."""
    if tx.purpose is Purpose.AUTHORIZE:
        return go("/oauth/authorize", **{name: tx.request[name] for name in NAMES & tx.request.keys()})
    return go(safe_path(tx.request.get("return_to")) or ACCOUNT)


def to_step(step: str, value: str) -> Response:
    return go("/login" if step == "password" else f"/login/{step}", tx=value)


def to_shown(show: Show, value: str) -> Response:
    """To the step that comes now, or to the page where people choose one."""
    return go("/login/choose", tx=value) if show.open else to_step(show.step, value)


def go(path: str, /, **query: str) -> Response:
    """See other: a POST with a password is never repeated elsewhere. WEB-6."""
    return redirect(at(f"{path}?{urlencode(query)}" if query else path), code=303)


def entered(outcome: Entered, page: Response | None = None) -> Response:
    """Signed in: only now are there cookies, and the login goes on to what waited for it, or by a page there. SU-1."""
    answer = page or onwards(outcome.tx)
    left = outcome.session.seconds_left(issuer().clock())
    cookies.put(answer, Cookie.SESSION, outcome.handle, left)
    cookies.put(answer, Cookie.DEVICE, outcome.device, YEAR)
    if outcome.trusted is not None:
        cookies.put(answer, Cookie.TRUSTED, outcome.trusted, issuer().settings.trusted_device_lifetime)
    return answer


def app_of(tx: Transaction) -> App | None:
    """The app that the login is for; its answer may end there, so the page's forms may too. WEB-4."""
    client = client_of(issuer(), tx)
    if client is None:
        return None
    to = tx.request.get("redirect_uri", "")
    allow_form_action(form_target(to))
    return asking.app_of(client, to)


def person(user_id: UserId | None = None) -> Person:
    """Somebody as a page shows them: whoever is signed in, or who proved that it is them."""
    session = sessions.current()
    whose = user_id or (session.user if session else None)
    if whose is None:
        return NOBODY
    with issuer().database.reading() as db:
        user = find.load(db, whose)
    return Person(name=user.name, email=user.email or "", username=user.username or "")


def title_of(name: str) -> str:
    """What a factor, or the provider of a proof, is called."""
    provider = next((each for each in live(issuer()).every if each.factor == name), None)
    if provider is not None:
        return provider.title
    factor = factors(issuer()).get(name)
    return factor.prompt.title if factor else name


def _new(purpose: Purpose, asks: dict[str, str]) -> Under:
    asked, browser = issuer(), cookies.browser()[1]
    now = asked.clock()
    value = transaction.seal(asked, purpose=purpose, request=asks, browser=browser, now=now)
    tx = transaction.open_sealed(asked, value, browser, now)
    if tx is None:  # pragma: no cover
        raise LookupError("what was sealed just now does not open")
    return Under(tx=tx, value=value)


def _spoken(under: Under) -> Under:
    """Let the page speak what the app asked for. WEB-9."""
    wished = under.tx.request.get("ui_locales")
    if wished:
        language.prefer(wished)
    return under
