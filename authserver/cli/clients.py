"""`authserver clients`: applications that sign people in here, or act for themselves."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import confirm, filled, options, unset_option, written, yes_option
from authserver.clients import edit, find
from authserver.clients.client import Client
from authserver.clients.form import ClientForm
from authserver.opaque import Secret

FLAGS = {
    "redirect_uris": "--redirect-uri",
    "post_logout_redirect_uris": "--post-logout-redirect-uri",
    "grant_types": "--grant",
    "resources": "--resource",
    "several_resources": "--several-resources/--one-resource",
    "serves": "--serves",
    "first_party": "--first-party/--third-party",
    "json_login": "--json-login/--no-json-login",
    "auth_method": "--auth-method",
    "jwks_uri": "--jwks-uri",
    "assertion_algs": "--assertion-alg",
    "legacy_audience": "--legacy-audience/--no-legacy-audience",
    "allowed_groups": "--allow-group",
    "providers": "--provider",
    "required_acr": "--required-acr",
    "required_max_age": "--required-max-age",
    "second_factor": "--second-factor",
    "default_acr_values": "--default-acr",
    "default_max_age": "--default-max-age",
    "amr": "--amr",
    "id_token_alg": "--id-token-alg",
    "access_token_lifetime": "--access-token-lifetime",
    "id_token_lifetime": "--id-token-lifetime",
    "refresh_idle_lifetime": "--refresh-idle-lifetime",
    "refresh_lifetime": "--refresh-lifetime",
    "idle_ends_tokens": "--idle-ends-tokens/--idle-keeps-tokens",
    "backchannel_logout_uri": "--backchannel-logout-uri",
    "backchannel_logout_session_required": "--backchannel-logout-session-required/--no-backchannel-logout-session",
    "pkce_optional": "--pkce-optional/--pkce-required",
    "response_modes": "--response-mode",
    "origins": "--origin",
    "contact": "--contact",
    "logo_url": "--logo-url",
    "client_uri": "--client-uri",
    "policy_uri": "--policy-uri",
    "tos_uri": "--tos-uri",
}
ALL_FLAGS = {**FLAGS, "scopes": "--scope", "jwks": "--jwks"}
COLUMNS = ("client_id", "name", "kind", "auth_method", "grant_types", "active")
ONCE = "This secret is shown once; keep it where the application reads its secrets."
SPAN = re.compile(r"([0-9]{1,6})([smhd]?)")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}

public_option = click.option(
    "--public", "kind", flag_value="public", help="It runs where people can read it."
)
confidential_option = click.option(
    "--confidential", "kind", flag_value="confidential", help="It runs on a server and can keep a secret."
)
scope_option = click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="WORDS",
    help='All that it may ask for: --scope "openid email"; repeats.',
)
jwks_option = click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with its public keys, for private_key_jwt.",
)


@click.group()
def command() -> None:
    """Register applications: who they are, where people return to, what they may ask for."""


@command.command(context_settings={"show_default": False})
@click.argument("name")
@click.option("--id", "client_id", default=None, help="Its id on the wire; one is made if none is given.")
@public_option
@confidential_option
@scope_option
@jwks_option
@options(ClientForm, FLAGS)
@json_option
def add(name: str, client_id: str | None, as_json: bool, **given: Any) -> None:
    """Register the client NAME, and show its secret this once.

    \b
    What is not said is chosen to fit:
      --redirect-uri URI           signs people in: authorization_code and refresh_token, "openid profile email"
      --public --redirect-uri URI  the same without a secret, for browser, mobile and command line apps
      no redirect URI              acts for itself: client_credentials, and the scopes that --scope names
      --first-party --json-login   signs people in by itself, without a page of ours; tokens end with idleness
      --serves API                 is the server of that API: introspects its tokens, and needs no grant
      --jwks, --jwks-uri           authenticates by private_key_jwt, otherwise by client_secret_basic
    """  # noqa: D301
    about = {"name": name, **_filled(given)}
    if client_id is not None:
        about["client_id"] = client_id
    with opened() as issuer:
        saved = written(issuer, lambda db: edit.add(db, issuer, about, by=CLI))
    _show(saved.client, as_json, saved.secret)


@command.command("list")
@click.option("--search", default="", help="Only those whose name or id holds this.")
@json_option
def list_(search: str, as_json: bool) -> None:
    """List the clients by name."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.every(db, search)
    echo([_shown(client) for client in found], as_json, columns=COLUMNS)


@command.command()
@click.argument("client_id")
@json_option
def show(client_id: str, as_json: bool) -> None:
    """Show everything about one client but its secrets."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.load(db, client_id)
    _show(found, as_json)


@command.command("edit")
@click.argument("client_id")
@click.option("--name", default=None, help="What people read on the consent page.")
@public_option
@confidential_option
@scope_option
@jwks_option
@options(ClientForm, FLAGS)
@unset_option(ClientForm, ALL_FLAGS)
@json_option
def edit_(client_id: str, name: str | None, as_json: bool, **given: Any) -> None:
    """Change what the options name. A list that is given replaces the whole list."""
    changes = _filled(given) | ({"name": name} if name is not None else {})
    with opened() as issuer:
        saved = written(issuer, lambda db: edit.edit(db, issuer, client_id, changes, by=CLI))
    _show(saved.client, as_json, saved.secret)


@command.command()
@click.argument("client_id")
@yes_option
def remove(client_id: str, yes: bool) -> None:
    """Remove a client; its tokens and everybody's consent to it end."""
    confirm(f"Remove the client {client_id} for good?", yes=yes)
    with opened() as issuer:
        written(issuer, lambda db: edit.remove(db, issuer, client_id, by=CLI))


@command.command()
@click.argument("client_id")
@json_option
def disable(client_id: str, as_json: bool) -> None:
    """Switch a client off: it gets nothing more, and what it has is refreshed no more."""
    _switch(client_id, as_json, active=False)


@command.command()
@click.argument("client_id")
@json_option
def enable(client_id: str, as_json: bool) -> None:
    """Switch a client on again."""
    _switch(client_id, as_json, active=True)


@command.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--keep-old-for",
    default="1d",
    show_default=True,
    help="How long the old one works on: 0, 90s, 30m, 2h, 7d.",
)
@json_option
def rotate_secret(client_id: str, keep_old_for: str, as_json: bool) -> None:
    """Give a client a new secret, shown this once; the old one works on for a while.

    With --keep-old-for 0 the old one ends at once, which is right when it leaked.
    """
    span = _span(keep_old_for)
    with opened() as issuer:
        secret = written(
            issuer, lambda db: edit.rotate_secret(db, issuer, client_id, by=CLI, keep_old_for=span)
        )
    echo({"client_id": client_id, "secret": secret}, as_json)
    click.echo(ONCE, err=True)


def _switch(client_id: str, as_json: bool, *, active: bool) -> None:
    with opened() as issuer:
        saved = written(issuer, lambda db: edit.edit(db, issuer, client_id, {"active": active}, by=CLI))
    _show(saved.client, as_json)


def _filled(given: dict[str, Any]) -> dict[str, Any]:
    kind, scopes, path = given.pop("kind"), given.pop("scopes"), given.pop("jwks")
    found = filled(ClientForm, ALL_FLAGS, given)
    if kind is not None:
        found["kind"] = kind
    if scopes:
        found["scopes"] = [word for words in scopes for word in words.split()]
    if path is not None:
        found["jwks"] = _keys(path)
    return found


def _keys(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.BadParameter(f"{path} holds no JSON", param_hint="--jwks") from error


def _span(text: str) -> timedelta:
    found = SPAN.fullmatch(text)
    if found is None:
        raise click.BadParameter("a number with s, m, h or d, such as 2h", param_hint="--keep-old-for")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def _show(client: Client, as_json: bool, secret: Secret | None = None) -> None:
    echo({**_shown(client), **({"secret": secret} if secret else {})}, as_json)
    if secret:
        click.echo(ONCE, err=True)


def _shown(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        **edit.as_form(client),
        "secrets": [{"expires_at": each.expires_at} for each in client.secrets],
        "version": client.version,
    }
