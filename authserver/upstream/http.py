"""What providers are asked by: guarded as every fetch of ours is, and done within one deadline. UP-12, OI-3."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from authserver.clients.remote import LARGEST, Fetcher, NotFetched, Question

SECONDS = 5.0
OK = 200
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, whatever its status."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def ok(self) -> bool:
        return self.status == OK

    def json(self) -> dict[str, Any]:
        """The JSON object of a body; raises ValueError."""
        found = self.value()
        if not isinstance(found, dict):
            raise ValueError("this is no JSON object")  # noqa: TRY004
        return found

    def value(self) -> Any:
        """Whatever JSON a body holds; raises ValueError, also for what is nested too deeply to be read."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("this is nested too deeply") from error


class Http:
    """One exchange with a provider: however many questions, they share one deadline. Raises NotFetched."""

    def __init__(self, fetcher: Fetcher, *, seconds: float = SECONDS) -> None:
        self._fetcher = fetcher
        self._until = time.monotonic() + seconds

    def get(
        self, url: str, *, token: str = "", headers: Mapping[str, str] | None = None, largest: int = LARGEST
    ) -> Answer:
        """Ask an address, with a bearer token where there is one."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return self._ask(Question(url=url, headers={**bearer, **(headers or {})}, largest=largest))

    def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a form."""
        body = urlencode(form).encode()
        told = {"Content-Type": FORM, **(headers or {})}
        return self._ask(Question(method="POST", url=url, headers=told, body=body))

    def problem(self, url: str) -> str | None:
        """Why this address would never be asked; None when it may be tried."""
        return self._fetcher.problem(url)

    def _ask(self, question: Question) -> Answer:
        left = self._until - time.monotonic()
        if left <= 0:
            raise NotFetched("the time for this exchange is over")
        answered = self._fetcher.ask(replace(question, seconds=left))
        return Answer(answered.status, answered.body, answered.headers)
