"""The public keys of a client that authenticates by assertion: registered ones, or fetched from its jwks_uri."""

import threading
import time
from dataclasses import dataclass

from authserver.clients.client import Client
from authserver.clients.remote import fetch_json
from authserver.issuer import Issuer
from authserver.jose import BadKey, PublicKeys

KEPT = 300.0
AGAIN = 30.0
NONE = PublicKeys.of(())


@dataclass(frozen=True, slots=True)
class Fetched:
    at: float
    version: int
    keys: PublicKeys


class ClientKeys:
    """Parsed once per version of the client; a fetched set is kept 5 minutes and the last good one beyond."""

    def __init__(self) -> None:
        self._held: dict[str, Fetched] = {}
        self._reading: dict[str, threading.Lock] = {}

    def of(self, client: Client, *, missing: bool) -> PublicKeys:
        held = self._held.get(client.id)
        age = time.monotonic() - held.at if held else 0.0
        stale = held is None or held.version != client.version
        if client.jwks_uri and not stale:
            stale = age > (AGAIN if missing else KEPT)
        if held is not None and not stale:
            return held.keys
        # A lock for each client: an address that is slow holds up nobody else.
        reading = self._reading.setdefault(client.id, threading.Lock())
        current = held is not None and held.version == client.version
        if not reading.acquire(blocking=not current):
            # Somebody asks already, and may wait for long: the last good set serves meanwhile.
            return held.keys if held is not None else NONE
        try:
            again = self._held.get(client.id)
            if again is not held and again is not None:
                return again.keys
            found = self._read(client, held)
            self._held[client.id] = Fetched(time.monotonic(), client.version, found)
            return found
        finally:
            reading.release()

    def _read(self, client: Client, held: Fetched | None) -> PublicKeys:
        last = held.keys if held is not None and held.version == client.version else NONE
        try:
            if client.jwks_uri:
                return PublicKeys.of_client(fetch_json(client.jwks_uri))
            return PublicKeys.of_client(client.jwks) if client.jwks else NONE
        except (BadKey, OSError, ValueError):
            # A set that cannot be had now does not end what worked a minute ago.
            return last


def of(issuer: Issuer, client: Client, *, kid: str | None, alg: str) -> PublicKeys:
    """The client's keys; asks its jwks_uri again, at most every 30 s, for a key that is not among them."""
    kept = issuer.kept("client_keys", ClientKeys)
    keys = kept.of(client, missing=False)
    if client.jwks_uri and not keys.fitting(kid, alg):
        return kept.of(client, missing=True)
    return keys
