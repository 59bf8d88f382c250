"""Work that is looked for every second on every node, beside the jobs that one node does at a time."""

import logging
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from authserver import metrics
from authserver.errors import Unavailable
from authserver.issuer import Issuer

log = logging.getLogger(__name__)
TICK_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Rounds(ABC):
    """Goes round until stopped; what fails is logged, and looked at again a second later."""

    name: ClassVar[str]
    issuer: Issuer
    stopped: threading.Event = field(default_factory=threading.Event)

    @abstractmethod
    def round(self) -> int:
        """Do what is due now; returns how much was tried."""

    def start(self) -> None:
        """Work on a thread of this process until it ends."""
        threading.Thread(target=self.run, name=self.name, daemon=True).start()

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                self.round()
            except Unavailable as error:
                log.warning("%s waits: %s", self.name, error)
            except Exception:
                log.exception("%s was not delivered", self.name)
                metrics.count("jobs", job=self.name, result="failed")
            self.stopped.wait(TICK_SECONDS)
