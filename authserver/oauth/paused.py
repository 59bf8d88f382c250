"""A request that waits for an answer on one of our pages, or for our own cookies, sealed in its address. AZ-14."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authserver.authentication import Level, SessionId
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.oauth.decide import Here
from authserver.once import remember
from authserver.opaque import new_id
from authserver.sessions.sso import SsoSession
from authserver.store import Session

ROOT = "transaction"
LARGEST = 4096
DONE = "=done"  # no parameter: a request's own names are filtered (NAMES) whenever it is read
NOTHING_DONE = '["", false, false]'
QUESTION, POSTED = b"question\x1f", b"posted\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """An authorization request in the middle of a question to whoever is signed in.

    `here` counts for `session` alone; `scope` is what the consent page shows, and so all that a yes is for.
    """

    request: Mapping[str, str]
    session: SessionId
    here: Here
    scope: tuple[str, ...] = ()

    def done(self, session: SsoSession) -> Here:
        return self.here if session.id == self.session else Here()


def seal(issuer: Issuer, paused: Paused, browser: bytes) -> str:
    """Give what travels as `tx`: it opens in this browser alone, and cannot be changed by it."""
    value = {
        "r": dict(paused.request),
        "s": paused.session,
        "h": [paused.here.signed_in, paused.here.chose_account, int(paused.here.asked)],
        "p": paused.here.page or new_id(),
        "c": paused.scope,
    }
    return _seal(issuer, value, QUESTION + browser)


def open_sealed(issuer: Issuer, text: str, browser: bytes) -> Paused | None:
    """Give what was sealed for this browser; after its time the request alone, to be asked anew."""
    opened = _open(issuer, text, QUESTION + browser)
    if opened is None:
        return None
    value, is_over = opened
    if is_over:
        return Paused(request=value["r"], session=SessionId(""), here=Here())
    signed_in, chose_account, asked = value["h"]
    return Paused(
        request=value["r"],
        session=SessionId(value["s"]),
        here=Here(page=value["p"], signed_in=signed_in, chose_account=chose_account, asked=Level(asked)),
        scope=tuple(value["c"]),
    )


def spend(db: Session, issuer: Issuer, here: Here) -> bool:
    """Use up what was answered on a page, when a code comes of it; False for everyone after the first."""
    if not here.page:
        return True
    return remember(db, "page", here.page, issuer.clock() + timedelta(seconds=issuer.settings.login_lifetime))


def seal_posted(issuer: Issuer, values: Mapping[str, str]) -> str:
    """Carry what another site posted to our own address, where our cookies come along. AZ-5."""
    return _seal(issuer, dict(values), POSTED)


def open_posted(issuer: Issuer, text: str) -> Mapping[str, str] | None:
    """Give what was posted, while it lasts."""
    opened = _open(issuer, text, POSTED)
    return None if opened is None or opened[1] else opened[0]


def carry(values: Mapping[str, str], here: Here, session: SessionId) -> Mapping[str, str]:
    """Let a request that waits for a step-up keep what was done for it before, beside its parameters."""
    return {**values, DONE: json.dumps([session, here.signed_in, here.chose_account])}


def carried(values: Mapping[str, str], session: SessionId) -> Here:
    """Give what a waiting request kept for this session."""
    of, signed_in, chose_account = json.loads(values.get(DONE, NOTHING_DONE))
    return Here(signed_in=signed_in, chose_account=chose_account) if of == session else Here()


def _seal(issuer: Issuer, value: dict[str, Any], bound_to: bytes) -> str:
    text = json.dumps({"v": value, "t": issuer.clock().isoformat()}, separators=(",", ":"))
    sealed = issuer.roots.seal(ROOT, zlib.compress(text.encode(), 6), bound_to)
    if len(sealed) > LARGEST:
        raise Refusal("The request is too large.", rule="request.size", value=f"{len(sealed)} bytes sealed")
    return sealed


def _open(issuer: Issuer, text: str, bound_to: bytes) -> tuple[dict[str, Any], bool] | None:
    """Give what was sealed, and whether its time is over."""
    raw = issuer.roots.open(ROOT, text, bound_to) if len(text) <= LARGEST else None
    if raw is None:
        return None
    found = json.loads(zlib.decompress(raw))
    until = datetime.fromisoformat(found["t"]) + timedelta(seconds=issuer.settings.login_lifetime)
    return found["v"], issuer.clock() >= until
