"""Plug-ins: loads entry points; built-ins come in through the same door."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from authserver.errors import Misconfigured

UPSTREAMS = "authserver.upstreams"


def names(group: str) -> tuple[str, ...]:
    """What is installed for an extension point, by name; nothing is imported."""
    return tuple(sorted(_found(group)))


def load(group: str, name: str) -> Any:
    """Import what an installed package offers under this name."""
    found = _found(group).get(name)
    if found is None:
        known = ", ".join(names(group)) or "nothing"
        raise Misconfigured(
            f"Nothing called {name!r} is installed for {group}; there is {known}.",
            "Install the package that has it, or name another.",
        )
    try:
        return found.load()
    except (ImportError, AttributeError) as error:
        raise Misconfigured(
            f"The plug-in {name!r} of {group} cannot be loaded: {error}", f"Install what {found.value} needs."
        ) from error


def _found(group: str) -> dict[str, EntryPoint]:
    every = tuple(entry_points(group=group))
    found = {point.name: point for point in every}
    twice = {point.name for point in every if found[point.name].value != point.value}
    if twice:
        raise Misconfigured(
            f"Two packages offer {min(twice)!r} for {group}.", "Uninstall one of them, or rename it."
        )
    return found
