"""`authserver keys`: what signs now, what will, what did."""

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.keys import rotation
from authserver.keys.keyring import ALGS
from authserver.keys.rotation import SigningKey

COLUMNS = ("kid", "alg", "state", "created_at", "activates_at", "retires_at", "purge_at")
CACHES = (
    "Whoever fetched the JWKS before this key was published cannot verify it until they fetch again: "
    "usually within 5 minutes, at most a day."
)

alg_option = click.option(
    "--alg", type=click.Choice(ALGS), multiple=True, help="Only this algorithm; repeats."
)


@click.group()
def command() -> None:
    """Show and rotate the keys that sign tokens: next, active, retiring, retired.

    An ordinary rotation is `keys rotate`, which publishes the next key, and a day later `keys activate`.
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every signing key with its state."""
    with opened() as issuer, issuer.database.reading() as db:
        found = rotation.all_keys(db)
    echo(found, as_json, columns=COLUMNS)


@command.command()
@alg_option
@click.option("--emergency", is_flag=True, help="A key leaked: replace it at once; every token of it fails.")
@json_option
def rotate(alg: tuple[str, ...], emergency: bool, as_json: bool) -> None:
    """Publish the keys that will sign next.

    They may sign a day later, when every cache knows them; `keys activate` then makes them active. With
    --emergency a new key signs at once, and all earlier ones are gone with the tokens they signed.
    """
    made: list[SigningKey] = []
    with opened() as issuer:
        for each in alg or ALGS:
            with issuer.database.writing() as db:
                made.append(
                    rotation.replace(db, issuer.vault, each, now=issuer.clock(), by=CLI)
                    if emergency
                    else rotation.publish_next(
                        db, issuer.vault, each, settings=issuer.settings, now=issuer.clock(), by=CLI
                    )
                )
    echo(made, as_json, columns=COLUMNS)
    if emergency:
        click.echo(CACHES, err=True)


@command.command()
@alg_option
@click.option("--now", "at_once", is_flag=True, help="Do not wait until every cache knows the key.")
@json_option
def activate(alg: tuple[str, ...], at_once: bool, as_json: bool) -> None:
    """Let the next keys sign; those that signed retire."""
    step = rotation.activate_now if at_once else rotation.activate
    with opened() as issuer, issuer.database.writing() as db:
        waiting = sorted(key.alg for key in rotation.all_keys(db) if key.state == "next")
        moved = [
            step(db, each, settings=issuer.settings, now=issuer.clock(), by=CLI)
            for each in alg or waiting or ALGS
        ]
    echo(moved, as_json, columns=COLUMNS)
    if at_once:
        click.echo(CACHES, err=True)
