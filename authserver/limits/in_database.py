"""Windows counted in the database, for installations without Redis and while Redis is away."""

from datetime import datetime

from authserver.store import Database, Hot, retrying

ADD = Hot(
    """INSERT INTO rate_windows (bucket, "window", count) VALUES (:bucket, :number, 1)
       ON CONFLICT (bucket, "window") DO UPDATE SET count = rate_windows.count + 1"""
)
COUNT = Hot("""SELECT count FROM rate_windows WHERE bucket = :bucket AND "window" = :number""")


class DatabaseWindows:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, bucket: str, window: int, now: datetime) -> None:
        def write() -> None:
            with self._database.writing_fast() as db:
                db.hot(ADD, {"bucket": bucket, "number": window}).close()

        retrying(write)

    def count(self, bucket: str, window: int) -> int:
        with self._database.reading() as db:
            row = db.one(COUNT, {"bucket": bucket, "number": window})
        return int(row[0]) if row else 0
