"""Background work: each job on one node at a time, under a lease that is also its timetable."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from authserver import metrics
from authserver.errors import Unavailable
from authserver.issuer import Issuer
from authserver.login.recheck import recheck
from authserver.opaque import new_id
from authserver.store import retrying
from authserver.store.locks import take_lease
from authserver.work.end_sessions import end_sessions
from authserver.work.refresh_providers import refresh_providers
from authserver.work.sweep import sweep

log = logging.getLogger(__name__)
TICK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that is done every so often, by whichever node comes first; `setting` names its seconds."""

    name: str
    every: timedelta
    run: Callable[[Issuer], object]
    setting: str = ""

    def pause(self, issuer: Issuer) -> timedelta:
        """How long until it is done again, as of now."""
        return timedelta(seconds=getattr(issuer.settings, self.setting)) if self.setting else self.every


JOBS = (
    Job(name="sweep", every=timedelta(minutes=10), run=sweep),
    Job(name="end_sessions", every=timedelta(minutes=1), run=end_sessions),
    Job(name="refresh_providers", every=timedelta(hours=6), run=refresh_providers),
    Job(
        name="recheck",
        every=timedelta(minutes=15),
        run=recheck,
        setting="directory_check",
    ),
)


@dataclass(slots=True, kw_only=True)
class Loop:
    """Looks every few seconds for jobs that are due; a node that dies is replaced when its lease ends."""

    issuer: Issuer
    jobs: tuple[Job, ...] = JOBS
    holder: str = field(default_factory=new_id)
    stopped: threading.Event = field(default_factory=threading.Event)
    _due: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        """Work on a thread of this process until it ends."""
        threading.Thread(target=self.run, name="work", daemon=True).start()

    def run(self) -> None:
        """Work until stopped; what fails is logged and tried again at its next time."""
        while not self.stopped.is_set():
            for job in self.jobs:
                self.attempt(job)
            self.stopped.wait(TICK_SECONDS)

    def stop(self) -> None:
        self.stopped.set()

    def attempt(self, job: Job) -> bool:
        """Do a job if it is due and nobody else does it; True when it was done here."""
        if time.monotonic() < self._due.get(job.name, 0.0):
            return False
        try:
            if not retrying(lambda: self._ours(job)):
                return False
            self._due[job.name] = time.monotonic() + job.pause(self.issuer).total_seconds()
            job.run(self.issuer)
        except Unavailable as error:
            log.warning("%s waits: %s", job.name, error)
            metrics.count("jobs", job=job.name, result="waits")
            return False
        except Exception:
            log.exception("%s failed", job.name)
            metrics.count("jobs", job=job.name, result="failed")
            return False
        metrics.count("jobs", job=job.name, result="done")
        return True

    def _ours(self, job: Job) -> bool:
        now = self.issuer.clock()
        with self.issuer.database.writing() as db:
            return take_lease(db, job.name, self.holder, now=now, until=now + job.pause(self.issuer))
