"""The settings of an OpenID provider, and what is known beforehand of some. OI-1, OI-3."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from authserver.clients.remote import LOOPBACK, url_problem
from authserver.opaque import Secret
from authserver.upstream.contract import Preset, SecretText, UpstreamConfig

TENANT = "{tenantid}"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1024)]
Alg = Literal["RS256", "ES256", "PS256", "EdDSA"]


class OidcConfig(UpstreamConfig):
    """An OpenID provider, and how it knows us."""

    sent_to: ClassVar[tuple[str, ...]] = ("issuer", "discovery", "groups_url")

    issuer: Line = Field(
        description="Its issuer, exactly as its metadata has it; {tenantid} stands for the tenant at Entra."
    )
    discovery: Line = Field(
        "", description="Where its metadata is, if not at the issuer's /.well-known/openid-configuration."
    )
    client_id: Line = Field(min_length=1, description="The client id that it gave us.")
    client_secret: SecretText = Field(Secret(""), description="The client secret that it gave us.")
    auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = Field(
        "client_secret_basic", description="How we authenticate at its token endpoint."
    )
    scopes: list[str] = Field(
        ["openid", "profile", "email"], max_length=30, description="What we ask for; openid is among it."
    )
    algs: list[Alg] = Field(
        ["RS256", "ES256", "PS256"], min_length=1, description="How its ID tokens may be signed."
    )
    userinfo: bool = Field(default=True, description="Whether its userinfo endpoint is asked, too.")
    prompt: Literal["", "select_account", "consent"] = Field(
        "", description="What it should ask the person each time."
    )
    subject: Literal["sub", "tid+oid"] = Field(
        "sub", description="What names somebody for good: sub, or at Entra tenant and object id."
    )
    tenants: list[str] = Field(
        [], max_length=200, description="With {tenantid}: the tenants that are let in; empty for all."
    )
    groups_claim: Line = Field("groups", description="The claim that holds the names or ids of groups.")
    groups_url: Line = Field(
        "", description="Where groups are asked for when the token says that it could not hold them all."
    )
    email_verified_as_text: bool = Field(
        default=False, description='Whether email_verified may be the text "true".'
    )

    @field_validator("issuer", "discovery", "groups_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        problem = url_problem(value.replace(TENANT, "tenant")) if value else None
        if problem and not LOOPBACK.fullmatch(value):
            raise ValueError(problem)
        return value

    @field_validator("scopes")
    @classmethod
    def _are_scopes(cls, values: list[str]) -> list[str]:
        if "openid" not in values or not all(SCOPE.fullmatch(value) for value in values):
            raise ValueError("openid is among the scopes, and each is one word.")
        return values

    @field_validator("tenants")
    @classmethod
    def _are_tenants(cls, values: list[str]) -> list[str]:
        lowered = [value.lower() for value in values]
        if not all(GUID.fullmatch(value) for value in lowered):
            raise ValueError("A tenant is named by its id, a GUID.")
        return lowered

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if not self.issuer:
            raise ValueError("The issuer is missing.")
        if TENANT in self.issuer and not self.discovery:
            raise ValueError("An issuer with {tenantid} needs the address of its metadata in discovery.")
        return self

    @property
    def metadata_url(self) -> str:
        return self.discovery or f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    @property
    def is_of_many(self) -> bool:
        return TENANT in self.issuer


ENTRA: dict[str, Any] = {
    "subject": "tid+oid",
    "algs": ["RS256"],
    "userinfo": False,
    "groups_url": "https://graph.microsoft.com/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999",
}
PRESETS = {
    "google": Preset(
        title="Google",
        config={"issuer": "https://accounts.google.com", "algs": ["RS256"], "userinfo": False},
        guide="google",
    ),
    "entra": Preset(title="Microsoft", config=ENTRA, guide="entra"),
    "entra-many": Preset(
        title="Microsoft",
        config={
            **ENTRA,
            "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
            "discovery": "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration",
        },
        guide="entra",
    ),
    "okta": Preset(title="Okta", config={"algs": ["RS256"]}, guide="okta"),
    "keycloak": Preset(title="Keycloak", config={"algs": ["RS256", "ES256", "PS256"]}, guide="keycloak"),
}
