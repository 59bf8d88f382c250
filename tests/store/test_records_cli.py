"""The nouns of the command line, on an installation as an operator has it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from authserver.cli import main
from authserver.cli.clients import ALL_FLAGS
from authserver.clients.form import ClientForm
from tests.serve import Store

PASSWORD = "Analytical engines weave"


@pytest.fixture
def store() -> Store:
    """What the functions below do is tested on both; here one is enough."""
    return "sqlite"


@pytest.fixture
def folder(world: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    data: Path = world.issuer.config.data_dir
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(data))
    return data


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=typed, catch_exceptions=False)


def told(*arguments: str, typed: str | None = None) -> Any:
    """What a command prints as JSON."""
    result = run(*arguments, "--json", typed=typed)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str, typed: str | None = None) -> str:
    result = run(*arguments, typed=typed)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    return result.stderr


@pytest.mark.usefixtures("folder")
def test_an_owner_is_made_by_a_script() -> None:
    owner = ("--name", "Ada", "--owner", "--password-stdin")
    ada = told("users", "add", "ada@example.org", *owner, typed=PASSWORD)
    assert (ada["email"], ada["email_verified"], ada["role"], ada["name"]) == (
        "ada@example.org",
        True,
        "owner",
        "Ada",
    )
    assert told("users", "show", "ADA@example.org") == ada
    assert told("users", "list", "--role", "owner") == {"items": [ada], "next": None}
    assert "at least 15" in refused("users", "add", "bob@example.org", "--password-stdin", typed="short")
    assert "last active owner" in refused("users", "lock", "ada@example.org")


@pytest.mark.usefixtures("folder")
def test_two_accounts_are_joined_after_a_preview() -> None:
    """ID-2: with the sub that stays and the one that goes."""
    ada = told("users", "add", "ada@example.org")
    other = told("users", "add", "--username", "ada2")
    plan = told("users", "join", "ada@example.org", "ada2", "--preview")
    assert (plan["stays"]["subject"], plan["goes"]["subject"]) == (ada["subject"], other["subject"])
    assert "user name ada2" in plan["lost"]
    asked = run("users", "join", "ada@example.org", "ada2", typed="n\n")
    assert asked.exit_code == 1
    assert f"goes: ada2, sub {other['subject']}" in asked.stdout
    assert told("users", "show", "ada2") == other
    assert run("users", "join", "ada@example.org", "ada2", "--yes").exit_code == 0
    assert "no such person" in refused("users", "show", "ada2")
    assert "no such person" in refused("users", "join", "ada@example.org", "ada2", "--yes")


@pytest.mark.usefixtures("folder")
def test_a_person_is_changed_locked_and_removed() -> None:
    told("users", "add", "--username", "bob")
    told("groups", "add", "staff", "--title", "Staff")
    given = (
        "--attribute",
        "given_name=Bob",
        "--attribute",
        'address={"locality":"Leeds"}',
        "--group",
        "staff",
    )
    bob = told("users", "edit", "bob", "--email", "bob@example.org", "--unverified", *given)
    assert (bob["email"], bob["email_verified"], bob["groups"]) == ("bob@example.org", False, ["staff"])
    assert bob["attributes"] == {"given_name": "Bob", "address": {"locality": "Leeds"}}
    bob = told("users", "edit", "bob", "--unset", "email", "--unset", "group", "--attribute", "given_name=")
    assert (bob["email"], bob["groups"], list(bob["attributes"])) == (None, [], ["address"])
    for act, status in (
        ("lock", "locked"),
        ("unlock", "active"),
        ("disable", "disabled"),
        ("enable", "active"),
    ):
        assert told("users", act, "bob")["status"] == status
    assert run("users", "passwd", "bob", "--password-stdin", typed=PASSWORD).exit_code == 0
    assert run("users", "remove", "bob", typed="n\n").exit_code == 1
    assert run("users", "remove", "bob", "--yes").exit_code == 0
    assert "no such person" in refused("users", "show", "bob")


@pytest.mark.usefixtures("folder")
def test_a_client_is_registered_by_a_script_and_shows_its_secret_once() -> None:
    told("apis", "add", "Notes", "--identifier", "https://notes", "--scope", "notes:read")
    given = (
        "--redirect-uri",
        "https://a/cb",
        "--redirect-uri",
        "https://b/cb",
        "--grant",
        "authorization_code",
    )
    more = ("--grant", "refresh_token", "--scope", "openid email", "--scope", "notes:read", "--first-party")
    web = told("clients", "add", "Web", "--id", "web", "--confidential", *given, *more)
    secret = web.pop("secret")
    assert secret.startswith("as_")
    assert web["redirect_uris"] == ["https://a/cb", "https://b/cb"]
    assert web["grant_types"] == ["authorization_code", "refresh_token"]
    assert web["scopes"] == ["openid", "email", "notes:read"]
    assert (web["first_party"], web["auth_method"], web["kind"]) == (
        True,
        "client_secret_basic",
        "confidential",
    )
    assert told("clients", "show", "web") == web
    assert [each["client_id"] for each in told("clients", "list")] == ["web"]
    rotated = told("clients", "rotate-secret", "web", "--keep-old-for", "2h")
    assert rotated["secret"] != secret
    assert len(told("clients", "show", "web")["secrets"]) == 2
    assert run("clients", "rotate-secret", "web", "--keep-old-for", "soon").exit_code == 2


def test_a_client_with_keys_authenticates_by_them(folder: Path) -> None:
    jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": [jwk]}))
    made = told("clients", "add", "Robot", "--id", "robot", "--jwks", str(path))
    assert (made["auth_method"], made["grant_types"]) == ("private_key_jwt", ["client_credentials"])
    assert "secret" not in made
    path.write_text("not json")
    assert run("clients", "edit", "robot", "--jwks", str(path)).exit_code == 2


@pytest.mark.usefixtures("folder")
def test_an_app_that_asks_for_passwords_itself_is_one_of_ours() -> None:
    """Not implied by being first-party; with it idleness ends tokens, unless that is taken back."""
    said = refused("clients", "add", "Notes", "--public", "--json-login")
    assert "Only a first-party client" in said
    made = told("clients", "add", "Notes", "--id", "notes", "--public", "--first-party", "--json-login")
    assert (made["json_login"], made["idle_ends_tokens"], made["redirect_uris"]) == (True, True, [])
    web = ("--redirect-uri", "https://a.example/cb", "--first-party")
    assert told("clients", "add", "Web", "--id", "web", *web)["json_login"] is False
    assert told("clients", "edit", "web", "--json-login")["idle_ends_tokens"] is True
    assert told("clients", "edit", "web", "--idle-keeps-tokens")["idle_ends_tokens"] is False
    assert told("clients", "show", "web")["json_login"] is True
    assert "Only a first-party client" in refused("clients", "edit", "web", "--third-party")


@pytest.mark.usefixtures("folder")
def test_a_public_client_is_registered_without_a_secret() -> None:
    made = told("clients", "add", "App", "--id", "app", "--public", "--redirect-uri", "com.example.app:/cb")
    assert (made["auth_method"], made["grant_types"]) == ("none", ["authorization_code", "refresh_token"])
    assert "secret" not in made


@pytest.mark.usefixtures("folder")
def test_a_refused_client_is_told_each_field() -> None:
    said = refused(
        "clients", "add", "Bad", "--public", "--redirect-uri", "http://evil.example", "--scope", "nope"
    )
    assert "redirect_uris.0: A redirect URI uses https" in said
    assert "scopes: There is no scope nope" in said


@pytest.mark.usefixtures("folder")
def test_a_list_is_replaced_and_a_value_unset() -> None:
    told("groups", "add", "staff")
    told("clients", "add", "Web", "--id", "web", "--redirect-uri", "https://a/cb", "--allow-group", "staff")
    changed = told("clients", "edit", "web", "--redirect-uri", "https://b/cb", "--unset", "allow-group")
    assert (changed["redirect_uris"], changed["allowed_groups"]) == (["https://b/cb"], None)
    assert told("clients", "disable", "web")["active"] is False
    assert told("clients", "enable", "web")["active"] is True
    assert run("clients", "remove", "web", "--yes").exit_code == 0
    assert "no such client" in refused("clients", "show", "web")


@pytest.mark.usefixtures("folder")
def test_scopes_get_sentences_and_limits_one_by_one() -> None:
    told("groups", "add", "staff")
    told("apis", "add", "Notes", "--identifier", "https://notes", "--scope", "notes:read=Read your notes")
    given = ("--sentence", "de=Notizen lesen", "--group", "staff")
    made = told("apis", "scope", "https://notes", "notes:read", *given)
    assert made["scopes"] == [
        {
            "name": "notes:read",
            "sentences": {"en": "Read your notes", "de": "Notizen lesen"},
            "clients": None,
            "groups": ["staff"],
            "required_acr": None,
            "required_max_age": None,
        }
    ]
    made = told("apis", "scope", "https://notes", "notes:read", "--everybody", "--required-acr", "mfa")
    assert (made["scopes"][0]["groups"], made["scopes"][0]["required_acr"]) == (None, "mfa")
    given = ("--unset", "required-acr", "--required-max-age", "60")
    made = told("apis", "scope", "https://notes", "notes:read", *given)
    assert [made["scopes"][0][f"required_{name}"] for name in ("acr", "max_age")] == [None, 60]
    told("apis", "scope", "https://notes", "notes:write")
    made = told("apis", "scope", "https://notes", "notes:read", "--remove")
    assert [scope["name"] for scope in made["scopes"]] == ["notes:write"]
    assert (
        told("apis", "edit", "https://notes", "--token-lifetime", "60", "--not-default")["token_lifetime"]
        == 60
    )
    assert len(told("apis", "list")) == 1
    assert run("apis", "remove", "https://notes", "--yes").exit_code == 0


@pytest.mark.usefixtures("folder")
def test_groups_have_members_and_attributes_are_declared() -> None:
    told("users", "add", "ada@example.org")
    told("groups", "add", "staff", "--title", "Staff")
    assert run("groups", "members", "add", "staff", "ada@example.org").exit_code == 0
    assert [each["email"] for each in told("groups", "members", "list", "staff")["items"]] == [
        "ada@example.org"
    ]
    assert run("groups", "members", "remove", "staff", "ada@example.org").exit_code == 0
    assert told("groups", "show", "staff")["members"] == 0
    assert told("groups", "edit", "staff", "--title", "All staff")["title"] == "All staff"
    given = ("--type", "integer", "--scope", "employment", "--into", "id_token")
    assert told("groups", "attributes", "add", "badge", *given)["tokens"] == ["id_token"]
    assert told("users", "edit", "ada@example.org", "--attribute", "badge=7")["attributes"] == {"badge": 7}
    assert told("groups", "attributes", "edit", "badge", "--unset", "scope")["scope"] is None
    assert "badge" in {each["name"] for each in told("groups", "attributes", "list")}
    assert run("groups", "attributes", "remove", "badge", "--yes").exit_code == 0
    assert run("groups", "remove", "staff", "--yes").exit_code == 0


def test_every_field_of_a_client_has_an_option() -> None:
    assert set(ClientForm.model_fields) == {*ALL_FLAGS, "name", "kind", "active"}


NOUNS = ("users", "clients", "apis", "groups")


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_explains_itself(noun: str) -> None:
    result = run(noun, "--help")
    assert result.exit_code == 0
    for act in ("add", "list", "show", "edit", "remove"):
        assert run(noun, act, "--help").exit_code == 0, (noun, act)


@pytest.mark.usefixtures("folder")
def test_how_many_sessions_is_said_for_groups_and_people() -> None:
    """SS-4."""
    assert told("groups", "add", "staff", "--max-sessions", "2")["max_sessions"] == 2
    assert told("groups", "edit", "staff", "--unset", "max-sessions")["max_sessions"] is None
    assert told("users", "add", "ada@example.org", "--max-sessions", "0")["max_sessions"] == 0
    assert told("users", "edit", "ada@example.org", "--unset", "max-sessions")["max_sessions"] is None
    assert run("groups", "edit", "staff", "--max-sessions", "-1").exit_code == 1
    assert told("sessions", "list", "ada@example.org") == []
    assert run("sessions", "end", "nothing").exit_code == 1
    assert run("sessions", "end-all", "ada@example.org").exit_code == 0
