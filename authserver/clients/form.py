"""What may be filled in about a client; which of it fits together is in rules.py."""

import re
import secrets
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from authserver.clients.redirects import check_origin
from authserver.clients.remote import Fetcher, url_problem
from authserver.errors import Refusal
from authserver.input import Form
from authserver.jose import PublicKeys
from authserver.scopes import is_word

CLIENT_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]{0,253}[A-Za-z0-9])?")
SUBJECT = re.compile(r"[0-9a-f]{32}")  # users/edit.py: `sub` of a client must not be that of a person (TK-8)
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
Lifetime = Annotated[int, Field(ge=30, le=400 * 86_400)]
Short = Annotated[int, Field(ge=30, le=86_400)]
Acr = Literal["pwd", "mfa-low", "mfa", "phr"]
GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]
AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]


class ClientForm(Form):
    """Changes replace whole fields."""

    name: Line = Field(description="What people read on the consent page.")
    kind: Literal["public", "confidential"] = Field(
        "confidential",
        description="Public: it runs where people can read it (browser, phone), so it has no secret.",
    )
    auth_method: AuthMethod = Field(
        "client_secret_basic", description="How it authenticates, and no other way."
    )
    active: bool = Field(
        default=True, description="A disabled client gets nothing, and nobody signs in to it."
    )
    jwks: dict[str, Any] | None = Field(None, description="Its public keys, for private_key_jwt.")
    jwks_uri: str | None = Field(None, description="Where it publishes its public keys instead.")
    assertion_algs: list[Literal["ES256", "RS256", "PS256", "EdDSA"]] = Field(
        default=["ES256"], min_length=1, description="The algorithms its assertions may use."
    )
    legacy_audience: bool = Field(
        default=False, description="Its assertions may name the endpoint instead of the issuer; logged."
    )
    redirect_uris: list[str] = Field(
        default=[], max_length=50, description="Where people return to, exactly."
    )
    post_logout_redirect_uris: list[str] = Field(
        default=[], max_length=50, description="Where people return to after signing out, exactly."
    )
    origins: list[str] = Field(
        default=[], max_length=50, description="Web origins that call us beyond those of its redirect URIs."
    )
    grant_types: list[GrantType] = Field(default=["authorization_code"], description="How it gets tokens.")
    scopes: list[str] = Field(default=["openid"], max_length=200, description="All that it may ask for.")
    resources: list[str] = Field(
        default=[],
        max_length=50,
        description="APIs it may ask for; empty: those that have one of its scopes.",
    )
    several_resources: bool = Field(default=False, description="One token may be for several APIs.")
    serves: list[str] = Field(
        default=[],
        max_length=50,
        description="APIs whose resource server this is: it may introspect their tokens.",
    )
    response_modes: list[Literal["query", "form_post"]] = Field(
        default=["query", "form_post"], min_length=1, description="How answers may reach it."
    )
    first_party: bool = Field(default=False, description="One of ours: nobody is asked for consent.")
    json_login: bool = Field(
        default=False,
        description="It asks for name and password itself, by the JSON sign-in; first-party clients only.",
    )
    pkce_optional: bool = Field(
        default=False, description="It cannot do PKCE, but always sends a nonce; confidential clients only."
    )
    required_acr: Acr | None = Field(None, description="How surely somebody must sign in to use it.")
    required_max_age: int | None = Field(
        None, ge=0, le=400 * 86_400, description="The oldest sign-in that will do, in seconds."
    )
    second_factor: Literal["optional", "required"] | None = Field(
        None, description="Whether people are asked for a second factor here; the strictest rule holds."
    )
    default_max_age: int | None = Field(
        None, ge=0, le=400 * 86_400, description="Ask again after these seconds."
    )
    default_acr_values: list[Acr] = Field(
        default=[], description="What it prefers where a request says nothing."
    )
    allowed_groups: list[str] | None = Field(
        None, max_length=200, description="The groups whose people may sign in; null is everybody."
    )
    providers: list[str] | None = Field(
        None,
        max_length=50,
        description="The providers that its sign-in page offers, in this order; null is all.",
    )
    amr: Literal["all", "short"] = Field(
        "all",
        description='Short: for code that compares whole lists, ["pwd"] or ["pwd","mfa"] after a password.',
    )
    id_token_alg: Literal["ES256", "RS256"] | None = Field(None, description="How its ID tokens are signed.")
    access_token_lifetime: Short | None = Field(None, description="Seconds; null is the general setting.")
    id_token_lifetime: Short | None = Field(None, description="Seconds; null is the general setting.")
    refresh_idle_lifetime: Lifetime | None = Field(
        None, description="Seconds unused; null is the general setting."
    )
    refresh_lifetime: Lifetime | None = Field(
        None, description="Seconds in all; null is the general setting."
    )
    idle_ends_tokens: bool = Field(default=False, description="An idle browser sign-in ends its tokens too.")
    backchannel_logout_uri: str = Field(
        "", description="An https address of its server that is told when a session ends."
    )
    backchannel_logout_session_required: bool = Field(
        default=False, description="It wants to know which session; it is told so in any case."
    )
    contact: Text = Field("", description="Whom to ask, such as an e-mail address; refused people read it.")
    logo_url: str = Field("", description="An https address of its logo.")
    client_uri: str = Field("", description="An https address that describes it.")
    policy_uri: str = Field("", description="An https address of its privacy text.")
    tos_uri: str = Field("", description="An https address of its terms.")

    @field_validator("jwks")
    @classmethod
    def _are_public_keys(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            try:
                PublicKeys.of_client(value)
            except Refusal as refusal:
                raise ValueError(refusal.public) from refusal
        return value

    @field_validator("jwks_uri")
    @classmethod
    def _is_fetchable(cls, value: str | None) -> str | None:
        return _address(value or "") or None

    @field_validator("backchannel_logout_uri")
    @classmethod
    def _can_be_told(cls, value: str) -> str:
        problem = Fetcher(loopback=True).problem(value) if value else None
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("logo_url", "client_uri", "policy_uri", "tos_uri")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            problem = check_origin(origin)
            if problem:
                raise ValueError(f"{origin}: {problem}")
        return value

    @field_validator(
        "scopes", "resources", "serves", "grant_types", "redirect_uris", "post_logout_redirect_uris"
    )
    @classmethod
    def _are_different(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    @field_validator("scopes")
    @classmethod
    def _are_scopes(cls, value: list[str]) -> list[str]:
        wrong = [word for word in value if not is_word(word)]
        if wrong:
            raise ValueError("A scope is one word of printable ASCII, without quotes or backslash.")
        return value


class NewClientForm(ClientForm):
    client_id: str = Field(
        default_factory=lambda: secrets.token_hex(10),
        description="Its id on the wire; one is made if none is given.",
    )

    @field_validator("client_id")
    @classmethod
    def _is_client_id(cls, value: str) -> str:
        if not CLIENT_ID.fullmatch(value) or SUBJECT.fullmatch(value):
            raise ValueError(
                "A client id is letters, digits and . _ ~ - between them, and not the subject of a person."
            )
        return value


def _address(value: str) -> str:
    problem = url_problem(value) if value else None
    if problem:
        raise ValueError(problem)
    return value
