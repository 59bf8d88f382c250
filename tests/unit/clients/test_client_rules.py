"""What of a client fits together: one row per rule, and the form itself."""

from dataclasses import fields
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from authserver.clients.client import Client
from authserver.clients.edit import as_form, defaults
from authserver.clients.find import COLUMNS
from authserver.clients.form import ClientForm, NewClientForm
from authserver.clients.rules import problems
from authserver.errors import Refusal
from authserver.input import read

EC = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
PRIVATE = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
SMALL = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)  # noqa: S505
WEB = {"name": "App", "redirect_uris": ["https://app.example/cb"], "grant_types": ["authorization_code"]}
SPA = {**WEB, "kind": "public", "auth_method": "none"}
MACHINE = {"name": "App", "grant_types": ["client_credentials"], "scopes": []}
SIGNED = {**WEB, "auth_method": "private_key_jwt", "jwks": {"keys": [EC]}}

FITTING: list[dict[str, Any]] = [
    WEB,
    SPA,
    MACHINE,
    SIGNED,
    {**WEB, "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline_access"]},
    {**WEB, "auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks"},
    {**WEB, "pkce_optional": True},
    {**SPA, "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"]},
    {"name": "Phone", "grant_types": ["refresh_token"], "first_party": True, "json_login": True},
    {"name": "Kiosk", "grant_types": [], "first_party": True, "json_login": True},
    {"name": "Orders", "grant_types": [], "scopes": [], "serves": ["https://api.example"]},
]
# the field that is named, and the client
MISFITS: list[tuple[str, dict[str, Any]]] = [
    ("auth_method", {**SPA, "auth_method": "client_secret_basic"}),
    ("auth_method", {**WEB, "auth_method": "none"}),
    ("grant_types", {**SPA, "grant_types": ["authorization_code", "client_credentials"]}),
    ("serves", {**SPA, "serves": ["https://api.example"]}),
    ("pkce_optional", {**SPA, "pkce_optional": True}),
    ("pkce_optional", {**WEB, "pkce_optional": True, "scopes": ["profile"]}),
    ("json_login", {**WEB, "json_login": True}),
    ("jwks", {**WEB, "auth_method": "private_key_jwt"}),
    ("jwks_uri", {**SIGNED, "jwks_uri": "https://app.example/jwks"}),
    ("jwks", {**WEB, "jwks": {"keys": [EC]}}),
    ("jwks_uri", {**WEB, "jwks_uri": "https://app.example/jwks"}),
    ("redirect_uris", {**WEB, "redirect_uris": []}),
    ("grant_types", {**MACHINE, "grant_types": []}),
    ("grant_types", {**MACHINE, "grant_types": ["refresh_token"]}),
    ("scopes", {**WEB, "scopes": ["openid", "offline_access"]}),
    ("redirect_uris.1", {**WEB, "redirect_uris": ["https://app.example/cb", "https://app.example/#x"]}),
    ("redirect_uris.0", {**WEB, "redirect_uris": ["com.example.app:/cb"]}),
    ("post_logout_redirect_uris.0", {**WEB, "post_logout_redirect_uris": ["http://app.example/bye"]}),
]
# the field that is named, and what cannot be read at all: CL-12, CL-13, CL-14
UNREADABLE: list[tuple[str, dict[str, Any]]] = [
    ("redirect_uris", {"redirect_uris": 5}),
    ("redirect_uris", {"redirect_uris": "https://app.example/cb"}),
    ("redirect_uris.0", {"redirect_uris": [5]}),
    ("scopes", {"scopes": "openid"}),
    ("scopes", {"scopes": ["two words"]}),
    ("scopes", {"scopes": ['quo"ted']}),
    ("jwks", {"jwks": 5}),
    ("jwks", {"jwks": {"keys": 5}}),
    ("jwks", {"jwks": {"keys": []}}),
    ("jwks", {"jwks": {"keys": [PRIVATE]}}),
    ("jwks", {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}),
    ("jwks", {"jwks": {"keys": [SMALL]}}),
    ("jwks", {"jwks": {"keys": [EC] * 11}}),
    ("jwks_uri", {"jwks_uri": "http://app.example/jwks"}),
    ("jwks_uri", {"jwks_uri": "https://127.0.0.1/jwks"}),
    ("jwks_uri", {"jwks_uri": "https://u:p@app.example/jwks"}),
    ("logo_url", {"logo_url": "javascript:alert(1)"}),
    ("origins", {"origins": ["https://app.example/"]}),
    ("first_party", {"first_party": "yes"}),
    ("first_party", {"first_party": 1}),
    ("access_token_lifetime", {"access_token_lifetime": True}),
    ("access_token_lifetime", {"access_token_lifetime": 5}),
    ("access_token_lifetime", {"access_token_lifetime": "300"}),
    ("grant_types.0", {"grant_types": ["password"]}),
    ("grant_types.0", {"grant_types": ["implicit"]}),
    ("auth_method", {"auth_method": "client_secret_jwt"}),
    ("assertion_algs.0", {"assertion_algs": ["none"]}),
    ("assertion_algs.0", {"assertion_algs": ["HS256"]}),
    ("response_modes.0", {"response_modes": ["fragment"]}),
    ("id_token_alg", {"id_token_alg": "none"}),
    ("name", {"name": ""}),
    ("name", {"name": "a\nb"}),
    ("name", {"name": "a\x00b"}),
    ("contact", {"contact": "\ud800"}),
    ("secret", {"secret": "chosen by a person"}),
    ("id", {"id": "1"}),
    ("version", {"version": 7}),
    ("client_id", {"client_id": "has space"}),
    ("client_id", {"client_id": "0123456789abcdef0123456789abcdef"}),
]


@pytest.mark.parametrize("given", FITTING)
def test_what_fits_together_is_registered(given: dict[str, Any]) -> None:
    assert problems(read(ClientForm, given)) == {}


@pytest.mark.parametrize(("field", "given"), MISFITS)
def test_what_does_not_fit_names_its_field(field: str, given: dict[str, Any]) -> None:
    """CL-9, CL-11, CL-13."""
    assert list(problems(read(ClientForm, given))) == [field]


@pytest.mark.parametrize(("field", "given"), UNREADABLE)
def test_every_member_is_checked_before_anything_reads_it(field: str, given: dict[str, Any]) -> None:
    """CL-12, CL-13, CL-14."""
    with pytest.raises(Refusal) as refused:
        read(NewClientForm, {**WEB, **given})
    assert list(refused.value.fields) == [field]
    assert (refused.value.code, refused.value.status) == ("invalid", 422)


# what is said, and what a new client is then
CHOSEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"redirect_uris": ["https://app.example/cb"]},
        {
            "auth_method": "client_secret_basic",
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": ["openid", "profile", "email"],
        },
    ),
    (
        {"kind": "public", "redirect_uris": ["https://app.example/cb"]},
        {
            "auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": ["openid", "profile", "email"],
        },
    ),
    (
        {"kind": "public", "json_login": True},
        {
            "auth_method": "none",
            "grant_types": ["refresh_token"],
            "scopes": ["openid", "profile", "email"],
            "idle_ends_tokens": True,
        },
    ),
    (
        {"json_login": True, "redirect_uris": ["https://app.example/cb"]},
        {
            "auth_method": "client_secret_basic",
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": ["openid", "profile", "email"],
            "idle_ends_tokens": True,
        },
    ),
    ({}, {"auth_method": "client_secret_basic", "grant_types": ["client_credentials"], "scopes": []}),
    ({"serves": ["https://api"]}, {"auth_method": "client_secret_basic", "grant_types": [], "scopes": []}),
    (
        {"jwks_uri": "https://app.example/jwks"},
        {"auth_method": "private_key_jwt", "grant_types": ["client_credentials"], "scopes": []},
    ),
]


@pytest.mark.parametrize(("given", "chosen"), CHOSEN)
def test_what_is_not_said_is_chosen_to_fit(given: dict[str, Any], chosen: dict[str, Any]) -> None:
    assert defaults(given) == chosen


def test_the_form_holds_every_field_of_a_client_that_an_administrator_sets() -> None:
    """A field that only one of the two knows would be lost at the next edit."""
    record = {field.name for field in fields(Client)} - {"id", "client_id", "secrets", "version"}
    assert set(ClientForm.model_fields) == record
    assert COLUMNS - {"id", "client_id", "secrets", "version"} <= record


def test_an_untouched_client_passes_its_own_form() -> None:
    client = Client(
        id="1",
        client_id="app",
        name="App",
        kind="confidential",
        auth_method="client_secret_basic",
        redirect_uris=("https://app.example/cb",),
    )
    assert problems(read(ClientForm, as_form(client))) == {}


def test_every_field_of_the_form_says_what_it_is_for() -> None:
    assert all(field.description for field in NewClientForm.model_fields.values())


def test_a_made_client_id_could_not_be_the_subject_of_a_person() -> None:
    """TK-8."""
    made = [read(NewClientForm, WEB).client_id for _ in range(50)]
    assert len(set(made)) == len(made)
    assert all(read(NewClientForm, {**WEB, "client_id": each}).client_id == each for each in made)
