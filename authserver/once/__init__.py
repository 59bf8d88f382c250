"""Everything that may happen only once."""

from authserver.once.replay import remember
from authserver.once.tickets import Gone, Spent, Ticket, Wrong, consume, open_ticket, peek

__all__ = ["Gone", "Spent", "Ticket", "Wrong", "consume", "open_ticket", "peek", "remember"]
