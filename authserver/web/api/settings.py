"""/api/admin/settings: what holds while the server runs."""

from typing import Any

from flask import Response
from pydantic import Field

from authserver.input import Form
from authserver.settings import change
from authserver.settings.setting import Setting
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, listed, looked
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("settings")
PAGE = ("limit", "after")


class SettingForm(Form):
    """A new value."""

    value: Any = Field(description="As the setting's `schema` has it.")


class UndoForm(Form):
    """Which change to take back."""

    change: str | None = Field(None, max_length=64, description="The id of a change; the newest by default.")


@route(blueprint, "GET", scope="settings:read", gives="Setting[]")
def list_settings() -> Response:
    """List every setting with its value and where that comes from."""
    reading.query()
    found = looked(lambda db: change.every(db, issuer()))
    return listed(map(shown.setting, found), None)


@route(blueprint, "GET", "/history", scope="settings:read", gives="Change[]", query=PAGE)
def list_changes() -> Response:
    """List who changed which setting, the newest first."""
    return _history(None)


@route(blueprint, "GET", "/<name>", scope="settings:read", gives="Setting")
def show_setting(name: str) -> Response:
    """Show a setting."""
    return _shown(looked(lambda db: change.load(db, issuer(), name)))


@route(blueprint, "PATCH", "/<name>", scope="settings:write", takes=SettingForm, gives="Setting")
def edit_setting(name: str) -> Response:
    """Change a setting; it holds on every node within a second."""
    form, version = reading.body(SettingForm), reading.expected_tag()
    return _shown(
        acted(lambda db: change.set_(db, issuer(), name, form.value, by=actor(), expected_version=version))
    )


@route(blueprint, "DELETE", "/<name>", scope="settings:write", gives="Setting")
def reset_setting(name: str) -> Response:
    """Let the default hold again."""
    version = reading.expected_tag()
    return _shown(acted(lambda db: change.reset(db, issuer(), name, by=actor(), expected_version=version)))


@route(blueprint, "GET", "/<name>/history", scope="settings:read", gives="Change[]", query=PAGE)
def list_changes_of(name: str) -> Response:
    """List who changed a setting, the newest first."""
    return _history(name)


@route(blueprint, "POST", "/<name>/undo", scope="settings:write", takes=UndoForm, gives="Setting")
def undo_setting(name: str) -> Response:
    """Take a setting back to what it was before its newest change, or before the one named."""
    form = reading.body(UndoForm)
    return _shown(acted(lambda db: change.undo(db, issuer(), name, change=form.change, by=actor())))


def _shown(found: Setting) -> Response:
    return answer(shown.setting(found), version=found.version)


def _history(name: str | None) -> Response:
    given = reading.query(*PAGE)
    most, start = reading.limit(given), reading.after(given)
    found = looked(lambda db: change.history(db, name, before=start, limit=most + 1))
    following = found[most - 1].id if len(found) > most else None
    return listed(map(shown.change, found[:most]), following)
