"""Everything that may happen only once."""

from authserver.once.replay import remember
from authserver.once.tickets import (
    Gone,
    Open,
    Spent,
    Ticket,
    Wrong,
    consume,
    open_ticket,
    peek,
    peek_with_grant,
    spend,
    standing,
)

__all__ = [
    "Gone",
    "Open",
    "Spent",
    "Ticket",
    "Wrong",
    "consume",
    "open_ticket",
    "peek",
    "peek_with_grant",
    "remember",
    "spend",
    "standing",
]
