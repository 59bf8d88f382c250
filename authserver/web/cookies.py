"""Our cookies: their names, their attributes, and nothing else that reads or sets one."""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypedDict

from flask import Flask, Response, request
from werkzeug.sansio.http import parse_cookie
from werkzeug.wrappers import Response as AnyResponse

from authserver.config import Config
from authserver.opaque import digest, new_secret
from authserver.web import here
from authserver.web.context import issuer, settings

SANE = re.compile(r"[A-Za-z0-9_.~-]{1,512}")
DAY = 86_400
RETURNS_WITHIN = 600
BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


class Cookie(Enum):
    """SESSION is who is signed in, BROWSER what a login under way is bound to, DEVICE a browser once known.

    TRUSTED is for a browser in which no second step is asked for some hours. LAST is the provider that somebody came
    by last time.
    """

    SESSION = "as_session"
    BROWSER = "as_browser"
    DEVICE = "as_device"
    TRUSTED = "as_trusted"
    LANG = "as_lang"
    LAST = "as_last"


# By whether there is https.
NAMES: Mapping[bool, Mapping[Cookie, str]] = {
    False: {each: each.value for each in Cookie},
    True: {each: f"__Host-{each.value}" for each in Cookie},
}


def get(cookie: Cookie) -> str | None:
    """The value that came, if it can be one of ours; None in a request whose cookies do not count."""
    kept = here.kept()
    if kept.get("ignores_cookies") and cookie is not Cookie.LANG:
        return None
    came: Mapping[Cookie, str] | None = kept.get("cookies")
    if came is None:
        came = kept.cookies = _came()
    return came.get(cookie)


def handle_reader(config: Config) -> Callable[[str], str | None]:
    """What reads the session's handle in a Cookie header, as get() would, where there is no request of Flask's."""
    name = NAMES[config.secure][Cookie.SESSION]
    # Werkzeug's own grammar for one name, which is all there is to it where nothing is quoted.
    alone = re.compile(rf"(?:\A|;)[ \t]*{name}[ \t]*(?:=[ \t]*([^ \t\";]*)[ \t]*)?(?:;|\Z)").search

    def read(header: str) -> str | None:
        if name not in header:
            return None
        if '"' in header:
            value = parse_cookie(header).get(name)
        else:
            found = alone(header)
            value = None if found is None else found[1]
        return value if value is not None and SANE.fullmatch(value) else None

    return read


def put(response: AnyResponse, cookie: Cookie, value: str, max_age: int | None) -> None:
    """Set a cookie for `max_age` seconds, or until the browser closes."""
    response.set_cookie(_name(cookie), value, max_age=max_age, **_attributes())


def drop(response: AnyResponse, cookie: Cookie) -> None:
    """Expire a cookie by its name, with the attributes that it was set with."""
    response.set_cookie(_name(cookie), "", max_age=0, expires=0, **_attributes())


def get_return() -> str | None:
    """Which departures this browser may come back from. Counts also where another site posts. SA-10."""
    value = request.cookies.get(_return_name())
    return value if value is not None and SANE.fullmatch(value) else None


def put_return(response: AnyResponse, slug: str, value: str, *, cross_site: bool) -> None:
    """Remember departures for one callback alone; only where its provider posts, other sites' forms bring it."""
    secure = issuer().config.secure
    response.set_cookie(
        _return_name(),
        value,
        max_age=RETURNS_WITHIN if value else 0,
        path=f"{request.script_root}/login/upstream/{slug}/callback",
        secure=secure or cross_site,
        httponly=True,
        samesite="None" if cross_site else "Lax",
    )


def sets(line: str, cookie: Cookie) -> bool:
    """Whether a Set-Cookie line is about this cookie."""
    return line.startswith(f"{_name(cookie)}=")


def browser() -> tuple[str, bytes]:
    """The value that this browser is known by and its digest; a new browser is given one with the answer."""
    kept = here.kept()
    found: tuple[str, bytes] | None = kept.get("browser")
    if found is None:
        came = get(Cookie.BROWSER)
        value = came if came is not None and BROWSER.fullmatch(came) else new_secret()
        found = kept.browser = (value, digest(value))
    return found


def install(app: Flask) -> None:
    app.after_request(_renew_browser)


def _renew_browser(response: Response) -> Response:
    found: tuple[str, bytes] | None = here.kept().get("browser")
    if found is not None:
        # A login that took too long proves nothing any more, but its request can be asked again for a day.
        put(response, Cookie.BROWSER, found[0], settings().login_lifetime + DAY)
    return response


def _came() -> Mapping[Cookie, str]:
    """The cookies of this request that can be ours."""
    values = request.cookies
    names = NAMES[issuer().config.secure] if values else {}
    found = {cookie: values[name] for cookie, name in names.items() if name in values}
    return {cookie: value for cookie, value in found.items() if SANE.fullmatch(value)}


def _return_name() -> str:
    return "__Secure-as_return" if issuer().config.secure else "as_return"


def _name(cookie: Cookie) -> str:
    return NAMES[issuer().config.secure][cookie]


class Attributes(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: str


def _attributes() -> Attributes:
    # Without https there is no Secure: browsers differ on whether http://localhost may set such a cookie.
    return {"path": "/", "secure": issuer().config.secure, "httponly": True, "samesite": "Lax"}
