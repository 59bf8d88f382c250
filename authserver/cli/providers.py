"""`authserver providers`: where else people have an account that they sign in here with."""

import json
from pathlib import Path
from typing import Any

import click

from authserver.cli.context import CLI, echo, json_option, opened
from authserver.cli.records import confirm, typed_secret, written, yes_option
from authserver.issuer import Issuer
from authserver.login import providers
from authserver.store import records
from authserver.upstream import configure, find, trial
from authserver.upstream.contract import Passed
from authserver.upstream.form import Rules
from authserver.upstream.provider import Broken, Provider, Status
from authserver.upstream.registry import kind as kind_of
from authserver.upstream.registry import kinds as every_kind

COLUMNS = ("slug", "kind", "title", "status", "position", "links")
MARKS = {Passed.YES: "ok", Passed.NO: "FAILED", Passed.WARNED: "warning", Passed.SKIPPED: "left out"}


def _settings(command: Any) -> Any:
    for option in (
        click.option("--title", default=None, help="What people read on its button."),
        click.option("--position", type=int, default=None, help="Where it stands, low first."),
        click.option(
            "--set",
            "config",
            multiple=True,
            metavar="NAME=VALUE",
            help="A setting of its kind; VALUE may be JSON. Repeats.",
        ),
        click.option(
            "--set-file",
            "files",
            multiple=True,
            metavar="NAME=FILE",
            help="The same, with the text of a file, such as metadata or a certificate. Repeats.",
        ),
        click.option(
            "--rule",
            "rules",
            multiple=True,
            metavar="NAME=VALUE",
            help="Who gets in and what is taken over, such as accounts=off. VALUE may be JSON. Repeats.",
        ),
        click.option(
            "--secret", default=None, metavar="NAME", help="Ask for this secret, such as client_secret."
        ),
        click.option("--secret-stdin", default=None, metavar="NAME", help="Read this secret from stdin."),
    ):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """Providers: ORCID, OpenID Connect, SAML and LDAP. New ones are drafts until they are enabled."""


@command.command()
@json_option
def kinds(as_json: bool) -> None:
    """List the kinds that can be added, with their presets and settings."""
    with opened() as issuer:
        found = [
            {
                "kind": name,
                "title": made.title,
                "presets": list(made.presets),
                "settings": list(made.Config.model_fields),
            }
            for name, made in ((name, kind_of(issuer, name)) for name in every_kind())
        ]
    echo(found, as_json)


@command.command()
@click.argument("slug")
@click.option("--kind", required=True, help="The kind, such as oidc; `providers kinds` lists them.")
@click.option("--preset", default="", help="Settings known of one provider, such as google.")
@_settings
@json_option
def add(slug: str, kind: str, preset: str, as_json: bool, **given: Any) -> None:
    """Add the provider SLUG as a draft: try it with `providers test`, then enable it."""
    with opened() as issuer:
        made = kind_of(issuer, kind) if kind in every_kind() else None
        known = made.presets.get(preset) if made else None
        title = (known.title if known else made.title) if made else slug
        about = {"title": title, **_filled(issuer, given, made)}
        draft = configure.drafted(issuer, {**about, "slug": slug, "kind": kind, "preset": preset})
        saved = written(issuer, lambda db: configure.add(db, issuer, draft, by=CLI))
        _show(issuer, saved, as_json)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the providers in the order of the sign-in page."""
    with opened() as issuer, issuer.database.reading() as db:
        found = [_line(each) for each in find.listed(db, issuer)]
    echo(found, as_json, columns=COLUMNS)


@command.command()
@click.argument("slug")
@json_option
def show(slug: str, as_json: bool) -> None:
    """Show everything about one provider but its secrets."""
    with opened() as issuer:
        _show(issuer, _found(issuer, slug), as_json)


@command.command("edit")
@click.argument("slug")
@_settings
@json_option
def edit_(slug: str, as_json: bool, **given: Any) -> None:
    """Change what the options name; NAME= without a value brings a default back."""
    with opened() as issuer:
        before = _found(issuer, slug)
        draft = configure.redrafted(issuer, before, _filled(issuer, given, before.kind))
        saved = written(issuer, lambda db: configure.edit(db, issuer, draft, by=CLI))
        _show(issuer, saved, as_json)


@command.command("test")
@click.argument("slug")
@click.option("--name", default="", help="Somebody to look for, where the kind can look.")
@json_option
def test_(slug: str, name: str, as_json: bool) -> None:
    """Take the real steps of a sign-in as far as they go without a person; changes nothing."""
    with opened() as issuer:
        provider = _found(issuer, slug)
        steps = trial.steps(issuer, provider, name=name)
        written(issuer, lambda db: trial.note(db, issuer, provider, steps, by=CLI))
        url = trial.page(issuer, provider)
    if as_json:
        echo(steps, as_json)
    else:
        for step in steps:
            click.echo(f"{MARKS[step.passed].ljust(9)} {step.title}{': ' + step.found if step.found else ''}")
            if step.remedy:
                click.echo(f"          → {step.remedy}")
        click.echo(f"A whole trial sign-in, for an owner or admin who is signed in: {url}")
    if any(step.passed is Passed.NO for step in steps):
        raise SystemExit(1)


@command.command()
@click.argument("slug")
def enable(slug: str) -> None:
    """Let people sign in by it, within a second and everywhere."""
    _switch(slug, "active")


@command.command()
@click.argument("slug")
@click.option("--end-sessions", is_flag=True, help="Also sign out everybody who signed in by it.")
def disable(slug: str, end_sessions: bool) -> None:
    """Let nobody in by it any more, also those who are on their way."""
    _switch(slug, "disabled")
    if end_sessions:
        _end(slug)


@command.command("end-sessions")
@click.argument("slug")
@yes_option
def end_sessions_(slug: str, yes: bool) -> None:
    """Sign out everybody who signed in by this provider, with their apps."""
    confirm(f"Sign out everybody who signed in by {slug}?", yes=yes)
    _end(slug)


@command.command()
@click.argument("slug")
@yes_option
def remove(slug: str, yes: bool) -> None:
    """Remove a provider with the links of all accounts to it, and sign out whoever it let in."""
    with opened() as issuer:
        with issuer.database.reading() as db:
            provider_id = next(
                (each.provider.id for each in find.listed(db, issuer) if each.provider.slug == slug), ""
            )
            links = records.upstreams.count_links(db).get(provider_id, 0)
        confirm(f"Remove {slug} for good? {links} accounts are linked to it.", yes=yes)
        written(issuer, lambda db: providers.remove(db, issuer, slug, by=CLI))


def _switch(slug: str, status: Status) -> None:
    with opened() as issuer:
        written(issuer, lambda db: configure.switch(db, issuer, slug, status, by=CLI))


def _end(slug: str) -> None:
    with opened() as issuer:
        ended = written(issuer, lambda db: providers.end_sessions(db, issuer, slug, by=CLI))
    click.echo(f"{ended} sessions ended.")


def _found(issuer: Issuer, slug: str) -> Provider:
    with issuer.database.reading() as db:
        return find.load(db, issuer, slug)


def _filled(issuer: Issuer, given: dict[str, Any], kind: Any) -> dict[str, Any]:
    """What the options said, as a form takes it."""
    found: dict[str, Any] = {name: given[name] for name in ("title", "position") if given[name] is not None}
    fields = kind.Config.model_fields if kind else {}
    config = {name: _value(fields.get(name), value) for name, value in map(_pair, given["config"])}
    for name, path in map(_pair, given["files"]):
        config[name] = Path(path).read_text(encoding="utf-8")
    for name, from_stdin in ((given["secret"], False), (given["secret_stdin"], True)):
        if name:
            config[name] = typed_secret(name, from_stdin=from_stdin)
    rules = {name: _value(Rules.model_fields.get(name), value) for name, value in map(_pair, given["rules"])}
    return found | ({"config": config} if config else {}) | ({"rules": rules} if rules else {})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def _value(field: Any, text: str) -> Any:
    """Text for a field of text, else JSON; a list may be words."""
    if text == "":
        return None
    if field is not None and field.annotation is str:
        return text
    try:
        return json.loads(text)
    except ValueError:
        is_list = field is not None and str(field.annotation).startswith(("list", "typing.Annotated[list"))
        return text.replace(",", " ").split() if is_list else text


def _line(listed: find.Listed) -> dict[str, Any]:
    each = listed.provider
    return {
        "slug": each.slug,
        "kind": each.kind_name,
        "title": each.title,
        "status": f"broken: {each.problem}" if isinstance(each, Broken) else each.status,
        "position": None if isinstance(each, Broken) else each.position,
        "links": listed.links,
    }


def _show(issuer: Issuer, provider: Provider, as_json: bool) -> None:
    about = trial.addresses(issuer, provider)
    data = {
        "slug": provider.slug,
        "kind": provider.kind_name,
        "preset": provider.preset,
        "title": provider.title,
        "status": provider.status,
        "position": provider.position,
        "callback": about.callback,
        **({"metadata": about.document} if about.publishes else {}),
        "config": provider.shown_config(),
        "rules": provider.rules.model_dump(mode="json"),
        "warnings": list(provider.kind.warnings(provider.config, issuer.clock())),
        "version": provider.version,
    }
    echo(data, as_json)
