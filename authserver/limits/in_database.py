"""Windows counted in the database, for installations without Redis and while Redis is away."""

from datetime import datetime

from authserver.store import Database, Hot, retrying

ADD = Hot(
    """INSERT INTO rate_windows (bucket, "window", count) VALUES (:bucket, :number, 1)
       ON CONFLICT (bucket, "window") DO UPDATE SET count = rate_windows.count + 1"""
)
COUNT = Hot(
    """SELECT "window", count FROM rate_windows WHERE bucket = :bucket AND "window" IN (:number, :number - 1)"""
)


class DatabaseWindows:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, bucket: str, window: int, now: datetime) -> None:
        def write() -> None:
            with self._database.writing_fast() as db:
                db.hot(ADD, {"bucket": bucket, "number": window}).close()

        retrying(write)

    def count(self, bucket: str, window: int) -> tuple[int, int]:
        with self._database.reading() as db:
            found = dict(db.hot(COUNT, {"bucket": bucket, "number": window}).fetchall())
        return found.get(window, 0), found.get(window - 1, 0)
