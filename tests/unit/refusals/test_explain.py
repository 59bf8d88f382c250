"""`authserver explain REF`, as an operator types it."""

import json

import pytest
from click.testing import CliRunner, Result

from authserver.cli import main
from authserver.errors import Refusal
from tests.flow.world import World

REFUSED = Refusal(
    "The app asked in a wrong way.",
    rule="redirect_uri",
    detail="redirect_uri is not registered",
    value="https://app.example/cb/",
    nearest="redirect_uri differs in the trailing slash",
)


def explain(world: World, *arguments: str) -> Result:
    config = world.issuer.config
    environment = {
        "AUTHSERVER_DATA_DIR": str(config.data_dir),
        "AUTHSERVER_DATABASE_URL": config.database_url.get_secret_value(),
    }
    return CliRunner(env=environment).invoke(main, ["explain", *arguments])


@pytest.fixture
def reference(world: World) -> str:
    noted = [world.issuer.refusals.note(REFUSED, step="GET /oauth/authorize", client="web") for _ in range(3)]
    world.issuer.refusals.flush()
    return noted[0]


def test_the_step_the_rule_the_value_and_the_nearest_match_are_said(world: World, reference: str) -> None:
    """What the issue promises of `explain`, in lines for people."""
    result = explain(world, reference)
    assert result.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in result.output.splitlines())
    assert lines["step"] == "GET /oauth/authorize"
    assert lines["rule"] == "redirect_uri"
    assert lines["value"] == "https://app.example/cb/"
    assert lines["nearest"] == "redirect_uri differs in the trailing slash"
    assert (lines["client"], lines["times"], lines["first"]) == ("web", "3", "2027-01-15T12:00:00Z")
    assert "person" not in lines


def test_scripts_read_json(world: World, reference: str) -> None:
    found = json.loads(explain(world, reference.lower().replace("-", ""), "--json").output)
    assert (found["rule"], found["count"], found["person"]) == ("redirect_uri", 3, None)


@pytest.mark.parametrize("text", ["AAAA-BBBB-CCCC", "nonsense", "0"])
def test_what_is_not_known_is_said_so(world: World, text: str) -> None:
    result = explain(world, text)
    assert result.exit_code == 1
    assert "Nothing is known of" in result.output
