"""After a backup was restored: what was spent, ended or revoked since then would be alive again."""

from collections.abc import Collection
from datetime import datetime

from authserver.audit import Actor, record
from authserver.audit.events import Restored
from authserver.store import Session
from authserver.store.facts import fact, note_fact
from authserver.store.locks import lock
from authserver.store.restored import end_everything

EPOCH = "epoch"


def after_restore(db: Session, *, now: datetime, by: Actor, spare: Collection[str] = ()) -> dict[str, int]:
    """Begin a new epoch: everybody signs in again, and no token, code or link from before works."""
    lock(db, EPOCH)
    epoch = int(fact(db, EPOCH) or 0) + 1
    note_fact(db, EPOCH, str(epoch))
    ended = end_everything(db, now, spare)
    record(db, Restored(epoch=epoch), by=by, at=now)
    return {"epoch": epoch, **ended}
