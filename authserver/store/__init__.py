"""All SQL. Everybody else takes `db: Session` and calls named statements of the modules here."""

from authserver.store.database import Database, Hot, Session, retrying
from authserver.store.live import Derived, Live, LiveMap, Revisions, bump

__all__ = ["Database", "Derived", "Hot", "Live", "LiveMap", "Revisions", "Session", "bump", "retrying"]
