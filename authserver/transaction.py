"""Transaction, the record of a login under way."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from authserver.authentication import Level, Proof, SessionId, UserId

ANEW = "=anew"  # beside the parameters of a request, none of which has this name


class Purpose(StrEnum):
    """Why somebody is being asked to prove who they are."""

    AUTHORIZE = "authorize"  # an app sent them; the request waits to be resumed
    SIGN_IN = "sign_in"  # they came by themselves; `request["return_to"]` is a path of ours
    FRESH = "fresh"  # an account change asks for a fresh proof
    APP = "app"  # a first-party app asks by itself, in JSON; `request` says which one and for what scope


class Transaction(NamedTuple):
    """Sealed until the first proof, a row from then on; bound to one browser; completed once.

    `request` is what waits for the end of the login: for AUTHORIZE the request's own parameters.
    `version` is 0 while sealed; a row is advanced only by whoever saw its version. `level` is what the proofs
    must reach, `steps_up` the session that only lacks a proof, `session` the one that its end opened.
    """

    id: str
    purpose: Purpose
    request: Mapping[str, str]
    browser: bytes
    created_at: datetime
    expires_at: datetime
    user: UserId | None = None
    proofs: tuple[Proof, ...] = ()
    remembered: bool = False
    version: int = 0
    level: Level = Level.PWD
    steps_up: SessionId | None = None
    session: SessionId | None = None
    trusts: bool = False  # for the next hours no second step is to be asked in this browser
    skips: bool = False  # they gave no address when they were asked for one

    @property
    def asks_anew(self) -> bool:
        """Whether it is a proof of now that is asked for, by the app or for a change of the account."""
        return self.purpose is Purpose.FRESH or ANEW in self.request
