"""The description of the admin API, made from its routes and the forms that they read. OpenAPI 3.1."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask

from authserver.input import Form
from authserver.users.access import SCOPES
from authserver.web.api.schemas import records
from authserver.web.api.table import About, about
from authserver.web.guards import Guard, demand_of

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
PROBLEM = "#/components/responses/Problem"
JSON = "application/json"
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what was read, or *.",
    "schema": {"type": "string"},
}


def document(app: Flask) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    forms: dict[str, Any] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        view = app.view_functions[rule.endpoint]
        said, demand = about(view), demand_of(view)
        if said is None or demand is None or demand.guard is not Guard.ADMIN:
            continue
        path = path_of(rule.rule)
        operation = _operation(rule.endpoint, VARIABLE.findall(rule.rule), said, demand.role, demand.scope)
        paths.setdefault(path, {})[said.method.lower()] = operation
        if said.takes is not None:
            forms |= _form(said.takes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "authserver admin API",
            "version": "1",
            "description": "Everything an administrator does, for programs. Errors are problem documents (RFC 9457).",
        },
        "security": [{"apiToken": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `authserver api-tokens add`. Scopes: "
                    + " ".join(f"{name}: {access.sentence}" for name, access in SCOPES.items()),
                }
            },
            "responses": {
                "Problem": {
                    "description": "Why not, with a reference that `authserver explain` knows.",
                    "content": {"application/problem+json": {"schema": _named("Problem")}},
                }
            },
            "schemas": dict(sorted({**records(), **forms}.items())),
        },
    }


def path_of(rule: str) -> str:
    """A route's path as OpenAPI writes it."""
    return VARIABLE.sub(r"{\1}", rule)


def _operation(
    endpoint: str, variables: list[str], said: About, role: str | None, scope: str | None
) -> dict[str, Any]:
    parameters: list[Any] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in variables
    ]
    parameters += [{"name": name, "in": "query", "schema": _query(name)} for name in said.query]
    if said.wants_version:
        parameters.append(IF_MATCH)
    found: dict[str, Any] = {
        "operationId": endpoint.rpartition(".")[2],
        "tags": [endpoint.partition(".")[0].removeprefix("admin_")],
        "summary": said.summary,
        "description": f"Scope {scope}, role {role} or above." if scope else "Any token.",
        "responses": {str(said.status): _success(said), "default": {"$ref": PROBLEM}},
    }
    if parameters:
        found["parameters"] = parameters
    if said.takes is not None:
        kind = "application/merge-patch+json" if said.method == "PATCH" else JSON
        name = _partial(said.takes) if said.method == "PATCH" else said.takes.__name__
        found["requestBody"] = {"required": True, "content": {kind: {"schema": _named(name)}}}
    return found


def _success(said: About) -> dict[str, Any]:
    if said.gives is None:
        return {"description": "Done."}
    many = said.gives.endswith("[]")
    one = _named(said.gives.removesuffix("[]"))
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {"items": {"type": "array", "items": one}, "next": {"type": ["string", "null"]}},
    }
    return {"description": "As it is now.", "content": {JSON: {"schema": page if many else one}}}


def _query(name: str) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": 200} if name == "limit" else {"type": "string"}


def _named(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _partial(form: type[Form]) -> str:
    return f"{form.__name__}Changes"


def _form(form: type[Form]) -> dict[str, Any]:
    """The schema of a form, and of changes to it, in which nothing is required."""
    schema = form.model_json_schema(ref_template="#/components/schemas/{model}")
    inner = schema.pop("$defs", {})
    changes = {key: value for key, value in schema.items() if key != "required"}
    return {**inner, form.__name__: schema, _partial(form): changes}
