"""The command `authserver`: one file per noun, read only when its noun is asked for."""

import gc
from importlib import import_module

import click

from authserver import __version__
from authserver.errors import AuthserverError, Misconfigured

NOUNS = {
    "serve": "Run the server.",
    "init": "Make the data folder, the database, the master key and the signing keys.",
    "doctor": "Check this installation, and say what to do.",
    "db": "Migrate the database, or say that it was restored.",
    "clients": "Applications that sign people in here.",
    "apis": "APIs that tokens are for.",
    "groups": "Groups of people.",
    "users": "People.",
    "sessions": "Where people are signed in.",
    "providers": "Where else people have an account that they sign in here with.",
    "api-tokens": "Tokens for the admin API.",
    "keys": "Keys that sign tokens.",
    "secrets": "The master key, and the secrets under it.",
    "settings": "Settings that hold while the server runs.",
    "mail": "Mails that wait, and whether they get out.",
    "explain": "Say why something was refused, by its reference.",
    "work": "Do the background work in a process of its own.",
    "purge": "Delete expired rows now.",
}


class Nouns(click.Group):
    """Knows every noun by name and sentence, so that --help reads no other module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in NOUNS:
            return None
        # Loading makes no garbage, and looking for it meanwhile costs a tenth of the start.
        gc.disable()
        module = import_module(f"authserver.cli.{cmd_name.replace('-', '_')}")
        gc.enable()
        command: click.Command = module.command
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(NOUNS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Misconfigured as error:
            click.echo(f"authserver: {error}", err=True)
            ctx.exit(2)
        except AuthserverError as error:
            click.echo(f"authserver: {error}", err=True)
            for field, sentence in getattr(error, "fields", {}).items():
                click.echo(f"  {field}: {sentence}", err=True)
            ctx.exit(1)


@click.group(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="authserver")
def main() -> None:
    """Run and administer a self-hosted OAuth 2.0 and OpenID Connect authorization server.

    AUTHSERVER_DATA_DIR names the data folder (data/ by default); it is all that a command needs.
    """
