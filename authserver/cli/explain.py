"""`authserver explain REF`: from the reference that somebody read out to the reason."""

import time

import click

from authserver.cli.context import opened
from authserver.cli.output import echo, json_option, to_plain
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.refusals import Explanation, find

JUST_NOW = 2.5
LONG_KEYS = {"public": "they read", "first_at": "first", "last_at": "last", "count": "times"}


@click.command()
@click.argument("reference")
@json_option
def command(reference: str, as_json: bool) -> None:
    """Say why something was refused: the step, the rule, what was given, and what would have been accepted.

    REFERENCE is what the page or the answer showed, such as KQ7M-2X9D-HV4R; case, dashes and O for 0 do not matter.
    """
    with opened() as issuer:
        found = looked_up(issuer, reference)
        if found is None:
            # Servers write down what they refused every other second.
            time.sleep(JUST_NOW)
            found = looked_up(issuer, reference)
    if found is None:
        raise Refusal(
            f"Nothing is known of {reference!r}. References are kept for 7 days.",
            code="not_found",
        )
    echo(found if as_json else told(found), as_json)


def looked_up(issuer: Issuer, reference: str) -> Explanation | None:
    with issuer.database.reading() as db:
        return find(db, reference)


def told(found: Explanation) -> dict[str, object]:
    """What is known, in the order in which people ask; without what is not known."""
    plain: dict[str, object] = to_plain(found)
    names = ("reference", "step", "rule", "detail", "value", "nearest", "public", "code", "client", "person")
    times = ("count", "first_at", "last_at", "request_id")
    return {LONG_KEYS.get(name, name): plain[name] for name in (*names, *times) if plain[name] is not None}
