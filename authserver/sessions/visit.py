"""Somebody signed in who comes for an app: the session, the person, and what is between them and that app."""

from datetime import datetime
from typing import NamedTuple

from authserver.opaque import digest
from authserver.scopes import split
from authserver.sessions import sso
from authserver.sessions.sso import Ended, SsoSession
from authserver.store import Session
from authserver.store.visits import APPS, PERSONS, SESSIONS, VISIT, VISIT_BY_PREVIOUS
from authserver.users import find
from authserver.users.user import User


class Visit(NamedTuple):
    """`agreed` is what the person allows the app, `joined` whether it took part in this session before."""

    session: SsoSession
    user: User
    agreed: frozenset[str] = frozenset()
    joined: bool = False


def look(db: Session, handle: str, client_id: str, now: datetime) -> Visit | Ended | None:
    """Who stands behind a handle, as sso.look() says it, in one statement."""
    values = {"digest": digest(handle), "client": client_id}
    rows = db.hot(VISIT, values).fetchall() or [
        row for row in db.hot(VISIT_BY_PREVIOUS, values).fetchall() if sso.still_reads(db, row[SESSIONS], now)
    ]
    if not rows:
        return None
    session = sso.of_row(db, rows[0][SESSIONS], now)
    if not isinstance(session, SsoSession):
        return session
    allowed, joined = rows[0][APPS]
    return Visit(
        session=session,
        user=find.of_rows(db, [row[PERSONS] for row in rows]),
        agreed=frozenset(split(allowed)) if allowed else frozenset(),
        joined=joined is not None,
    )
