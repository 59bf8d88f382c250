"""What holds in every database after every test: a family is over as soon as its session is. SS-3, RT-9, RT-10."""

from collections.abc import Callable
from typing import Any

# Nobody who is asked for a token looks at the session itself (store/grants.py), so that this may never be found.
OUTLIVED = """SELECT g.id, s.end_reason FROM grants g LEFT JOIN sso_sessions s ON s.id = g.session_id
               WHERE (s.id IS NULL OR s.ended_at IS NOT NULL) AND g.revoked_at IS NULL AND NOT g.offline"""


def check(rows: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """Ask this of a database."""
    assert rows(OUTLIVED) == [], "families that outlived their session"
