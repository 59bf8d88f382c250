"""What an admin decides about a provider beyond its kind's own settings: who gets in, and what is taken over."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from authserver.input import Form

SLUG = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]|[a-z]")
DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
MOST = 200
Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Texts = Annotated[list[Text], Field(max_length=MOST)]
Names = Annotated[dict[Text, Text], Field(max_length=MOST)]


class Rules(Form):
    """What holds for whoever comes from a provider."""

    accounts: Literal["on", "off", "domains"] = Field(
        "on",
        description="Whether a first sign-in makes an account: for all, for nobody, or for account_domains.",
    )
    account_domains: list[str] = Field(
        [], max_length=MOST, description="The e-mail domains that a first sign-in makes an account for."
    )
    link_only: bool = Field(
        default=False, description="Nobody signs in by it unless they linked it to their account before."
    )
    domains: list[str] = Field(
        [], max_length=MOST, description="E-mail domains whose people sign in there: typing one leads there."
    )
    trusted_email: bool = Field(
        default=False, description="What it says of e-mail addresses, verified ones, is believed."
    )
    auto_link: bool = Field(
        default=False,
        description="With trusted_email: a verified address links to the account here that has it verified.",
    )
    mfa_acr: Texts = Field(
        [], description="The exact acr or AuthnContext values by which it says that a second factor was used."
    )
    mfa_amr: Texts = Field(
        [], description="The exact amr values by which it says that a second factor was used."
    )
    attributes: Names = Field(
        {}, description="Which attribute of ours takes which of theirs, at each sign-in: ours to theirs."
    )
    profile: bool = Field(default=True, description="Name and language follow what it says at each sign-in.")
    groups: Names = Field(
        {}, description="Which group there puts somebody in which group here: theirs to ours."
    )
    roles: dict[Text, Literal["auditor", "support", "admin"]] = Field(
        {}, max_length=MOST, description="Which group there gives which admin role here; needs gives_roles."
    )
    gives_roles: bool = Field(
        default=False, description="Whether groups there may give admin roles here at all."
    )

    @field_validator("domains", "account_domains")
    @classmethod
    def _are_domains(cls, values: list[str]) -> list[str]:
        lowered = [value.strip().lower().removeprefix("@") for value in values]
        wrong = next((value for value in lowered if not DOMAIN.fullmatch(value)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no domain, such as uni.example.")
        return lowered

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.roles and not self.gives_roles:
            raise ValueError("Groups give admin roles only where gives_roles is on.")
        if self.auto_link and not self.trusted_email:
            raise ValueError("auto_link needs trusted_email.")
        if self.accounts == "domains" and not self.account_domains:
            raise ValueError("accounts is domains, and account_domains names none.")
        return self


class ProviderForm(Form):
    """What is changed about a provider. `config` holds the fields of its kind; null brings a default back."""

    multiline: ClassVar[frozenset[str]] = frozenset({"config"})

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)] = Field(
        description="What people read on its button."
    )
    position: int = Field(0, ge=-1000, le=1000, description="Where it stands on the sign-in page, low first.")
    config: dict[str, Any] = Field({}, description="The settings of its kind; secrets are never shown.")
    rules: Rules = Field(default_factory=Rules, description="Who gets in by it, and what is taken over.")


class NewProviderForm(ProviderForm):
    """A provider as it is added, in draft."""

    slug: str = Field(description="Its name in addresses: lower case, digits and hyphens; stays for good.")
    kind: str = Field(description="The kind of provider, such as oidc, orcid, saml or ldap.")
    preset: str = Field("", description="Settings known of one provider, such as google or entra.")

    @field_validator("slug")
    @classmethod
    def _is_slug(cls, value: str) -> str:
        if not SLUG.fullmatch(value):
            raise ValueError("Use lower-case letters, digits and hyphens, 32 at most, a letter first.")
        return value
