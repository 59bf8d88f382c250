"""Writes the reference pages that follow from the code: `make docs`. A test fails while one of them is old."""  # noqa: INP001

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask

from authserver.settings import values
from authserver.users.access import SCOPES
from authserver.web.api import BLUEPRINTS, openapi

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Every generated page by its name in docs/reference."""
    document = described()
    return {
        "admin-api.openapi.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        "admin-api.md": "\n".join(admin_api(document)) + "\n",
        "settings.md": "\n".join(settings()) + "\n",
    }


def described() -> dict[str, Any]:
    app = Flask("docs", static_folder=None)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return openapi.document(app)


def admin_api(document: dict[str, Any]) -> Iterator[str]:
    yield from (
        "# Admin API",
        "",
        "Everything that an administrator does, for programs. Made from the code by `make docs`; the same as OpenAPI:",
        "[admin-api.openapi.json](admin-api.openapi.json), or from a running server `GET /api/admin/openapi.json`.",
        "",
        "```sh",
        "TOKEN=$(authserver api-tokens add deploy --role admin --json | jq -r .token)",
        'curl -H "Authorization: Bearer $TOKEN" https://id.example.org/api/admin/clients',
        "```",
        "",
        "- A token goes into the `Authorization` header. Cookies do not count here, and tokens do not count on pages.",
        "- A change (`PATCH`) names the version it is for: `If-Match` with the `ETag` of what was read, or `*`.",
        "  Without it the answer is 428, and 412 when somebody else was faster.",
        "- A list is a page: `items`, and `next`, which goes into `after`. `limit` is 1 to 200.",
        "- An error is a problem document (RFC 9457). `errors` says what is wrong with which field; `reference` is for",
        "  `authserver explain`.",
        "- A path variable may hold slashes, as they are or as `%2F`.",
        "",
        "## Scopes",
        "",
        "| scope | least role | what it opens |",
        "|---|---|---|",
    )
    for name, access in SCOPES.items():
        yield f"| `{name}` | {access.role} | {access.sentence} |"
    yield from ("", "## Routes", "", "| route | scope | |", "|---|---|---|")
    for path, verbs in document["paths"].items():
        for method, operation in verbs.items():
            scope = operation["description"].partition(",")[0].removeprefix("Scope ")
            said = f"`{scope}`" if ":" in scope else "any token"
            yield f"| `{method.upper()} {path}` | {said} | {operation['summary']} |"


def settings() -> Iterator[str]:
    yield from (
        "# Settings",
        "",
        "They hold on every node within a second of a change, by `authserver settings set NAME VALUE` or the",
        "[admin API](admin-api.md). `[settings]` in the configuration file, or a variable `AUTHSERVER_SETTINGS__NAME`,",
        "fixes one: then it is changed there. The variable wins over the file, the file over what was changed live.",
        "Durations are seconds. Made from the code by `make docs`.",
        "",
        "| setting | default | from | to | |",
        "|---|---|---|---|---|",
    )
    for name in values.FIELDS:
        schema = values.schema(name)
        low, high = schema.get("minimum", ""), schema.get("maximum", "")
        yield f"| `{name}` | {_cell(values.default(name))} | {low} | {high} | {values.describe(name)} |"


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return " ".join(value)
        case _:
            return str(value)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
