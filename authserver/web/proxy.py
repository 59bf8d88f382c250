"""Who asks: the address that the outermost trusted proxy saw, and nobody else's word for it."""

from collections.abc import MutableMapping
from typing import Any

from authserver.limits.limiter import read_address

FORWARDED = (
    "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SERVER", "HTTP_X_REAL_IP",
)  # fmt: skip


def believe(environ: MutableMapping[str, Any], trusted: int) -> None:
    """Put the client's address into REMOTE_ADDR, and drop every other word about forwarding.

    With N trusted proxies the N-th address from the right is the one that the outermost of them saw; what stands
    further left was written by strangers.
    """
    if environ.keys().isdisjoint(FORWARDED):
        return
    chain = environ.get("HTTP_X_FORWARDED_FOR", "")
    for name in FORWARDED:
        environ.pop(name, None)
    if not trusted or not chain:
        return
    hops = [hop.strip() for hop in chain.rsplit(",", trusted)]
    # Fewer hops than proxies: somebody came past the outer ones, and the left-most is all that is known.
    address = read_address(_bare(hops[-trusted] if len(hops) >= trusted else hops[0]))
    if address is not None:
        environ["REMOTE_ADDR"] = str(address)


def _bare(hop: str) -> str:
    """An address without the port that some proxies add."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
