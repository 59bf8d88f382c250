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
ENDS = 20.0  # later than any statement does, and than a connection that is dead

Values = Mapping[str, Any]
Alone = Callable[[], Rows]
Together = Callable[[Sequence[Values]], Rows]


class Asked:
    """What one request asks; `called` when somebody else has the answer, or when it is its turn to ask."""

    __slots__ = ("called", "error", "rows", "values")

    def __init__(self, values: Values) -> None:
        self.values = values
        self.rows: list[tuple[Any, ...]] | None = None
        self.error: BaseException | None = None
        self.called = threading.Lock()
        self.called.acquire()


class Company:
    """The requests of this process that ask the same: one of them at a time asks, for all who wait.

    Whoever has waited for long takes its place, so that one that is stuck holds up those alone that it asks for.
    """

    __slots__ = ("_asking", "_lock", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: Asked | None = None
        self._waiting: list[Asked] = []

    def ask(self, values: Values, alone: Alone, together: Together) -> Rows:
        """What was asked, whoever asked it. The one that asks does so in its own thread: `alone`, or `together`."""
        mine = Asked(values)
        if self.come(mine):
            try:
                return alone()
            finally:
                self.pass_on(mine, ())
        if not (
            mine.called.acquire(timeout=PATIENCE)
            or self._takes_over(mine)
            or mine.called.acquire(timeout=ENDS)
        ):
            # It was taken along, and does not ask again: what it was taken along for may still be committed.
            raise Unavailable("whoever asked for others too has had no answer")
        if mine.error is not None:
            # As if it had asked by itself.
            raise mine.error
        return self._lead(mine, alone, together) if mine.rows is None else Fetched(mine.rows, len(mine.rows))

    def come(self, mine: Asked) -> bool:
        """Whether this one asks now; else it has a place among those who wait."""
        with self._lock:
            if self._asking is None:
                self._asking = mine
                return True
            self._waiting.append(mine)
            return False

    def pass_on(self, mine: Asked, answered: Sequence[Asked]) -> None:
        """Let those go who have their answer, and whoever waits longest ask next, unless somebody took over."""
        heir = None
        with self._lock:
            if self._asking is mine:
                self._asking = heir = self._waiting.pop(0) if self._waiting else None
        if heir is not None:
            heir.called.release()
        for each in answered:
            each.called.release()

    def _takes_over(self, mine: Asked) -> bool:
        """Ask in the place of whoever is stuck, if this one still waits."""
        with self._lock:
            if mine not in self._waiting:
                return False
            self._waiting.remove(mine)
            self._asking = mine
            return True

    def _lead(self, mine: Asked, alone: Alone, together: Together) -> Rows:
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
            self.pass_on(mine, others)
