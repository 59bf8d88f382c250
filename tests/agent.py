"""A browser without a window: strict about cookies and origins as a real one, its pages answered by hand."""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tests.pages import Button, Form, Page
from tests.wire import FORM, Reply, encoded, send

REDIRECTS = {301, 302, 303, 307, 308}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """One cookie as it was set."""

    name: str
    value: str
    host: str
    path: str
    expires: float | None
    same_site: str
    secure: bool = False
    http_only: bool = False


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def site_of(url: str) -> tuple[str, str]:
    """Scheme and host: ports do not make another site, and our names are registrable domains themselves."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or ""


def is_trustworthy(url: str) -> bool:
    """Secure cookies live on https, and on loopback."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.hostname or "") in LOOPBACK


@dataclass(slots=True)
class CookieJar:
    """Keeps what a browser would keep (RFC 6265bis); what a browser would drop fails the test that set it."""

    now: Callable[[], float] = time.time
    cookies: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)

    def take(self, reply: Reply) -> None:
        for line in reply.all("Set-Cookie"):
            cookie = self.read(line, reply.url)
            key = (cookie.host, cookie.path, cookie.name)
            if cookie.expires is not None and cookie.expires <= self.now():
                self.cookies.pop(key, None)
            else:
                self.cookies[key] = cookie

    def read(self, line: str, url: str) -> Cookie:
        pair, *rest = line.split(";")
        name, _, value = pair.strip().partition("=")
        attributes = {
            key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)
        }
        secure = "secure" in attributes
        assert len(pair) <= 4096, f"a browser drops {name}: {len(pair)} bytes"
        assert not secure or is_trustworthy(url), f"a browser drops {name}: Secure on {url}"
        if name.startswith(("__Host-", "__Secure-")):
            assert secure, f"a browser drops {name}: not Secure"
        if name.startswith("__Host-"):
            assert attributes.get("path") == "/", f"a browser drops {name}: not for /"
            assert "domain" not in attributes, f"a browser drops {name}: names a domain"
        same_site = attributes.get("samesite", "Lax").capitalize()
        assert same_site != "None" or secure, f"a browser drops {name}: SameSite=None without Secure"
        return Cookie(
            name=name,
            value=value,
            host=urlsplit(url).hostname or "",
            path=attributes.get("path") or "/",
            expires=self._expires(attributes),
            secure=secure,
            http_only="httponly" in attributes,
            same_site=same_site,
        )

    def sent(self, url: str, method: str, initiator: str | None) -> list[Cookie]:
        """The cookies of a navigation to this address that began on a page of the initiator."""
        parts = urlsplit(url)
        cross = initiator is not None and site_of(initiator) != site_of(url)
        return [
            cookie
            for cookie in self.cookies.values()
            if cookie.host == parts.hostname
            and within(parts.path or "/", cookie.path)
            and (not cookie.secure or is_trustworthy(url))
            and (cookie.expires is None or cookie.expires > self.now())
            and (not cross or cookie.same_site == "None" or (cookie.same_site == "Lax" and method == "GET"))
        ]

    def get(self, name: str) -> Cookie | None:
        """The cookie of this name, with or without its __Host- prefix."""
        found = [cookie for cookie in self.cookies.values() if cookie.name.removeprefix("__Host-") == name]
        return found[0] if found else None

    def _expires(self, attributes: Mapping[str, str]) -> float | None:
        if "max-age" in attributes:
            return self.now() + int(attributes["max-age"])
        if "expires" in attributes:
            return parsedate_to_datetime(attributes["expires"]).timestamp()
        return None


def within(path: str, of: str) -> bool:
    return path == of or (path.startswith(of) and (of.endswith("/") or path[len(of)] == "/"))


@dataclass(slots=True, kw_only=True)
class Visit:
    """Where a browser stands: the last answer, and how it came there."""

    reply: Reply
    trail: tuple[Reply, ...]

    @property
    def url(self) -> str:
        return self.reply.url

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def left_for(self) -> str | None:
        """The address elsewhere that the browser was sent to, if it was."""
        return self.reply.location if self.reply.status in REDIRECTS else None

    @property
    def page(self) -> Page:
        return Page(self.reply.url, self.reply.text)


@dataclass(slots=True, kw_only=True)
class Browser:
    """One person's browser. It follows redirects on its home origin and stops where it is sent elsewhere."""

    home: str
    language: str = "en"
    user_agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    headers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    jar: CookieJar = field(default_factory=CookieJar)
    at: Visit | None = None

    def open(self, url: str, initiator: str | None = None) -> Visit:
        """Go there: typed into the address bar, or by a link or redirect on the initiator's page."""
        return self._navigate("GET", urljoin(self.home, url), None, initiator, initiator)

    def submit(self, form: Form, filled: dict[str, str] | None = None, button: Button | None = None) -> Visit:
        """Fill a form of the page where we are, and send it with its first button or another."""
        button = button or (form.buttons[0] if form.buttons else None)
        pairs, to = form.fields(filled, button), form.address(button)
        if form.method == "GET":
            return self._navigate(
                "GET", f"{to.partition('?')[0]}?{urlencode(pairs)}", None, form.page, form.page
            )
        # A page that hides its address hides its origin, too (Fetch: append a request `Origin` header).
        hides = self.at is not None and self.at.reply.header("Referrer-Policy") == "no-referrer"
        return self._navigate(
            "POST", to, encoded(pairs), form.page, "null" if hides else origin_of(form.page)
        )

    def post_from(self, url: str, form: Mapping[str, str], initiator: str) -> Visit:
        """Another site's page sends a form here."""
        return self._navigate("POST", urljoin(self.home, url), encoded(form), initiator, origin_of(initiator))

    def _navigate(
        self, method: str, url: str, body: bytes | None, initiator: str | None, origin: str | None
    ) -> Visit:
        trail: list[Reply] = []
        sites = [] if initiator is None else [initiator]
        while True:
            assert len(trail) < 20, "redirected in circles: " + " → ".join(reply.url for reply in trail)
            sites.append(url)
            headers = self._headers(method, url, sites, initiator, origin)
            reply = send(method, url, headers, body, self.tls)
            self.jar.take(reply)
            trail.append(reply)
            to = reply.location if reply.status in REDIRECTS else None
            if to is None or origin_of(to) != origin_of(self.home):
                self.at = Visit(reply=reply, trail=tuple(trail))
                return self.at
            if reply.status not in {307, 308}:
                method, body = "GET", None
            url = to

    def _headers(
        self, method: str, url: str, sites: list[str], initiator: str | None, origin: str | None
    ) -> dict[str, str]:
        headers = {
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Accept-Language": self.language,
            "User-Agent": self.user_agent,
            "Sec-Fetch-Site": fetch_site(sites, initiator),
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            **self.headers,
        }
        if method == "POST":
            headers |= {"Content-Type": FORM, "Origin": origin or "null"}
        cookies = self.jar.sent(url, method, initiator)
        if cookies:
            headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)
        return headers


def fetch_site(sites: list[str], initiator: str | None) -> str:
    """Sec-Fetch-Site: the farthest that any address on the way was from where it began."""
    if initiator is None:
        return "none"
    if any(site_of(url) != site_of(initiator) for url in sites):
        return "cross-site"
    return "same-origin" if all(origin_of(url) == origin_of(initiator) for url in sites) else "same-site"


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address; one that came twice is an error."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=bool(urlsplit(url).query))
    assert len(pairs) == len(dict(pairs)), f"a parameter came twice: {url}"
    return dict(pairs)
