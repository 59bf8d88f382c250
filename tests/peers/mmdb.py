"""A file of places in MaxMind's format, as small as can be: IPv4 networks, each with a country and a city."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

MARK = b"\xab\xcd\xefMaxMind.com"
GAP = 16
NUMBERS = {2: 5, 4: 6, 8: 9}  # the type of a number by its size
SHORT = 29


def write(path: Path, places: Mapping[str, Mapping[str, Any]]) -> Path:
    """The file that tells this of these networks."""
    nodes: list[list[int | None]] = [[None, None]]
    data, offsets = b"", []
    for number, (network, place) in enumerate(places.items()):
        offsets.append(len(data))
        data += encoded(place)
        _insert(nodes, IPv4Network(network), -1 - number)
    count = len(nodes)
    tree = b"".join(_record(value, count, offsets) for node in nodes for value in node)
    about = {
        "node_count": (count, 4),
        "record_size": (24, 2),
        "ip_version": (4, 2),
        "database_type": "Test-City",
        "languages": ["en"],
        "binary_format_major_version": (2, 2),
        "binary_format_minor_version": (0, 2),
        "build_epoch": (1_700_000_000, 8),
        "description": {"en": "for tests"},
    }
    path.write_bytes(tree + bytes(GAP) + data + MARK + encoded(about))
    return path


def place(code: str, city: str = "", **country: str) -> dict[str, Any]:
    """A country by its names, and a city in it."""
    found: dict[str, Any] = {"country": {"iso_code": code, "names": country}}
    return found | ({"city": {"names": {"en": city}}} if city else {})


def encoded(value: Any) -> bytes:
    match value:
        case str():
            text = value.encode()
            return _control(2, len(text)) + text
        case tuple():
            number, size = value
            return _control(NUMBERS[size], size) + number.to_bytes(size, "big")
        case Mapping():
            return _control(7, len(value)) + b"".join(
                encoded(each) for pair in value.items() for each in pair
            )
        case _:
            return _control(11, len(value)) + b"".join(map(encoded, value))


def _control(kind: int, size: int) -> bytes:
    more = b"" if size < SHORT else bytes([size - SHORT])
    low = min(size, SHORT)
    return bytes([kind << 5 | low]) + more if kind < 8 else bytes([low, kind - 7]) + more


def _insert(nodes: list[list[int | None]], network: IPv4Network, leaf: int) -> None:
    at, bits = 0, int(network.network_address)
    for depth in range(network.prefixlen):
        side = bits >> (31 - depth) & 1
        if depth == network.prefixlen - 1:
            nodes[at][side] = leaf
            return
        following = nodes[at][side]
        if following is None:
            nodes.append([None, None])
            nodes[at][side] = following = len(nodes) - 1
        at = following


def _record(value: int | None, count: int, offsets: list[int]) -> bytes:
    if value is None:
        return count.to_bytes(3, "big")
    number = value if value >= 0 else count + GAP + offsets[-1 - value]
    return number.to_bytes(3, "big")
