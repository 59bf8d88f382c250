"""/healthz: this process answers. /readyz: it may be sent requests. Neither says more to strangers."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from datetime import timedelta
from importlib import import_module
from threading import Event, Lock
from typing import Literal

from authserver.errors import AuthserverError
from authserver.issuer import Issuer
from authserver.oauth.request import Answer, OAuthRequest, json_answer
from authserver.store import health, schema
from authserver.vault import CannotOpen

log = logging.getLogger(__name__)
State = Literal["starting", "ready", "degraded", "unavailable", "ending"]
CLOCK_MAY_DIFFER = timedelta(seconds=2)
WITHIN_SECONDS = 1.0
NEEDED_ALG = "ES256"
STATUS = {"starting": 503, "ready": 200, "degraded": 200, "unavailable": 503, "ending": 503}


class Stage:
    """How far this worker is: complete once its pages are loaded, and at its end when the parent process says so."""

    def __init__(self) -> None:
        self.complete = Event()
        self.complete.set()
        self.ends: Callable[[], bool] = Event().is_set


def stage(issuer: Issuer) -> Stage:
    return issuer.kept("stage", Stage)


def healthz(issuer: Issuer, request: OAuthRequest) -> Answer:
    """Say that this process lives, whatever else is away."""
    return json_answer(200, {"status": "alive"})


def readyz(issuer: Issuer, request: OAuthRequest) -> Answer:
    """Say within a second whether requests can be served here; the reason stands in the log alone."""
    state = issuer.kept("readiness", lambda: Readiness(issuer)).state()
    return json_answer(STATUS[state], {"status": state})


class Readiness:
    """Asks the database on a thread of its own, so that an answer never waits for longer than it may."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")
        self._lock = Lock()
        self._under_way: Future[State] | None = None

    def state(self) -> State:
        now = stage(self._issuer)
        if now.ends():
            return "ending"
        # A worker in the place of a killed one has its pages in a moment: that is no reason to send requests elsewhere.
        if not now.complete.wait(WITHIN_SECONDS):
            return "starting"
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = self._thread.submit(self._look)
            looking = self._under_way
        try:
            return looking.result(WITHIN_SECONDS)
        except NotInTime:
            log.warning("not ready: the database took longer than %s s", WITHIN_SECONDS)
            return "unavailable"

    def _look(self) -> State:
        try:
            reason = not_ready(self._issuer)
        except (AuthserverError, CannotOpen) as error:
            reason = str(error)
        if reason is not None:
            log.warning("not ready: %s", reason)
            return "unavailable"
        return "degraded" if redis_trouble(self._issuer) else "ready"


def not_ready(issuer: Issuer) -> str | None:
    """Why no request should come here: the schema, the keys or the clock; None when all is well."""
    if schema.is_pending(schema.current(issuer.database)):
        return "migrations are pending"
    issuer.keyring.signer(NEEDED_ALG)
    theirs = health.clock(issuer.database)
    if theirs is not None and abs(issuer.clock() - theirs) > CLOCK_MAY_DIFFER:
        return f"the clock differs from the database's by {abs(issuer.clock() - theirs)}"
    return None


def redis_trouble(issuer: Issuer) -> str | None:
    """What is the matter with Redis, where there is one: the database counts meanwhile."""
    url = issuer.config.redis_url.get_secret_value()
    if not url:
        return None
    found: str | None = import_module("authserver.limits.redis_health").trouble_with(url)
    return found
