"""Forms come from our own pages: a token bound to the session or the browser, and what the browser says of itself."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from authserver.errors import Refusal
from authserver.sessions.sso import SsoSession
from authserver.vault import b64, unb64
from authserver.web import cookies, here, sessions
from authserver.web.context import issuer
from authserver.web.cookies import Cookie

PURPOSE = "csrf"
FIELD = "csrf_token"
HEADER, IN_ENVIRON = "X-CSRF-Token", "HTTP_X_CSRF_TOKEN"
FORGED = "forged"


class Forged(Refusal):
    """The request does not come from a page of ours, or that page is too old."""

    status = 403

    def __init__(self, detail: str, *, rule: str, value: str = "", nearest: str = "") -> None:
        super().__init__(
            "This page was open for too long, or was not opened here. Go back, load it again and repeat.",
            code=FORGED,
            detail=detail,
            rule=rule,
            value=value,
            nearest=nearest,
        )


def token() -> str:
    """The token for a form of this page: of the session where the page demanded one, else of the browser."""
    session: SsoSession | None = here.kept().get("session")
    return _token(_of_browser() if session is None else _of(session))


def token_of(session: SsoSession) -> str:
    """The token for what a page of this session sends by itself."""
    return _token(_of(session))


def check() -> None:
    """Refuse a request that changes something unless it was sent by a page of ours."""
    _check_where_from()
    sent = here.asked().environ.get(IN_ENVIRON) or here.form().get(FIELD, "")
    if not sent:
        raise Forged("the form carried no csrf_token", rule="csrf_token_missing")
    root, _, text = sent.partition(".")
    mac = unb64(text) if text.isascii() else None
    genuine = issuer().roots.genuine
    if mac is None or not any(genuine(PURPOSE, root, message, mac) for message in _accepted()):
        raise Forged("the csrf_token belongs to another session or browser", rule="csrf_token_foreign")


def check_header() -> None:
    """The same for a program of ours, which sends the token in its header, also where it only reads. WEB-2."""
    if IN_ENVIRON not in here.asked().environ:
        raise Forged(f"the request carried no {HEADER}", rule="csrf_token_missing")
    check()


def _token(message: bytes) -> str:
    root, mac = issuer().roots.mac(PURPOSE, message)
    return f"{root}.{b64(mac)}"


def _accepted() -> Iterator[bytes]:
    """What a token may be bound to: where a session was demanded that session, else the browser or its session."""
    if here.kept().get("session") is None and cookies.get(Cookie.BROWSER):
        yield _of_browser()
    session = sessions.standing()
    if session is not None:
        yield _of(session)


def _of(session: SsoSession) -> bytes:
    # Not of the handle, which a repeated sign-in changes while other tabs have forms open.
    return f"session:{session.id}".encode()


def _of_browser() -> bytes:
    return f"browser:{cookies.browser()[0]}".encode()


def _check_where_from() -> None:
    environ = here.asked().environ
    origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
    # Under `Referrer-Policy: no-referrer` browsers send `Origin: null` with our own forms, so null says nothing.
    if origin not in {None, "null"} and origin != origin_of(issuer().url):
        raise Forged(
            "the form was sent from another origin",
            rule="csrf_origin",
            value=origin or "",
            nearest=f"pages of this server are at {origin_of(issuer().url)}",
        )
    if site not in {None, "same-origin", "none"}:
        raise Forged(
            "the browser says that another site sent the form", rule="csrf_fetch_site", value=site or ""
        )


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
