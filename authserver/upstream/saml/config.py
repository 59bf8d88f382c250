"""The settings of a SAML provider: what was taken from its metadata, or typed, and how its people are read."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from authserver.opaque import Secret
from authserver.upstream.contract import SecretText, UpstreamConfig
from authserver.upstream.saml.certificates import SigningKey, load, texts

MOST = 8


def _split(given: Any) -> Any:
    """A PEM file with several certificates is as good as a list of them."""
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        return given
    return [text for each in given for text in texts(each)]


def _strong(given: Iterable[str]) -> list[str]:
    kept = list(dict.fromkeys(given))
    for each in kept:
        load(each)
    return kept


Certificates = Annotated[list[str], BeforeValidator(_split), Field(max_length=MOST), AfterValidator(_strong)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2048)]
Pin = Annotated[str, StringConstraints(pattern=r"^(?:[0-9A-Fa-f]{2}:?){32}$")]


class SamlConfig(UpstreamConfig):
    """With `metadata_url` or `metadata`, what the provider publishes is taken from there."""

    multiline: ClassVar[frozenset[str]] = frozenset({"metadata", "metadata_certificate", "certificates"})

    metadata_url: Address = Field(
        "", description="Where the provider publishes its metadata; read again every six hours."
    )
    metadata_certificate: Certificates = Field(
        [],
        description="The certificate that its metadata is signed with; new certificates are then taken from it.",
    )
    pins: Annotated[list[Pin], Field(max_length=MOST)] = Field(
        [],
        description="Where its metadata is not signed: SHA-256 fingerprints of the certificates that it may name.",
    )
    metadata: Annotated[str, Field(max_length=1024 * 1024)] = Field(
        "", description="The metadata itself, from a file; it is read once."
    )
    entity_id: Annotated[str, StringConstraints(strip_whitespace=True, max_length=512)] = Field(
        "", description="The name of the provider, as its assertions say it."
    )
    sso_url: Address = Field("", description="Where people sign in.")
    binding: Literal["redirect", "post"] = Field("redirect", description="How our request travels there.")
    certificates: Certificates = Field(
        [], description="The certificates that its assertions may be signed with; two during a change."
    )
    ended_certificates: Literal["accept", "refuse"] = Field(
        "accept",
        description="Whether a certificate counts after its last day; a warning is given in any case.",
    )
    name_id_format: Literal["persistent", "email", "transient", "any"] = Field(
        "persistent", description="What kind of name we ask for; a transient one needs subject_attribute."
    )
    subject_attribute: Name = Field(
        "", description="The attribute that names somebody for good, where the NameID does not."
    )
    authn_context: Annotated[list[Name], Field(max_length=MOST)] = Field(
        [],
        description="AuthnContextClassRef values of which the provider must reach one, such as a second factor.",
    )
    username_attribute: Name = Field(
        "", description="The attribute with the user name, where it is not found."
    )
    email_attribute: Name = Field(
        "", description="The attribute with the e-mail address, where it is not found."
    )
    given_name_attribute: Name = Field(
        "", description="The attribute with the first name, where it is not found."
    )
    family_name_attribute: Name = Field(
        "", description="The attribute with the last name, where it is not found."
    )
    name_attribute: Name = Field("", description="The attribute with the whole name, where it is not found.")
    groups_attribute: Name = Field("", description="The attribute with the groups, where they are not found.")
    rollover: Literal["none", "announce", "switch"] = Field(
        "none",
        description="Change the key that signs our requests: `announce` publishes the next one beside it, `switch` "
        "signs with the next one, `none` then forgets the old one.",
    )
    signing_key: SecretText = Field(Secret(""), description="Made by itself.")
    next_signing_key: SecretText = Field(Secret(""), description="Made by itself.")

    def signs_with(self) -> SigningKey:
        return SigningKey.opened(self.next_signing_key if self.rollover == "switch" else self.signing_key)

    def published_keys(self) -> list[SigningKey]:
        """The keys that a provider must know: during a change both."""
        kept = [self.signing_key] if self.rollover == "none" else [self.signing_key, self.next_signing_key]
        return [SigningKey.opened(each) for each in kept]
