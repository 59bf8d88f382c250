"""The configuration: where it comes from, and what it refuses, each mistake by name."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from authserver import config
from authserver.config import PREFIX, Config
from authserver.errors import Misconfigured

EXAMPLE = Path(__file__).resolve().parents[3] / "config" / "authserver.example.toml"
KEY = re.compile(r"^# ([a-z_]+) = (.+)$", re.MULTILINE)
NO_DEFAULT = {"database_url_file", "redis_url_file", "master_key_file", "templates_dir", "geoip_file"}
TOML: dict[type, Any] = {tuple: list, type(Path()): str}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty environment, in an empty folder."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_anything_it_is_a_laptop(here: Path) -> None:
    found = config.load()
    assert found.url == "http://localhost:8000"
    assert found.database == f"sqlite:///{here}/data/authserver.db"
    assert found.master_key_path == here / "data" / "master.key"
    assert found.is_development


def test_the_issuer_follows_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_BIND", "[::1]:8123")
    assert config.load().url == "http://localhost:8123"
    assert (config.load().host, config.load().port) == ("::1", 8123)


def test_a_variable_wins_over_the_file_in_the_data_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "authserver.toml").write_text('workers = 3\nthreads = 5\ninternal_urls = ["http://as:8000"]\n')
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(here))
    monkeypatch.setenv("AUTHSERVER_WORKERS", "4")
    found = config.load()
    assert (found.workers, found.threads, found.internal_urls) == (4, 5, ("http://as:8000",))


def test_a_file_elsewhere_is_named_by_a_variable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "elsewhere.toml").write_text("workers = 3\n")
    monkeypatch.setenv("AUTHSERVER_CONFIG", str(here / "elsewhere.toml"))
    assert config.load().workers == 3
    monkeypatch.setenv("AUTHSERVER_CONFIG", str(here / "missing.toml"))
    with pytest.raises(Misconfigured, match=r"missing\.toml, which does not exist"):
        config.load()


def test_lists_are_written_with_commas_in_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_INTERNAL_URLS", "http://as:8000, http://as.cluster:8000")
    assert config.load().internal_urls == ("http://as:8000", "http://as.cluster:8000")


@pytest.mark.parametrize("name", ["database_url", "redis_url"])
def test_each_secret_may_come_from_a_file(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "secret").write_text("postgresql://as:pw@db/as\n")
    monkeypatch.setenv(f"AUTHSERVER_{name.upper()}_FILE", str(here / "secret"))
    found: SecretStr = getattr(config.load(), name)
    assert found.get_secret_value() == "postgresql://as:pw@db/as"


def test_every_secret_has_a_file_twin() -> None:
    secrets = {name for name, field in Config.model_fields.items() if field.annotation is SecretStr}
    assert secrets == set(config.SECRETS)
    assert {f"{name}_file" for name in secrets} <= set(Config.model_fields)


def test_secrets_are_not_shown() -> None:
    """KEY-8."""
    found = config.load(database_url="postgresql://as:hunter2@db/as", master_key="hunter2")
    assert "hunter2" not in repr(found) + str(found) + found.model_dump_json()


def test_a_wrong_secret_is_not_shown_in_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """KEY-8."""
    monkeypatch.setenv("AUTHSERVER_MASTER_KEY", "hunter2")
    monkeypatch.setenv("AUTHSERVER_MASTER_KEY_FILE", "/nowhere")
    with pytest.raises(Misconfigured, match="both given") as refused:
        config.load()
    assert "hunter2" not in str(refused.value)


REFUSED = [
    pytest.param({"issuer": "https://as.example/"}, "does not end with a slash", id="MD-1-slash"),
    pytest.param({"issuer": "https://as.example?a=b"}, "neither a query", id="MD-1-query"),
    pytest.param({"issuer": "https://as.example?"}, "neither a query", id="MD-1-empty-query"),
    pytest.param({"issuer": "https://as.example#a"}, "neither a query nor a fragment", id="MD-1-fragment"),
    pytest.param({"issuer": "http://as.example"}, "https URL; http is for localhost", id="MD-1-http"),
    pytest.param({"issuer": "http://localhost.evil"}, "http is for localhost", id="MD-1-not-localhost"),
    pytest.param({"issuer": "ftp://as.example"}, "starts with https", id="MD-1-scheme"),
    pytest.param({"issuer": "as.example"}, "starts with https", id="MD-1-no-scheme"),
    pytest.param({"issuer": "https://me@as.example"}, "user name", id="MD-1-user"),
    pytest.param({"issuer": "https://as.example/a b"}, "spaces", id="MD-1-space"),
    pytest.param({"issuer": "https://äs.example"}, "beyond ASCII", id="MD-1-unicode"),
    pytest.param({"issuer": "https://AS.example"}, "lower case", id="MD-1-case"),
    pytest.param({"issuer": "https://as.example:99999"}, "not a URL", id="MD-1-port"),
    pytest.param({"internal_urls": "http://as/"}, "does not end with a slash", id="internal-slash"),
    pytest.param({"internal_urls": "as:8000"}, "starts with https", id="internal-scheme"),
    pytest.param({"bind": "8000"}, "HOST:PORT", id="bind-without-host"),
    pytest.param({"bind": "127.0.0.1:http"}, "HOST:PORT", id="bind-without-number"),
    pytest.param({"bind": "127.0.0.1:70000"}, "HOST:PORT", id="bind-too-high"),
    pytest.param({"metrics_bind": "9090"}, "HOST:PORT", id="metrics-bind"),
    pytest.param({"workers": "0"}, "workers", id="workers"),
    pytest.param({"drain_seconds": "31"}, "drain_seconds", id="drain"),
    pytest.param({"database_url_file": "/nowhere/at/all"}, "cannot be read", id="secret-file"),
    pytest.param({"issuer_url": "https://a"}, "issuer_url is not known; did you mean ", id="unknown-key"),
]


@pytest.mark.parametrize(("given", "expected"), REFUSED)
def test_what_is_wrong_is_refused(given: dict[str, Any], expected: str) -> None:
    """MD-1: one https URL (http for localhost), without query, fragment or trailing slash."""
    with pytest.raises(Misconfigured, match=re.escape(expected)):
        config.load(**given)


@pytest.mark.parametrize(
    "issuer", ["https://as.example", "https://as.example:8443/realm", "http://localhost:1", "http://[::1]:80"]
)
def test_an_issuer_stays_as_it_is_written(issuer: str) -> None:
    """MD-1: byte-equal."""
    assert config.load(issuer=issuer).url == issuer


def test_an_unknown_variable_suggests_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_ISSUR", "https://as.example")
    with pytest.raises(Misconfigured, match="ISSUR is not known; did you mean AUTHSERVER_ISSUER"):
        config.load()


def test_an_unknown_key_of_the_file_suggests_the_nearest(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "authserver.toml").write_text("worker = 3\n")
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(here))
    with pytest.raises(Misconfigured, match="worker is not known; did you mean workers"):
        config.load()


def test_every_mistake_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_ISSUR", "x")
    monkeypatch.setenv("AUTHSERVER_BIND", "x")
    monkeypatch.setenv("AUTHSERVER_WORKERS", "many")
    with pytest.raises(Misconfigured) as refused:
        config.load()
    assert all(word in refused.value.what for word in ("AUTHSERVER_ISSUR", "bind", "workers"))


def test_broken_toml_is_named_with_its_line(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "authserver.toml").write_text("workers = \n")
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(here))
    with pytest.raises(Misconfigured, match=r"authserver\.toml cannot be read: .*line 1"):
        config.load()


def test_variables_that_a_cluster_makes_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AUTHSERVER_SERVICE_HOST": "10.0.0.1",
        "AUTHSERVER_SERVICE_PORT_HTTP": "8000",
        "AUTHSERVER_PORT": "tcp://10.0.0.1:8000",
        "AUTHSERVER_PORT_8000_TCP_ADDR": "10.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    assert config.load().port == 8000


def test_a_command_beside_a_server_has_its_issuer(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(here))
    config.remember(config.load(bind="127.0.0.1:8123"))
    assert config.load_beside().url == "http://localhost:8123"
    assert config.load().url == "http://localhost:8000"


def test_production_remembers_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHSERVER_DATA_DIR", str(here))
    monkeypatch.setenv("AUTHSERVER_ENVIRONMENT", "production")
    config.remember(config.load(bind="127.0.0.1:8123"))
    assert not list(here.iterdir())


def test_the_example_names_every_key_with_its_default() -> None:
    text, _, pinned = EXAMPLE.read_text(encoding="utf-8").partition("# [settings]\n")
    assert pinned.startswith("# site_name = ")
    shown = {name: tomllib.loads(f"value = {value}")["value"] for name, value in KEY.findall(text)}
    assert {*shown, "settings"} == set(Config.model_fields)
    for name in shown.keys() - NO_DEFAULT:
        default = Config.model_fields[name].default
        plain = default.get_secret_value() if isinstance(default, SecretStr) else default
        assert shown[name] == TOML.get(type(plain), lambda same: same)(plain), name


def test_the_example_is_a_configuration(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "example.toml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("AUTHSERVER_CONFIG", str(here / "example.toml"))
    assert config.load() == Config()
