"""Every refusal gets a reference at once and is written later: in batches, counted by cause, bounded.

The reference is a MAC over the cause, so that equal causes have one reference on every node without asking the
database, and a reference that somebody reads out names a cause and nothing else.
"""

import hashlib
import json
import logging
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from authserver import metrics
from authserver.clock import Clock
from authserver.errors import AuthserverError, Refusal, Unavailable
from authserver.refusals.scrub import scrubbed
from authserver.store import Database, Hot, retrying
from authserver.vault import Roots

log = logging.getLogger(__name__)
PURPOSE = "reference"
KEPT_CAUSES = 50_000
KEPT_FOR = timedelta(days=7)
WAITING = 2_000
BATCH = 200
EVERY = 1.0
CLIENT, PERSON = 255, 64
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing in it is read as something else
NUMBER = re.compile(r"\d+")

UPSERT = Hot(
    """INSERT INTO refusals (reference, cause, rule, detail, count, first_at, last_at)
       VALUES (:reference, :cause, :rule, :detail, :count, :first, :last)
       ON CONFLICT (reference) DO UPDATE SET count = refusals.count + :count, detail = :detail, last_at = :last"""
)
FORGET_OLD = Hot("DELETE FROM refusals WHERE last_at < :before")
FORGET_MOST = Hot(
    f"""DELETE FROM refusals WHERE reference IN
        (SELECT reference FROM refusals ORDER BY last_at DESC LIMIT 100000 OFFSET {KEPT_CAUSES})"""  # noqa: S608
)


@dataclass(slots=True, kw_only=True)
class Noted:
    """A cause that waits to be written, and how often it was met since the last time."""

    cause: bytes
    rule: str
    detail: str
    first_at: datetime
    last_at: datetime
    count: int = 1


@dataclass(slots=True)
class _Waiting:
    notes: dict[str, Noted] = field(default_factory=dict)
    dropped: int = 0


class Refusals:
    """`note()` never touches the database and never fails; a thread writes what was noted."""

    def __init__(self, database: Database, clock: Clock, roots: Callable[[], Roots]) -> None:
        self._database = database
        self._clock = clock
        self._roots = roots
        self._wakes = threading.Condition()
        self._writes = threading.Lock()
        self._waiting = _Waiting()
        self._thread: threading.Thread | None = None
        self._closed = False

    def note(
        self,
        refusal: AuthserverError,
        *,
        step: str,
        client: str | None = None,
        person: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """The reference under which `authserver explain` finds this refusal, from any node, within a second or two."""
        now = self._clock()
        told = _told(refusal, step=step, client=client, person=person)
        cause = hashlib.sha256(_of_cause(told)).digest()
        reference = self._reference(cause)
        detail = json.dumps({**told, "request_id": request_id}, separators=(",", ":"))
        metrics.count("refusals", code=told["code"] or "")
        log.info("refused %s at %s: %s", reference, told["step"], told["detail"])
        with self._wakes:
            known = self._waiting.notes.get(reference)
            if known is not None:
                known.count, known.last_at, known.detail = known.count + 1, now, detail
            elif len(self._waiting.notes) < WAITING:
                self._waiting.notes[reference] = Noted(
                    cause=cause, rule=told["rule"] or "", detail=detail, first_at=now, last_at=now
                )
            else:
                self._waiting.dropped += 1
            self._wake()
        return reference

    def flush(self) -> None:
        """Write what waits now; if the database is away it waits for the next time, up to a bound."""
        with self._writes:
            with self._wakes:
                taken, self._waiting = self._waiting, _Waiting()
            if taken.dropped:
                log.warning("%d refusals were not kept: too many different ones at once", taken.dropped)
            if not taken.notes:
                return
            try:
                retrying(lambda: self._write(taken.notes))
            except Unavailable as error:
                log.warning("refusals wait, the database is away: %s", error)
                self._put_back(taken)

    def close(self) -> None:
        """Write what waits, and stop: for the end of a process."""
        with self._wakes:
            self._closed = True
            self._wakes.notify_all()
        self.flush()

    def _reference(self, cause: bytes) -> str:
        try:
            mac = self._roots().current(PURPOSE).mac(cause)
        except Unavailable:
            mac = secrets.token_bytes(32)
        return spelled(int.from_bytes(mac[:8], "big"))

    def _write(self, notes: dict[str, Noted]) -> None:
        with self._database.writing_fast() as db:
            # In one order everywhere, so that two nodes never wait for each other's rows.
            for reference, noted in sorted(notes.items()):
                db.hot(
                    UPSERT,
                    {
                        "reference": reference,
                        "cause": noted.cause,
                        "rule": noted.rule,
                        "detail": noted.detail,
                        "count": noted.count,
                        "first": db.time(noted.first_at),
                        "last": db.time(noted.last_at),
                    },
                ).close()
            db.hot(FORGET_OLD, {"before": db.time(self._clock() - KEPT_FOR)}).close()
            db.hot(FORGET_MOST, {}).close()

    def _put_back(self, taken: _Waiting) -> None:
        with self._wakes:
            newer = self._waiting.notes
            for reference, noted in taken.notes.items():
                known = newer.get(reference)
                if known is not None:
                    known.count, known.first_at = known.count + noted.count, noted.first_at
                elif len(newer) < WAITING:
                    newer[reference] = noted

    def _wake(self) -> None:
        # Made at the first refusal of this process, so that a worker that was forked has its own.
        if (self._thread is None or not self._thread.is_alive()) and not self._closed:
            self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)
            self._thread.start()
        if len(self._waiting.notes) in (1, BATCH):
            self._wakes.notify_all()

    def _run(self) -> None:
        while not self._closed:
            with self._wakes:
                self._wakes.wait_for(lambda: self._waiting.notes or self._closed)
                self._wakes.wait_for(lambda: len(self._waiting.notes) >= BATCH or self._closed, timeout=EVERY)
            try:
                self.flush()
            except Exception:
                log.exception("refusals could not be written")


def spelled(number: int) -> str:
    """60 bits as people read them out: KQ7M-2X9D-HV4R."""
    text = "".join(LETTERS[number >> shift & 31] for shift in range(55, -1, -5))
    return "-".join((text[:4], text[4:8], text[8:]))


def _told(
    refusal: AuthserverError, *, step: str, client: str | None, person: str | None
) -> dict[str, str | None]:
    own = refusal if isinstance(refusal, Refusal) else _of_ours(refusal)
    return {
        "step": scrubbed(step, 64),
        "rule": scrubbed(own.rule, 64),
        "code": scrubbed(own.code, 64),
        "public": scrubbed(own.public),
        "detail": scrubbed(own.detail),
        "value": scrubbed(own.value) or None,
        "nearest": scrubbed(own.nearest) or None,
        "client": scrubbed(client, CLIENT) if client else None,
        "person": scrubbed(person, PERSON) if person else None,
    }


def _of_ours(error: AuthserverError) -> Refusal:
    """What is told of an error that is not the caller's."""
    kind = type(error).__name__.lower()
    return Refusal("", code=kind, rule=kind, detail=str(error))


def _of_cause(told: dict[str, str | None]) -> bytes:
    """What makes two refusals equal: all that is told, but for numbers in the detail (times, counts)."""
    same = {**told, "detail": NUMBER.sub("#", told["detail"] or "")}
    return json.dumps(same, sort_keys=True, separators=(",", ":")).encode()
