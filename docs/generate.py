"""Writes docs/reference, and the code in README and guide, from the product itself: `make docs`.

A test fails while one of the pages is not current.
"""  # noqa: INP001

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
from flask import Flask
from pydantic import SecretStr

from authserver.audit import events
from authserver.cli import main as command
from authserver.config import PREFIX, SETTING_PREFIX, Config
from authserver.metrics import COUNTERS
from authserver.settings import secrets
from authserver.settings.catalogue import Settings
from authserver.users.access import SCOPES
from authserver.web.account.described import document
from authserver.web.api import BLUEPRINTS, openapi
from authserver.web.snippets import snippets

DOCS = Path(__file__).resolve().parent
PROJECT = DOCS.parent
ISSUER = "http://localhost:8000"
WIDTH = 100
NOTE = "<!-- Written by `make docs`; changes here are lost. -->"
KEY = re.compile(r"# (\w+) = (.+)")
SNIPPET = re.compile(r"(<!-- snippet (\w+) -->\n```\w+\n)(.*?)(\n```\n)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Every page that is written here, with what it should hold."""
    told = description()
    reference = {
        "configuration": ("Configuration", CONFIGURATION, configuration()),
        "settings": ("Settings", SETTINGS, settings()),
        "commands": ("Commands", COMMANDS, commands()),
        "admin-api": ("Admin API", API, admin_api(told)),
        "metrics": ("Metrics", METRICS, metrics()),
        "audit-events": ("Audit events", EVENTS, audit_events()),
    }
    found = {
        DOCS / "reference" / f"{name}.md": "\n".join((f"# {title}", "", NOTE, "", lead, "", *body)).rstrip()
        + "\n"
        for name, (title, lead, body) in reference.items()
    }
    found[DOCS / "reference" / "admin-api.openapi.json"] = (
        json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    )
    found[DOCS / "reference" / "json-login.openapi.json"] = (
        json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    )
    for path in (PROJECT / "README.md", *sorted((DOCS / "guide").glob("*.md"))):
        found[path] = SNIPPET.sub(current, path.read_text(encoding="utf-8"))
    return found


def current(found: re.Match[str]) -> str:
    return f"{found[1]}{snippets(ISSUER)[found[2]]}{found[4]}"


CONFIGURATION = f"""\
What must be known to boot: a TOML file (`authserver.toml` in the data folder, or the one that `AUTHSERVER_CONFIG`
names) and variables. A variable wins over the file. Each key is a variable, too: `{PREFIX}` and its name in capitals,
lists with commas. A key that is not known is an error that names the nearest one.
[The annotated example](../../config/authserver.example.toml) is a file to start from. All else is a
[live setting](settings.md)."""


def configuration() -> Iterator[str]:
    """The annotated example as tables: what it says of each key is said once."""
    example = (PROJECT / "config" / "authserver.example.toml").read_text(encoding="utf-8")
    for section in re.split(r"^## ", f"To begin with\n{example}", flags=re.MULTILINE):
        title, _, lines = section.partition("\n")
        rows = list(keys(lines))
        if rows:
            yield f"## {title.partition('.')[0]}\n"
            yield from table(("key", "variable", "default", "what it says"), rows)
            yield ""


def keys(lines: str) -> Iterator[Sequence[str]]:
    """The keys of a section; several below one comment share it."""
    text: list[str] = []
    said, ended = "", True
    for line in lines.splitlines():
        found = KEY.fullmatch(line)
        if found is None:
            text = [*text, line.removeprefix("# ")] if line.startswith("# ") else []
            ended = ended or not line
        elif (name := found[1]) in Config.model_fields:
            of = name.removesuffix("_file")
            said = " ".join(text) or (f"A file that holds `{of}`." if of != name else "" if ended else said)
            text, ended = [], False
            default = "" if of != name or is_unset(name) else f"`{found[2]}`"
            yield f"`{name}`", f"`{PREFIX}{name.upper()}`", default, said + choices(name)


def is_unset(name: str) -> bool:
    default = Config.model_fields[name].default
    return default in (None, "") or (isinstance(default, SecretStr) and not default.get_secret_value())


def choices(name: str) -> str:
    found = [each for each in get_args(Config.model_fields[name].annotation) if isinstance(each, str)]
    said = " or ".join(f"`{each}`" for each in found)
    return f" One of {said}." if found else ""


SETTINGS = f"""\
What holds while the server runs, on every node within a second of its change: `authserver settings set NAME VALUE`, or
`/api/admin/settings`. A setting can be fixed in the configuration file, under `[settings]`, or by a variable, such as
`{SETTING_PREFIX}SITE_NAME`; then it is changed there. Times are seconds."""


def settings() -> Iterator[str]:
    group = ""
    rows: list[Sequence[str]] = []
    groups = dict(groups_of(Settings))
    for name, field in Settings.model_fields.items():
        if name in groups:
            yield from rows_of(group, rows)
            group, rows = groups[name], []
        value = secrets.told(name, field.get_default(call_default_factory=True))
        default = json.dumps(value, ensure_ascii=False)
        rows.append((f"`{name}`", f"`{default}`", limits(field.metadata), field.description or ""))
    yield from rows_of(group, rows)


def rows_of(group: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield f"## {group}\n"
        yield from table(("setting", "default", "bounds", "what it is"), rows)
        yield ""


def groups_of(model: type[Settings]) -> Iterator[tuple[str, str]]:
    """The comments between the fields, each with the first field below it."""
    yield from (
        (name, title)
        for title, name in re.findall(r"^    # (.+)\n    (\w+):", inspect.getsource(model), re.MULTILINE)
    )


def limits(metadata: Iterable[Any]) -> str:
    words = {"ge": "from {}", "le": "to {}", "min_length": "length from {}", "max_length": "length to {}"}
    return " ".join(
        words[name].format(getattr(each, name)) for each in metadata for name in words if hasattr(each, name)
    )


COMMANDS = """\
`AUTHSERVER_DATA_DIR` names the data folder, and is all that a command needs where the configuration is in that folder;
`AUTHSERVER_CONFIG` names a configuration elsewhere. Commands that print data take `--json`. They end with 1 when
something was refused, and with 2 when the call or the configuration is wrong."""


def commands() -> Iterator[str]:
    yield from helped(command, opened(command, "authserver", None))


def opened(found: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return found.make_context(name, [], parent, resilient_parsing=True, terminal_width=WIDTH)


def helped(found: click.Command, context: click.Context) -> Iterator[str]:
    """The help of a command, then that of those below it."""
    yield f"## {context.command_path}\n"
    yield f"```text\n{found.get_help(context).rstrip()}\n```\n"
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            below = found.get_command(context, name)
            assert below is not None  # noqa: S101
            yield from helped(below, opened(below, name, context))


API = """\
All that an administrator does, for programs. [The guide](../guide/admin-api.md) shows its manners by example. A server
describes itself at `/api/admin/openapi.json`, from which this page is made; the same is
[a file here](admin-api.openapi.json), OpenAPI 3.1. Every call carries an API token; each route says which scope and
which least role the token needs."""


def description() -> dict[str, Any]:
    app = Flask("authserver.web", static_folder=None)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return openapi.document(app)


def admin_api(told: Mapping[str, Any]) -> Iterator[str]:
    routes: dict[str, list[Sequence[str]]] = {}
    for path, operations in told["paths"].items():
        for method, said in operations.items():
            row = (f"`{method.upper()} {path}`", said["summary"], needs(said), body_of(said))
            routes.setdefault(said["tags"][0], []).append(row)
    for noun, rows in routes.items():
        yield f"## {noun.replace('_', ' ').capitalize()}\n"
        yield from table(("route", "what it does", "scope, least role", "takes"), rows)
        yield ""
    yield "## Scopes\n"
    rows = [(f"`{name}`", access.role, access.sentence) for name, access in SCOPES.items()]
    yield from table(("scope", "least role", "what it allows"), rows)
    yield "\n## Forms\n"
    yield "A form refuses members that it does not name. A `PATCH` takes some of them, and keeps the rest.\n"
    for name, schema in told["components"]["schemas"].items():
        if name.endswith("Form"):
            yield from form(name, schema)


def needs(operation: Mapping[str, Any]) -> str:
    found = re.fullmatch(r"Scope (\S+), role (\w+) or above\.", operation["description"])
    return f"`{found[1]}`, {found[2]}" if found else "any token"


def body_of(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    names = [each["schema"]["$ref"].rpartition("/")[2].removesuffix("Changes") for each in content.values()]
    return ", ".join(f"[{name}](#{name.lower()})" for name in names)


def form(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    yield f"### {name}\n"
    rows = [
        (
            f"`{key}`",
            kind(each),
            "required" if key in required else default_of(each),
            each.get("description", ""),
        )
        for key, each in schema["properties"].items()
    ]
    yield from table(("member", "type", "default", "what it is"), rows)
    yield ""


def kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def default_of(schema: Mapping[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


METRICS = """\
Where `metrics_bind` is set, `/metrics` there gives what all workers of this node counted, as Prometheus reads it. The
values of a label are few: names of endpoints, grants, events and codes, never what a stranger sent."""


def metrics() -> Iterator[str]:
    rows = [
        (
            f"`authserver_{name}_total`",
            "counter",
            ", ".join(f"`{each}`" for each in counted.labels),
            counted.sentence,
        )
        for name, counted in COUNTERS.items()
    ]
    said = "Seconds from a request's arrival to its answer."
    rows.append(("`authserver_request_seconds`", "histogram", "`endpoint`", said))
    yield from table(("metric", "kind", "labels", "what it counts"), rows)


EVENTS = """\
What is written down in the very transaction that does it: if it cannot be written, the act does not happen. Each event
has its time, who acted (with address and browser) and, where there is one, the person, the client and the session that
it is about. None holds a password, a code, a token, a secret or a cookie. `/api/admin/audit` reads them; they are kept
for `audit_retention_days`."""


def audit_events() -> Iterator[str]:
    found = [
        each for each in vars(events).values() if isinstance(each, type) and issubclass(each, events.Event)
    ]
    rows = []
    for each in found:
        if each is events.Event:
            continue
        own = [name for name in each.__dataclass_fields__ if name not in events.COMMON and name != "name"]
        said = " ".join((each.__doc__ or "").split())
        rows.append(
            (
                f"`{each.name}`",
                ", ".join(f"`{name}`" for name in own),
                "" if said.startswith(each.__name__) else said,
            )
        )
    yield from table(("event", "also says", "note"), sorted(rows))


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def main() -> None:
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
