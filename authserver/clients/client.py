"""Client: what was registered, as an immutable record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    digest: bytes
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """`id` is the row's, `client_id` the one on the wire. Absent lists mean: what the default says."""

    id: str
    client_id: str
    name: str
    kind: Literal["public", "confidential"]
    auth_method: AuthMethod
    active: bool = True
    secrets: tuple[StoredSecret, ...] = ()
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    assertion_algs: tuple[str, ...] = ("ES256",)
    legacy_audience: bool = False  # its assertions may name the endpoint's URL
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()  # beyond those of the redirect URIs, for CORS
    grant_types: tuple[str, ...] = ("authorization_code",)
    scopes: tuple[str, ...] = ("openid",)
    resources: tuple[str, ...] = ()  # API identifiers it may ask for; empty: those whose scopes allow it
    several_resources: bool = False
    serves: tuple[str, ...] = ()  # APIs whose resource server this is: it may introspect their tokens
    response_modes: tuple[str, ...] = ("query", "form_post")
    first_party: bool = False
    json_login: bool = False  # it asks for name and password itself
    pkce_optional: bool = False  # only a confidential OIDC client that always sends nonce
    required_acr: str | None = None
    required_max_age: int | None = None
    second_factor: Literal["optional", "required"] | None = None
    default_max_age: int | None = None
    default_acr_values: tuple[str, ...] = ()
    allowed_groups: tuple[str, ...] | None = None  # None: everyone may sign in
    amr: Literal["all", "short"] = "all"
    providers: tuple[str, ...] | None = None  # None: all, in the order of the sign-in page
    id_token_alg: str | None = None
    access_token_lifetime: int | None = None
    id_token_lifetime: int | None = None
    refresh_idle_lifetime: int | None = None
    refresh_lifetime: int | None = None
    idle_ends_tokens: bool = False
    backchannel_logout_uri: str = ""  # where it is told that a session has ended
    backchannel_logout_session_required: bool = False
    contact: str = ""
    logo_url: str = ""
    client_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    version: int = 1

    @property
    def is_public(self) -> bool:
        return self.kind == "public"

    def admits(self, groups: Collection[str]) -> bool:
        """Whether somebody in these groups may sign in here."""
        return self.allowed_groups is None or any(group in groups for group in self.allowed_groups)
