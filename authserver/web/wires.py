"""The connections of this process, as the kernel sees them: when bytes last went each way (Linux)."""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FILES = Path("/proc/self/fd")
# struct tcp_info of linux/tcp.h
TCP_INFO_SIZE, LAST_SENT, LAST_RECEIVED = 56, 44, 52
CAN_SEE = sys.platform == "linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A connection. Where nothing was sent yet, that is as old as the connection."""

    number: int
    inode: int
    peer: str
    sent: float
    received: float

    @property
    def is_owing(self) -> bool:
        """Whether what came last came from the other side: there is an answer to give, or more to come first."""
        return self.sent <= self.received


def wires(port: int, now: float) -> Iterator[Wire]:
    """What was accepted on a port; `now` is the clock that the times are told by."""
    for number in _sockets():
        with suppress(OSError), _borrowed(number) as found:
            if (
                found.family in {socket.AF_INET, socket.AF_INET6}
                and found.type == socket.SOCK_STREAM
                and found.getsockname()[1] == port
            ):
                told = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
                yield Wire(
                    number=number,
                    inode=_inode(found),
                    peer=found.getpeername()[0].partition("%")[0],
                    sent=now - struct.unpack_from("I", told, LAST_SENT)[0] / 1000,
                    received=now - struct.unpack_from("I", told, LAST_RECEIVED)[0] / 1000,
                )


def take_no_more(wire: Wire) -> None:
    """Let its reader find the end of a connection; an answer can still be sent on it."""
    with suppress(OSError), _borrowed(wire.number) as found:
        if _inode(found) == wire.inode:
            found.shutdown(socket.SHUT_RD)


def _sockets() -> Iterator[int]:
    for path in FILES.iterdir():
        with suppress(OSError):
            if str(path.readlink()).startswith("socket:"):
                yield int(path.name)


def _borrowed(number: int) -> socket.socket:
    """A socket that this process holds, by a number of our own: whoever holds it may close it meanwhile."""
    return socket.socket(fileno=os.dup(number))


def _inode(found: socket.socket) -> int:
    return os.fstat(found.fileno()).st_ino
