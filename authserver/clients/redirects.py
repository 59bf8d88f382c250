"""Redirect URIs: which may be registered, which request matches one, and what a near miss differs in."""

import ipaddress
import re
from difflib import SequenceMatcher
from typing import Literal
from urllib.parse import unquote_plus, urlsplit

from authserver.clients.client import Client
from authserver.errors import Refusal

LONGEST = 2048
# RFC 3986 without what browsers and parsers read differently: quotes, brackets in paths, backslash, pipe, caret.
PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()+,;=%\[\]]*")
PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
ENCODED_CONTROL = re.compile(r"%(?:[01][0-9A-F]|7F|5C)", re.IGNORECASE)
WEB = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^/?:\[\]@]+)(?P<port>:[0-9]+)?(?P<rest>[/?].*)?"
)
NATIVE = re.compile(r"(?P<scheme>[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+):(?P<rest>/[^@]*)")
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})
LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?([/?].*)?")
HIGHEST_PORT = 65_535
# What we answer with, or what another response type would: a client must never find two of them.
OURS = frozenset(
    {
        "access_token", "code", "error", "error_description", "error_uri", "expires_in", "id_token", "iss",
        "refresh_token", "response", "scope", "session_state", "state", "token_type",
    }
)  # fmt: skip


def check_registration(uri: str, kind: Literal["public", "confidential"]) -> Refusal | None:
    """Say why this may not be registered as a redirect URI; None when it may. CL-11, CVE-8, CVE-9."""
    problem = _text(uri) or _address(uri, kind) or _path(uri) or _query(uri)
    if problem is None:
        return None
    rule, sentence = problem
    return Refusal(sentence, code="invalid_redirect_uri", rule=f"redirect_uri.{rule}", value=uri[:LONGEST])


def allowed(client: Client, uri: str) -> bool:
    """Whether a request may name this URI: registered exactly, the port of a loopback address aside. AZ-1."""
    if uri in client.redirect_uris:
        return True
    asked = LOOPBACK.fullmatch(uri)
    if asked is None or int(asked[2] or 0) > HIGHEST_PORT:
        return False
    return any(
        known is not None and known[1] == asked[1] and known[3] == asked[3]
        for known in map(LOOPBACK.fullmatch, client.redirect_uris)
    )


def is_native(uri: str) -> bool:
    """Whether an app on the person's own device answers there, so that anybody may pose as it. AZ-16."""
    return not uri.startswith("https://")


def origin_of(uri: str) -> str | None:
    """The web origin of a URI; None for a private scheme."""
    found = WEB.fullmatch(uri)
    if found is None:
        return None
    default = {"https": ":443", "http": ":80"}[found["scheme"]]
    port = found["port"] or ""
    return f"{found['scheme']}://{found['host'].lower()}{'' if port == default else port}"


def origins_of(client: Client) -> frozenset[str]:
    """The web origins from which this client's pages call us."""
    found = {origin_of(uri) for uri in client.redirect_uris}
    return frozenset(origin for origin in (*found, *client.origins) if origin)


def check_origin(origin: str) -> str | None:
    """Say why this is no web origin that a client could register; None when it is."""
    problem = _text(origin) or _address(origin, "confidential")
    if problem:
        return problem[1]
    return None if origin_of(origin) == origin else "An origin is a scheme, a host and a port, in lower case."


def nearest(client: Client, uri: str) -> str:
    """Say which registered URI is nearest to this one, and what they differ in."""
    if not client.redirect_uris:
        return "no redirect URI is registered"
    shown = uri[:LONGEST]
    close = max(client.redirect_uris, key=lambda known: SequenceMatcher(None, known, shown).ratio())
    return f"differs {_difference(close, shown)} from {close}"


def _difference(known: str, given: str) -> str:
    if known.rstrip("/") == given.rstrip("/"):
        return "in the trailing slash"
    if known.casefold() == given.casefold():
        return "in upper and lower case"
    if known == given.strip():
        return "in the space around it"
    try:
        one, other = urlsplit(known), urlsplit(given)
        parts = (
            ("scheme", one.scheme, other.scheme),
            ("host", one.hostname, other.hostname),
            ("port", one.port, other.port),
            ("path", one.path, other.path),
            ("query", one.query, other.query),
            ("fragment", one.fragment, other.fragment),
        )
    except ValueError:
        return "in its form"
    differing = [name for name, a, b in parts if a != b]
    return f"in the {' and the '.join(differing)}" if differing else "in its form"


Problem = tuple[str, str] | None


def _text(uri: str) -> Problem:
    broken = PERCENT.search(uri) or ENCODED_CONTROL.search(uri)
    checks = (
        (not 0 < len(uri) <= LONGEST, "length", f"A redirect URI has 1 to {LONGEST} characters."),
        ("#" in uri, "fragment", "A redirect URI has no fragment (#)."),
        ("*" in uri, "wildcard", "A redirect URI is exact: it has no wildcard (*)."),
        ("\\" in uri, "backslash", "A redirect URI has no backslash."),
        (
            not PLAIN.fullmatch(uri),
            "characters",
            "A redirect URI is plain ASCII, other characters percent-encoded.",
        ),
        (broken, "percent", "A redirect URI encodes no control character or backslash, and nothing halfway."),
    )
    return next(((rule, sentence) for wrong, rule, sentence in checks if wrong), None)


def _address(uri: str, kind: str) -> Problem:
    web = WEB.fullmatch(uri)
    if web is None:
        return _private_scheme(uri, kind)
    host, port = web["host"], web["port"]
    if web["scheme"] == "http" and host not in LOOPBACK_HOSTS:
        return "scheme", "A redirect URI uses https; http is for 127.0.0.1, [::1] and localhost alone."
    if port is not None and not 0 < int(port[1:]) <= HIGHEST_PORT:
        return "port", f"A port is a number from 1 to {HIGHEST_PORT}."
    if not _is_host(host):
        return "host", "The host is not written as a plain lower-case host name or address."
    return None


def _private_scheme(uri: str, kind: str) -> Problem:
    if "@" in uri.partition("?")[0]:
        return "userinfo", "A redirect URI has no user name or @ before its path."
    if not NATIVE.fullmatch(uri):
        return (
            "scheme",
            "Use https, http on a loopback address, or the scheme of a native app, as in com.example.app:/callback.",
        )
    if kind != "public":
        return "scheme", "A private scheme is for native apps, which are public clients."
    return None


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]" == host
        except ValueError:
            return False
    labels = host.split(".")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        try:
            return str(ipaddress.IPv4Address(host)) == host
        except ValueError:
            return False
    return len(host) <= 253 and all(map(LABEL.fullmatch, labels))  # noqa: PLR2004


def _path(uri: str) -> Problem:
    path = uri.partition("?")[0].partition(":")[2]
    # Decoded twice, since proxies and apps may each decode once; `..;` is a parent folder to some servers.
    plain = unquote_plus(unquote_plus(path))
    if any(segment.startswith("..") for segment in re.split(r"[/\\]", plain)):
        return "parent", "A redirect URI has no '..' in its path."
    if "@" in path.removeprefix("//").partition("/")[0]:
        return "userinfo", "A redirect URI has no user name or @ before its path."
    return None


def _query(uri: str) -> Problem:
    for pair in re.split(r"[&;]", uri.partition("?")[2]):
        name = unquote_plus(pair.partition("=")[0])
        if re.split(r"[\[.]", name)[0].strip().casefold() in OURS:
            return "parameter", f"A redirect URI holds no parameter that an answer brings ({name})."
    return None
