"""Who did what: events, written in the transaction of the act."""

from authserver.audit.actor import SYSTEM, Actor
from authserver.audit.record import record

__all__ = ["SYSTEM", "Actor", "record"]
