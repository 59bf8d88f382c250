"""What OpenID providers publish, kept for an hour: metadata and keys. Floods of unknown keys ask nothing. OI-3."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from authserver.clients.remote import NotFetched
from authserver.jose import BadKey, PublicKeys
from authserver.upstream.contract import Distrusted
from authserver.upstream.http import Http

KEPT, AGAIN = 3600.0, 30.0
MOST = 200
DOCUMENT = 256 * 1024
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The metadata that a sign-in needs, its addresses checked. OpenID Connect Discovery §3."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    says_iss: bool = False


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    at: float
    value: T


class Kept(Generic[T]):
    """Documents by address: asked once an hour; the last good one serves while there is no other."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._held: dict[str, _Held[T]] = {}
        self._tried: dict[str, float] = {}
        self._lock = threading.Lock()

    def get(self, key: str, ask: Callable[[], T], *, newer: bool = False) -> T:
        """The document. `newer` asks again for what is not in it, at most every half minute."""
        held = self._held.get(key)
        now = self._now()
        if held is not None and now - held.at < (AGAIN if newer else KEPT):
            return held.value
        with self._lock:
            if held is not None and now - self._tried.get(key, float("-inf")) < AGAIN:
                return held.value
            if len(self._held) > MOST:
                self._held.clear()
                self._tried.clear()
            self._tried[key] = now
        try:
            value = ask()
        except (NotFetched, Distrusted):
            if held is None:
                raise
            return held.value
        self._held[key] = _Held(self._now(), value)
        return value


class Published:
    """The metadata and keys of providers, as this worker knows them."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._metadata: Kept[Metadata] = Kept(now)
        self._keys: Kept[PublicKeys] = Kept(now)

    def metadata(self, url: str, issuer: str, http: Http) -> Metadata:
        return self._metadata.get(f"{issuer} {url}", lambda: read_metadata(url, issuer, http))

    def keys(self, url: str, http: Http, *, kid: str | None, alg: str) -> PublicKeys:
        """The keys, asked anew for one that is not among them."""
        found = self._keys.get(url, lambda: read_keys(url, http))
        if found.fitting(kid, alg):
            return found
        return self._keys.get(url, lambda: read_keys(url, http), newer=True)


def read_metadata(url: str, issuer: str, http: Http) -> Metadata:
    """Ask for the metadata, which must name the very issuer that is configured. OpenID Connect Discovery §4.3."""
    told = _document(url, http, "the metadata")
    if told.get("issuer") != issuer:
        raise Distrusted(
            "the metadata is another issuer's",
            rule="oidc.issuer",
            value=str(told.get("issuer"))[:200],
            nearest=issuer,
        )
    addresses = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        value = told.get(name, "")
        if name == "userinfo_endpoint" and not value:
            continue
        problem = http.problem(value) if isinstance(value, str) else "it is no text"
        if problem:
            raise Distrusted(f"{name}: {problem}", rule="oidc.metadata", value=str(value)[:200])
        addresses[name] = value
    says_iss = told.get("authorization_response_iss_parameter_supported") is True
    return Metadata(issuer=issuer, says_iss=says_iss, **addresses)


def read_keys(url: str, http: Http) -> PublicKeys:
    try:
        return PublicKeys.of_provider(_document(url, http, "the keys"))
    except BadKey as error:
        raise Distrusted(f"the keys at {url}: {error.public}", rule="oidc.keys") from error


def _document(url: str, http: Http, what: str) -> dict[str, Any]:
    answer = http.get(url, largest=DOCUMENT)
    if not answer.ok:
        raise NotFetched(f"{what}: {url} answered {answer.status}")
    try:
        return answer.json()
    except ValueError as error:
        raise Distrusted(f"{what}: {url} holds no JSON object", rule="oidc.metadata") from error
