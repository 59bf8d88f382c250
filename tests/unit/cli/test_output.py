"""What commands print."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from authserver.cli.output import echo, to_plain
from authserver.opaque import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    name: str
    at: datetime = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    secret: Secret = field(default_factory=lambda: Secret("shown once"))
    groups: frozenset[str] = frozenset({"b", "a"})
    nothing: None = None
    on: bool = True


def test_records_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    echo([Made(name="Zoë")], True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "Zoë",
            "at": "2027-01-02T03:04:05Z",
            "secret": "shown once",
            "groups": ["a", "b"],
            "nothing": None,
            "on": True,
        }
    ]


def test_records_are_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    echo([Made(name="a"), Made(name="longer")], False, columns=("name", "on"))
    assert capsys.readouterr().out == "name    on\na       yes\nlonger  yes\n"


def test_one_record_is_a_list_of_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    echo(Made(name="a"), False)
    assert "groups   a, b\n" in capsys.readouterr().out


def test_nothing_is_said_to_be_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    echo([], False)
    assert capsys.readouterr().out == "(none)\n"


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\x00b", "a\x9bb"])
def test_what_a_stranger_sent_does_not_move_the_terminal(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """AU-5."""
    echo({"name": text}, False)
    assert capsys.readouterr().out.rstrip("\n").isprintable()


@pytest.mark.parametrize("value", [1, "a", None, 1.5, True])
def test_plain_values_stay(value: Any) -> None:
    assert to_plain(value) == value
