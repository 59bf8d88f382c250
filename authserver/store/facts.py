"""What the installation knows of itself: its epoch, which master key was backed up, when it was restored."""

from authserver.store.database import Hot, Session

READ = Hot("SELECT value FROM facts WHERE name = :name")
WRITE = Hot(
    "INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value"
)


def fact(db: Session, name: str) -> str | None:
    row = db.one(READ, {"name": name})
    return None if row is None else str(row[0])


def note_fact(db: Session, name: str, value: str) -> None:
    db.hot(WRITE, {"name": name, "value": value}).close()
