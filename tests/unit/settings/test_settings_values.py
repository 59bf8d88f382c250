"""One setting's value: what is read of JSON and of text, and what is refused with a sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from authserver.config import Config
from authserver.errors import Misconfigured, Refusal
from authserver.settings import live, rules, values
from authserver.settings.catalogue import Settings
from authserver.settings.colours import READABLE, check_accent, contrast
from authserver.vault import KEY, Vault

VAULT = Vault({1: b"k" * KEY})
RIGHT = [
    ("session_idle", 600, 600),
    ("keep_signed_in", False, False),
    ("languages", ["de"], ("de",)),
    ("id_token_alg", "RS256", "RS256"),
    ("accent_light", "#0A5c4a", "#0A5c4a"),
    ("site_name", "Universität 🐎", "Universität 🐎"),
]
WRONG = [
    ("session_idle", 59),
    ("session_idle", 400 * 86_400 + 1),
    ("session_idle", True),
    ("session_idle", "600"),
    ("session_idle", 600.0),
    ("session_idle", None),
    ("keep_signed_in", 1),
    ("keep_signed_in", "true"),
    ("languages", "de"),
    ("languages", []),
    ("languages", [1]),
    ("id_token_alg", "none"),
    ("accent_light", "#0a5c4a\n"),
    ("accent_light", "red"),
    ("site_name", ""),
    ("site_name", "a\x00"),
    ("site_name", "a\x1b[2J"),
    ("site_name", "\ud800"),
    ("site_name", {"a": 1}),
    ("languages", ["\ud800"]),
    ("session_idle", float("nan")),
    ("session_idle", 10**400),
]
TEXTS = [
    ("session_idle", "600", 600),
    ("session_idle", " 600 ", 600),
    ("keep_signed_in", "off", False),
    ("keep_signed_in", "YES", True),
    ("languages", "en,de  fr", ("en", "de", "fr")),
    ("named_networks", "", ()),
    ("site_name", "2024", "2024"),
]


@pytest.mark.parametrize(("name", "given_value", "read"), RIGHT, ids=str)
def test_a_value_that_fits_is_taken(name: str, given_value: Any, read: Any) -> None:
    assert values.check(name, given_value) == read


@pytest.mark.parametrize(("name", "given_value"), WRONG, ids=repr)
def test_nothing_is_guessed(name: str, given_value: Any) -> None:
    """AD-5: validated by schema before save."""
    with pytest.raises(Refusal) as refused:
        values.check(name, given_value)
    assert refused.value.fields[name]
    assert refused.value.status == 422


@pytest.mark.parametrize(("name", "text", "read"), TEXTS, ids=str)
def test_text_is_read_by_the_kind_of_setting(name: str, text: str, read: Any) -> None:
    assert values.from_text(name, text) == read


@given(st.sampled_from(sorted(values.FIELDS)), st.text())
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    try:
        read = values.from_text(name, text)
    except Refusal as refusal:
        assert refusal.fields[name]  # noqa: PT017
    else:
        written = read.get_secret_value() if isinstance(read, SecretStr) else read
        assert values.check(name, list(written) if isinstance(written, tuple) else written) == read


def test_every_setting_is_described_and_its_default_fits() -> None:
    for name in values.FIELDS:
        assert values.describe(name).endswith((".", "off."))
        assert values.schema(name)["type"]
        default = values.default(name)
        if name in values.SECRETS:
            default = default.get_secret_value()
            assert values.check(name, default).get_secret_value() == default
            continue
        assert values.check(name, list(default) if isinstance(default, tuple) else default) == default
        assert rules.wrong(values.DEFAULTS, name) is None


def test_every_number_has_bounds_and_they_hold() -> None:
    """AD-5: what the schema says is what is checked."""
    for name in values.FIELDS:
        schema = values.schema(name)
        if schema["type"] == "integer":
            for wrong in (schema["minimum"] - 1, schema["maximum"] + 1):
                with pytest.raises(Refusal):
                    values.check(name, wrong)
            assert values.check(name, schema["minimum"]) == schema["minimum"]
            assert values.check(name, schema["maximum"]) == schema["maximum"]


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(values.NoSuchSetting) as refused:
        values.known("sesion_idle")
    assert refused.value.nearest == "session_idle"
    assert "session_idle" in refused.value.public


def changed(**given: Any) -> Settings:
    return values.DEFAULTS.model_copy(update=given)


BESIDE = [
    ({"session_idle": 86_400}, "session_idle", "session_lifetime is 43200"),
    ({"session_lifetime": 120}, "session_lifetime", "session_idle is 600"),
    ({"remembered_idle": 40 * 86_400}, "remembered_idle", "remembered_lifetime"),
    ({"refresh_lifetime": 86_400}, "refresh_lifetime", "refresh_idle_lifetime"),
    ({"password_failures_ever": 10, "password_failures": 11}, "password_failures", "password_failures_ever is 10"),
    ({"logo_url": "javascript:alert(1)"}, "logo_url", "https"),
    ({"logo_url": "//evil.example/x"}, "logo_url", "https"),
    ({"logo_url": "https://a.example/x y"}, "logo_url", "https"),
    ({"logo_url": "https://a.example;script-src/x"}, "logo_url", "https"),
    ({"privacy_url": "/privacy"}, "privacy_url", "https"),
    ({"privacy_url": "https://user@a.example/"}, "privacy_url", "https"),
    ({"privacy_url": "https://a.example:99999/"}, "privacy_url", "https"),
    ({"privacy_url": "https://[::1"}, "privacy_url", "https"),
    ({"support_contact": "help desk"}, "support_contact", "e-mail"),
    ({"support_contact": "http://a.example"}, "support_contact", "https"),
    ({"languages": ("en", "en")}, "languages", "once"),
    ({"languages": ("../en",)}, "languages", "language tag"),
    ({"named_networks": ("192.0.2.1/24",)}, "named_networks", "not a network"),
    ({"named_networks": ("campus",)}, "named_networks", "not a network"),
    ({"accent_light": "#ffee00"}, "accent_light", "hard to read"),
    ({"accent_dark": "#222222"}, "accent_dark", "hard to read"),
]  # fmt: skip
FITTING = [
    {"logo_url": "/static/logo.svg"},
    {"logo_url": "https://cdn.example/logo.svg?v=2"},
    {"privacy_url": "https://a.example:8443/privacy"},
    {"support_contact": "help@example.org"},
    {"support_contact": "https://help.example.org/"},
    {"languages": ("pt-BR", "zh-Hant-TW")},
    {"named_networks": ("192.0.2.0/24", "2001:db8::/32", "198.51.100.7")},
    {"accent_light": "#0a5c4a"},
    {"accent_dark": "#6cd2b2"},
]


@pytest.mark.parametrize(("update", "name", "said"), BESIDE, ids=str)
def test_settings_must_fit_each_other_and_mean_something(
    update: dict[str, Any], name: str, said: str
) -> None:
    """AD-5: a change is checked against what holds beside it."""
    assert said in (rules.wrong(changed(**update), name) or "")


@pytest.mark.parametrize("update", FITTING, ids=str)
def test_what_fits_is_not_refused(update: dict[str, Any]) -> None:
    (name,) = update
    assert rules.wrong(changed(**update), name) is None


def test_a_setting_that_was_wrong_before_does_not_stop_others() -> None:
    assert rules.wrong(changed(session_idle=86_400, site_name="x"), "site_name") is None


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.sampled_from(["#ffffff", "#151e1b"]))
def test_the_shade_that_is_offered_can_be_read(colour: str, sheet: str) -> None:
    shade = check_accent(colour, sheet)
    assert contrast(shade or colour, sheet) >= READABLE


def test_the_environment_wins_over_the_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "authserver.toml").write_text(
        "[settings]\nsession_idle = 700\nlanguages = ['de']\nsite_name = 'F'\n"
    )
    monkeypatch.setenv("AUTHSERVER_SETTINGS__SESSION_IDLE", "800")
    monkeypatch.setenv("AUTHSERVER_SETTINGS__NAMED_NETWORKS", "192.0.2.0/24, 2001:db8::/32")
    found = live.fixed(Config(data_dir=tmp_path))
    assert {name: (each.value, each.origin) for name, each in found.items()} == {
        "session_idle": (800, "environment"),
        "languages": (("de",), "file"),
        "site_name": ("F", "file"),
        "named_networks": (("192.0.2.0/24", "2001:db8::/32"), "environment"),
    }
    assert "AUTHSERVER_SETTINGS__SESSION_IDLE" in found["session_idle"].where
    assert "authserver.toml" in found["site_name"].where


def test_what_is_wrong_in_the_configuration_is_said_at_once(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-1: an unknown key is an error that suggests the nearest name, and all mistakes are named."""
    (tmp_path / "authserver.toml").write_text(
        "[settings]\nsesion_idle = 700\nid_token_alg = 'none'\nkeep_signed_in = 'yes'\n"
    )
    monkeypatch.setenv("AUTHSERVER_SETTINGS__SESSION_LIFETIME", "long")
    with pytest.raises(Misconfigured) as refused:
        live.fixed(Config(data_dir=tmp_path))
    said = str(refused.value)
    assert "did you mean session_idle?" in said
    assert "id_token_alg" in said
    assert "keep_signed_in" in said
    assert "AUTHSERVER_SETTINGS__SESSION_LIFETIME: This must be a whole number" in said


def test_a_stored_value_that_is_no_good_is_left_aside(caplog: pytest.LogCaptureFixture) -> None:
    found = live.in_force({"session_idle": "soon", "site_name": "Campus"}, {}, VAULT)
    assert found == changed(site_name="Campus")
    assert "session_idle" in caplog.text
