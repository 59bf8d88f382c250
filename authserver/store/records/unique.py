"""Writing what must be unique: whoever comes second is told so."""

from sqlalchemy.exc import IntegrityError

from authserver.errors import Refusal
from authserver.store.database import Session


def flush(db: Session, taken: Refusal) -> None:
    """Send what the ORM holds to the database; raises `taken` when another transaction was first."""
    try:
        db.orm.flush()
    except IntegrityError as error:
        raise taken from error
