"""Issuer: this server as a value. With `db`, the open transaction, it is all that domain functions are given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from authserver.clock import Clock
from authserver.config import Config
from authserver.keys.keyring import Keyring
from authserver.limits.limiter import Limiter
from authserver.places import Places
from authserver.refusals.batch import Refusals
from authserver.settings.catalogue import Settings
from authserver.store import Database, Derived, Live, LiveMap, Revisions, Session
from authserver.vault import Roots, Vault

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    config: Config
    clock: Clock
    database: Database
    revisions: Revisions
    vault: Vault
    limiter: Limiter
    refusals: Refusals
    places: Places
    live_settings: Live[Settings]
    live_keyring: Live[Keyring]
    live_roots: Live[Roots]
    _kept: dict[object, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.config.url

    @property
    def settings(self) -> Settings:
        return self.live_settings()

    @property
    def keyring(self) -> Keyring:
        return self.live_keyring()

    @property
    def roots(self) -> Roots:
        return self.live_roots()

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Something a higher layer keeps in memory for the life of this server, made at first use."""
        found = self._kept.get(name)
        if found is None:
            found = self._kept.setdefault(name, make())
        return found  # type: ignore[no-any-return]

    def derived(self, name: str) -> dict[Any, Any]:
        """What a higher layer worked out from live values alone, as Derived.now() has it; ask before reading them."""
        found: Derived[Any, Any] | None = self._kept.get(name)
        if found is None:
            found = self._kept.setdefault(name, Derived(self.revisions))
        return found.now()

    def live(self, topic: str, load: Callable[[Session], T]) -> T:
        """What a function of a module reads, kept in memory until its topic moves: live within a second."""
        found: Live[T] | None = self._kept.get(load)
        if found is None:
            found = self._kept.setdefault(load, Live(self.revisions, topic, partial(self._read, load)))
        return found()

    def live_by_name(self, topic: str, find: Callable[[Session, str], T | None]) -> LiveMap[T]:
        """The same for one thing at a time, each found by its name when it is first asked for."""
        found: LiveMap[T] | None = self._kept.get(find)
        if found is None:
            found = self._kept.setdefault(find, LiveMap(self.revisions, topic, partial(self._find, find)))
        return found

    def _find(self, find: Callable[[Session, str], T | None], name: str) -> T | None:
        with self.database.reading() as db:
            return find(db, name)

    def _read(self, load: Callable[[Session], T]) -> T:
        with self.database.reading() as db:
            return load(db)
