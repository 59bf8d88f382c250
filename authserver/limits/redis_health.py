"""Whether Redis answers. Imported only where there is one, for its client is slow to load."""

from redis import Redis
from redis.exceptions import RedisError

PATIENCE = 0.3


def trouble_with(url: str) -> str | None:
    """What is the matter with Redis at this URL; None when it answers."""
    try:
        redis = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None)
        with redis:
            redis.ping()
    except (RedisError, ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return None
