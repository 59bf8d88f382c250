"""Windows counted in Redis; while it is away the database counts, and nobody waits for it."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from redis import Redis
from redis.exceptions import RedisError

from authserver.limits.limiter import WINDOW, Windows

log = logging.getLogger(__name__)
T = TypeVar("T")
PREFIX = "authserver:rate:"
PATIENCE = 0.1
LEFT_ALONE = 5.0


class RedisWindows:
    def __init__(self, redis: Redis, fallback: Windows) -> None:
        self._redis = redis
        self._fallback = fallback
        self._away_until = 0.0

    @classmethod
    def at(cls, url: str, fallback: Windows) -> "RedisWindows":
        """Windows at this URL; connecting waits for the first question."""
        redis = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None)
        return cls(redis, fallback)

    def add(self, bucket: str, window: int, now: datetime) -> None:
        def count_one() -> None:
            name = f"{PREFIX}{bucket}:{window}"
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.incr(name)
                pipe.expire(name, 2 * WINDOW)
                pipe.execute()

        self._ask(count_one, lambda: self._fallback.add(bucket, window, now))

    def count(self, bucket: str, window: int) -> tuple[int, int]:
        def read() -> tuple[int, int]:
            names = [f"{PREFIX}{bucket}:{each}" for each in (window, window - 1)]
            now, before = self._redis.mget(names)
            return int(now or 0), int(before or 0)

        return self._ask(read, lambda: self._fallback.count(bucket, window))

    def _ask(self, question: Callable[[], T], otherwise: Callable[[], T]) -> T:
        if time.monotonic() < self._away_until:
            return otherwise()
        try:
            return question()
        except RedisError as error:
            # One request in five seconds finds out whether it is back; the others do not wait.
            self._away_until = time.monotonic() + LEFT_ALONE
            log.warning("Redis is away, the database counts: %s", error)
            return otherwise()
