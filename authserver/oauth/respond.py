"""How an answer travels back to the app: by redirect or by a posted form, always with `iss`. RFC 9207 §2."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

ResponseMode = Literal["query", "form_post"]
MODES: tuple[ResponseMode, ...] = ("query", "form_post")
PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")  # nothing that quote() would change
# What RFC 6749 §4.1.2.1 leaves to error_description.
UNSPEAKABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


class ReturnAddress(NamedTuple):
    """Where a request is answered once its client and redirect_uri are proved."""

    redirect_uri: str
    mode: ResponseMode = "query"
    state: str | None = None


class Redirect(NamedTuple):
    """The browser is sent to `url`."""

    url: str


class Posted(NamedTuple):
    """The browser posts `fields` to `action`. OAuth 2.0 Form Post Response Mode."""

    action: str
    fields: tuple[tuple[str, str], ...]


def with_code(code: str, to: ReturnAddress, issuer: str) -> Redirect | Posted:
    """Hand over the code."""
    return _travel([("code", code)], to, issuer)


def with_error(error: str, description: str, to: ReturnAddress, issuer: str) -> Redirect | Posted:
    """Say why there is no code; the words never hold what a stranger typed. RFC 6749 §4.1.2.1."""
    return _travel([("error", error), ("error_description", UNSPEAKABLE.sub("'", description))], to, issuer)


def redirect(uri: str, fields: Iterable[tuple[str, str]]) -> str:
    """Add fields to a URI, of which not one byte is changed."""
    added = "&".join([f"{_escaped(name)}={_escaped(value)}" for name, value in fields])
    if not added:
        return uri
    joint = "?" if "?" not in uri else "" if uri.endswith(("?", "&")) else "&"
    return f"{uri}{joint}{added}"


@lru_cache(maxsize=1_000)
def form_target(uri: str) -> str:
    """Name, for the form-action of a Content-Security-Policy, where a form's redirect may lead."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or parts.netloc.startswith("["):
        # A source expression knows neither hosts of private schemes nor IPv6 literals.
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def _travel(fields: list[tuple[str, str]], to: ReturnAddress, issuer: str) -> Redirect | Posted:
    if to.state is not None:
        fields.append(("state", to.state))
    if to.mode == "form_post":
        return Posted(action=to.redirect_uri, fields=(*fields, ("iss", issuer)))
    return Redirect(url=f"{redirect(to.redirect_uri, fields)}&{_iss(issuer)}")


@lru_cache(maxsize=8)
def _iss(issuer: str) -> str:
    return f"iss={_escaped(issuer)}"


def _escaped(text: str) -> str:
    return text if PLAIN.fullmatch(text) else quote(text, safe="")
