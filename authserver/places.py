"""Where an address is, as far as a file of the operator tells: country and city, in MaxMind's format (MMDB)."""

import logging
import threading
import time
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import maxminddb

from authserver.agents import network

log = logging.getLogger(__name__)
LOOKS_AGAIN = 60.0
SOURCE = "en"
TROUBLE = (OSError, ValueError, maxminddb.InvalidDatabaseError)


class Places:
    """Reads the file where there is one; a newer one that takes its place is read within a minute."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reader: maxminddb.Reader | None = None
        self._read: tuple[int, int] | None = None
        self._look_at = 0.0

    def country(self, ip: str) -> str:
        """The country's code, such as DE; empty where nothing is known."""
        return str(self._found(ip, "country").get("iso_code", ""))

    def name(self, ip: str, locale: str) -> str:
        """City and country in this language, as far as they are known."""
        parts = (_named(self._found(ip, kind), locale) for kind in ("city", "country"))
        return ", ".join(filter(None, parts))

    def told(self, ip: str, locale: str) -> str:
        """The place with its network, or the network alone; empty where there is no address."""
        name, where = self.name(ip, locale), network(ip)
        return f"{name} ({where})" if name and where else where

    def trouble(self) -> str:
        """What is wrong with the file; empty for nothing."""
        if self._path is None:
            return ""
        try:
            maxminddb.open_database(self._path).close()
        except TROUBLE as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _found(self, ip: str, kind: str) -> Mapping[str, Any]:
        reader = self._current()
        if reader is None:
            return {}
        try:
            record = reader.get(ip_address(ip.partition("%")[0]))
        except TROUBLE:
            return {}
        found = record.get(kind) if isinstance(record, dict) else None
        return found if isinstance(found, dict) else {}

    def _current(self) -> maxminddb.Reader | None:
        if self._path is None or time.monotonic() < self._look_at:
            return self._reader
        with self._lock:
            self._look_at = time.monotonic() + LOOKS_AGAIN
            try:
                status = self._path.stat()
                stamp = (status.st_mtime_ns, status.st_ino)
                if stamp != self._read:
                    self._reader, self._read = maxminddb.open_database(self._path), stamp
            except TROUBLE as error:
                log.warning("places are not known: %s", error)
        return self._reader


def _named(found: Mapping[str, Any], locale: str) -> str:
    names = found.get("names")
    if not isinstance(names, dict):
        return ""
    return str(names.get(locale) or names.get(locale.partition("-")[0]) or names.get(SOURCE) or "")
