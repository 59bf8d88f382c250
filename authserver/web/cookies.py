"""Our cookies: their names, their attributes, and nothing else that reads or sets one."""

import re
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache

from flask import Flask, Response, request
from werkzeug.http import http_date
from werkzeug.sansio.http import parse_cookie
from werkzeug.wrappers import Response as AnyResponse

from authserver.config import Config
from authserver.opaque import digest, new_secret
from authserver.settings.catalogue import Settings
from authserver.web import here
from authserver.web.context import issuer, settings
from authserver.web.told import add

SANE = re.compile(r"[A-Za-z0-9_.~-]{1,512}")
DAY = 86_400
RETURNS_WITHIN = 600
BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


class Cookie(StrEnum):
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


Reader = Callable[[str], str | None]

# By whether there is https.
NAMES: Mapping[bool, Mapping[Cookie, str]] = {
    False: {each: each.value for each in Cookie},
    True: {each: f"__Host-{each.value}" for each in Cookie},
}


# Without https there is no Secure: browsers differ on whether http://localhost may set such a cookie.
ATTRIBUTES: Mapping[bool, str] = {
    False: "; HttpOnly; Path=/; SameSite=Lax",
    True: "; Secure; HttpOnly; Path=/; SameSite=Lax",
}


def get(cookie: Cookie) -> str | None:
    """The value that came, if it can be one of ours; None in a request whose cookies do not count."""
    kept = here.kept()
    if "ignores_cookies" in kept and cookie is not Cookie.LANG:
        return None
    values: dict[Cookie, str | None] | None = kept.get("cookies")
    if values is None:
        header: str = here.asked().environ.get("HTTP_COOKIE", "")
        readers = READERS[issuer().config.secure] if header else {}
        values = kept["cookies"] = {each: read(header) for each, read in readers.items()}
    return values.get(cookie)


def _reader(name: str) -> Reader:
    """What finds this cookie in a Cookie header."""
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


# By whether there is https, too. What comes is looked for in the header, also where there is no request of Flask's.
READERS: Mapping[bool, Mapping[Cookie, Reader]] = {
    secure: {cookie: _reader(name) for cookie, name in names.items()} for secure, names in NAMES.items()
}


def line(config: Config, cookie: Cookie, value: str, max_age: int | None) -> str:
    """What Set-Cookie says, for `max_age` seconds or until the browser closes."""
    if not SANE.fullmatch(value):
        raise ValueError(f"{cookie} would not be read again")
    until = "" if max_age is None else f"; Expires={_date(int(time.time()) + max_age)}; Max-Age={max_age}"
    return f"{NAMES[config.secure][cookie]}={value}{until}{ATTRIBUTES[config.secure]}"


def put(response: AnyResponse, cookie: Cookie, value: str, max_age: int | None) -> None:
    """Set a cookie for `max_age` seconds, or until the browser closes."""
    add(response, (("Set-Cookie", line(issuer().config, cookie, value, max_age)),))


def drop(response: AnyResponse, cookie: Cookie) -> None:
    """Expire a cookie by its name, with the attributes that it was set with."""
    gone = f"=; Expires={http_date(0)}; Max-Age=0{ATTRIBUTES[issuer().config.secure]}"
    response.headers.add("Set-Cookie", _name(cookie) + gone)


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


def sets(said: str, cookie: Cookie) -> bool:
    """Whether a Set-Cookie line is about this cookie."""
    return said.startswith(f"{_name(cookie)}=")


def browser() -> tuple[str, bytes]:
    """The value that this browser is known by and its digest; a new browser is given one with the answer."""
    kept = here.kept()
    found: tuple[str, bytes] | None = kept.get("browser")
    if found is None:
        found = kept["browser"] = browser_of(get(Cookie.BROWSER))
    return found


def browser_of(came: str | None) -> tuple[str, bytes]:
    """The same for what came as its cookie."""
    value = came if came is not None and BROWSER.fullmatch(came) else new_secret()
    return value, digest(value)


def browser_line(config: Config, now: Settings, value: str) -> str:
    """What Set-Cookie says in every answer to a login under way."""
    # A login that took too long proves nothing any more, but its request can be asked again for a day.
    return line(config, Cookie.BROWSER, value, now.login_lifetime + DAY)


def install(app: Flask) -> None:
    app.after_request(_renew_browser)


def _renew_browser(response: Response) -> Response:
    found: tuple[str, bytes] | None = here.kept().get("browser")
    if found is not None:
        add(response, (("Set-Cookie", browser_line(issuer().config, settings(), found[0])),))
    return response


@lru_cache(maxsize=8)  # many people sign in within a second
def _date(at: int) -> str:
    return http_date(at)


def _return_name() -> str:
    return "__Secure-as_return" if issuer().config.secure else "as_return"


def _name(cookie: Cookie) -> str:
    return NAMES[issuer().config.secure][cookie]
