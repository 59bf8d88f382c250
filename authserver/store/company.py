"""Company: what several requests ask a database server at the same moment is one statement, and one commit.

Nobody waits for others to come. Who finds nobody asking asks at once; those who come meanwhile ask together, as soon as
that is answered.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authserver.errors import Unavailable
from authserver.store.links import Fetched, Rows

PATIENCE = 0.1

Values = Mapping[str, Any]
Alone = Callable[[], Rows]
Together = Callable[[Sequence[Values]], Rows]


class _Asked:
    """What one request asks; `called` when somebody else has the answer, or when it is its turn to ask."""

    __slots__ = ("called", "error", "rows", "values")

    def __init__(self, values: Values) -> None:
        self.values = values
        self.rows: list[tuple[Any, ...]] | None = None
        self.error: BaseException | None = None
        self.called = threading.Lock()
        self.called.acquire()


class Company:
    """The requests of this process that ask the same: one of them at a time asks, for all who wait."""

    __slots__ = ("_is_asking", "_lock", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_asking = False
        self._waiting: list[_Asked] = []

    def ask(self, values: Values, alone: Alone, together: Together) -> Rows:
        """What was asked, whoever asked it. The one that asks does so in its own thread: `alone`, or `together`."""
        mine = self._come(values)
        if mine is None:
            try:
                return alone()
            finally:
                self._pass_on(())
        if not mine.called.acquire(timeout=PATIENCE) and self._leave(mine):
            # Whoever asks is stuck. What it waits for is not what everybody waits for.
            return alone()
        if mine.error is not None:
            raise Unavailable(f"asked with others: {mine.error}") from mine.error
        return self._lead(mine, alone, together) if mine.rows is None else Fetched(mine.rows, len(mine.rows))

    def _come(self, values: Values) -> _Asked | None:
        """A place among those who wait, or None for the one that asks now."""
        with self._lock:
            if not self._is_asking:
                self._is_asking = True
                return None
            mine = _Asked(values)
            self._waiting.append(mine)
            return mine

    def _leave(self, mine: _Asked) -> bool:
        """Wait no more, unless it has been taken along or is to ask: that ends soon, or when the server says so."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return True
        mine.called.acquire()
        return False

    def _lead(self, mine: _Asked, alone: Alone, together: Together) -> Rows:
        """Ask, for all who wait."""
        with self._lock:
            others, self._waiting = self._waiting, []
        try:
            if not others:
                return alone()
            answers: list[list[tuple[Any, ...]]] = [[], *([] for _ in others)]
            for row in together([mine.values, *(each.values for each in others)]):
                answers[row[-1] - 1].append(row)
            for each, rows in zip(others, answers[1:], strict=True):
                each.rows = rows
            return Fetched(answers[0], len(answers[0]))
        except BaseException as error:
            for each in others:
                each.error = error
            raise
        finally:
            self._pass_on(others)

    def _pass_on(self, answered: Sequence[_Asked]) -> None:
        """Let those go who have their answer, and whoever waits longest ask next."""
        with self._lock:
            heir = self._waiting.pop(0) if self._waiting else None
            self._is_asking = heir is not None
        if heir is not None:
            heir.called.release()
        for each in answered:
            each.called.release()
