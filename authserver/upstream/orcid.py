"""ORCID: an OpenID provider for researchers, with what is particular to it. OI-4, OI-5."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from authserver.jose import Claims
from authserver.upstream.contract import Callback, Distrusted, Identity, Preset
from authserver.upstream.oidc import OpenId
from authserver.upstream.oidc_config import Alg, Line, OidcConfig

ORCID_ID = re.compile(r"(?:[0-9]{4}-){3}[0-9]{3}[0-9X]")
RULES: dict[str, Any] = {"attributes": {"orcid": "orcid"}}
SANDBOX = "https://sandbox.orcid.org"


class OrcidConfig(OidcConfig):
    """ORCID as it knows us; what it is able to is fixed."""

    issuer: Line = Field(
        "https://orcid.org", description="https://orcid.org, or https://sandbox.orcid.org to try it."
    )
    auth_method: Literal["client_secret_post"] = "client_secret_post"
    scopes: list[str] = Field(["openid"], description="openid is all that it gives without a contract.")
    algs: list[Alg] = Field(["RS256"], min_length=1, description="How its ID tokens are signed.")
    userinfo: bool = Field(default=False, description="Its ID token says all that userinfo does.")


class Orcid(OpenId[OrcidConfig]):
    title: ClassVar[str] = "ORCID"
    presets: ClassVar[Mapping[str, Preset]] = {
        "production": Preset(title="ORCID", rules=RULES, guide="orcid"),
        "sandbox": Preset(title="ORCID sandbox", config={"issuer": SANDBOX}, rules=RULES, guide="orcid"),
    }
    Config = OrcidConfig

    def identity(
        self,
        config: OrcidConfig,
        claims: Claims,
        told: Mapping[str, Any],
        groups: tuple[str, ...] | None,
        back: Callback,
    ) -> Identity:
        """The iD names the person. What it calls amr says which account has a second factor, not that it was used."""
        found = super().identity(config, claims, told, groups, back)
        if not is_orcid(found.subject):
            raise Distrusted("sub is no ORCID iD", rule="orcid.checksum", value=ascii(found.subject)[:40])
        page = f"{config.issuer}/{found.subject}"
        return replace(
            found,
            email="",
            email_verified=False,
            attributes={**found.attributes, "orcid": page},
            authentication=replace(found.authentication, amr=(), acr=""),
            shown=found.subject,
            page=page,
        )


def is_orcid(text: str) -> bool:
    """Whether this is an ORCID iD: its last character is a checksum. ISO 7064 11-2."""
    if not ORCID_ID.fullmatch(text):
        return False
    plain = text.replace("-", "")
    total = 0
    for digit in plain[:-1]:
        total = (total + int(digit)) * 2
    result = (12 - total % 11) % 11
    return plain[-1] == ("X" if result == 10 else str(result))  # noqa: PLR2004
