"""`authserver apis`: APIs that tokens are for, and what can be allowed at each."""

from dataclasses import replace
from typing import Any

import click

from authserver.apis import edit, find
from authserver.apis.api import Api, ApiScope
from authserver.apis.form import ApiForm, ScopeForm
from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import confirm, filled, options, unset_option, written, yes_option
from authserver.issuer import Issuer
from authserver.store import Session

FLAGS = {
    "token_lifetime": "--token-lifetime",
    "required_acr": "--required-acr",
    "required_max_age": "--required-max-age",
    "is_default": "--default/--not-default",
}
SCOPE_FLAGS = {"required_acr": "--required-acr", "required_max_age": "--required-max-age"}
COLUMNS = ("identifier", "name", "scopes", "is_default")


@click.group()
def command() -> None:
    """Declare APIs: their identifier (`resource` in requests, `aud` in tokens) and their scopes."""


@command.command()
@click.argument("name")
@click.option("--identifier", required=True, help="An absolute URI; it never changes.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="WORD[=SENTENCE]",
    help="A scope, and what consent says in English; repeats.",
)
@options(ApiForm, FLAGS)
@json_option
def add(name: str, identifier: str, scopes: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Declare the API NAME. The first one is the default where a request names no resource.

    `apis scope` says more about a scope: sentences in other languages, who may have it.
    """
    about = {"name": name, "identifier": identifier, "scopes": [_read(scope) for scope in scopes]}
    with opened() as issuer:
        made = written(issuer, lambda db: edit.add(db, issuer, about | filled(ApiForm, FLAGS, given), by=CLI))
    echo(_shown(made), as_json)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the APIs."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.every(db)
    if as_json:
        echo([_shown(api) for api in found], as_json)
    else:
        echo(
            [_shown(api) | {"scopes": [scope.name for scope in api.scopes]} for api in found],
            as_json,
            columns=COLUMNS,
        )


@command.command()
@click.argument("identifier")
@json_option
def show(identifier: str, as_json: bool) -> None:
    """Show one API with its scopes."""
    with opened() as issuer, issuer.database.reading() as db:
        found = find.load(db, identifier)
    echo(_shown(found), as_json)


@command.command("edit")
@click.argument("identifier")
@click.option("--name", default=None, help="What people read.")
@options(ApiForm, FLAGS)
@unset_option(ApiForm, FLAGS)
@json_option
def edit_(identifier: str, name: str | None, as_json: bool, **given: Any) -> None:
    """Change what the options name; `apis scope` changes the scopes."""
    changes = filled(ApiForm, FLAGS, given) | ({"name": name} if name is not None else {})
    with opened() as issuer:
        made = written(issuer, lambda db: edit.edit(db, issuer, identifier, changes, by=CLI))
    echo(_shown(made), as_json)


@command.command()
@click.argument("identifier")
@yes_option
def remove(identifier: str, yes: bool) -> None:
    """Remove an API; no token is made for it any more."""
    confirm(f"Remove the API {identifier} for good?", yes=yes)
    with opened() as issuer:
        written(issuer, lambda db: edit.remove(db, issuer, identifier, by=CLI))


@command.command()
@click.argument("identifier")
@click.argument("word")
@click.option(
    "--sentence", multiple=True, metavar="LANGUAGE=TEXT", help="What consent says in a language; repeats."
)
@click.option("--client", "clients", multiple=True, help="Only these clients may have it; repeats.")
@click.option("--every-client", is_flag=True, help="Every client may have it that lists it.")
@click.option("--group", "groups", multiple=True, help="Only people in these groups may have it; repeats.")
@click.option("--everybody", is_flag=True, help="People of all groups and of none may have it.")
@click.option("--remove", "removes", is_flag=True, help="Take the scope away.")
@options(ScopeForm, SCOPE_FLAGS)
@unset_option(ScopeForm, SCOPE_FLAGS)
@json_option
def scope(identifier: str, word: str, as_json: bool, removes: bool, **given: Any) -> None:
    """Add or change the scope WORD of an API, or take it away."""
    with opened() as issuer:
        made = written(
            issuer, lambda db: _set_scope(db, issuer, identifier, word, None if removes else given)
        )
    echo(_shown(made), as_json)


def _set_scope(db: Session, issuer: Issuer, identifier: str, word: str, given: dict[str, Any] | None) -> Api:
    api = find.load(db, identifier)
    scopes = {each.name: each for each in api.scopes}
    if given is None:
        scopes.pop(word, None)
    else:
        scopes[word] = _changed(scopes.get(word, ApiScope(name=word)), given)
    changes = {"scopes": [_plain(each) for each in scopes.values()]}
    return edit.edit(db, issuer, identifier, changes, by=CLI, expected_version=api.version)


def _changed(before: ApiScope, given: dict[str, Any]) -> ApiScope:
    sentences = dict(each.partition("=")[::2] for each in given["sentence"])
    clients = None if given["every_client"] else frozenset(given["clients"]) or before.clients
    groups = None if given["everybody"] else frozenset(given["groups"]) or before.groups
    required = filled(ScopeForm, SCOPE_FLAGS, dict(given))
    sentences = {**before.sentences, **sentences}
    return replace(before, sentences=sentences, clients=clients, groups=groups, **required)


def _read(text: str) -> dict[str, Any]:
    word, _, sentence = text.partition("=")
    return {"name": word, "sentences": {"en": sentence} if sentence else {}}


def _plain(scope: ApiScope) -> dict[str, Any]:
    return {
        "name": scope.name,
        "sentences": dict(scope.sentences),
        "clients": None if scope.clients is None else sorted(scope.clients),
        "groups": None if scope.groups is None else sorted(scope.groups),
        "required_acr": scope.required_acr,
        "required_max_age": scope.required_max_age,
    }


def _shown(api: Api) -> dict[str, Any]:
    return {
        "identifier": api.identifier,
        "name": api.name,
        "scopes": [_plain(scope) for scope in api.scopes],
        "token_lifetime": api.token_lifetime,
        "required_acr": api.required_acr,
        "required_max_age": api.required_max_age,
        "is_default": api.is_default,
        "version": api.version,
    }
