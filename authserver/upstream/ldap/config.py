"""What an admin says of a directory, and what is known beforehand of the usual ones."""

import re
import ssl
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn
from pydantic import AfterValidator, Field, model_validator

from authserver.opaque import Secret
from authserver.upstream.contract import Preset, SecretText, UpstreamConfig

NAME, PORTS = "{username}", {"ldap": 389, "ldaps": 636}
MEMBER = "{dn}"
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;.-]{0,127}|[0-9]+(\.[0-9]+)+")


def _server(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{text!r} is no address.") from None
    whole = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
    if (
        parts.scheme not in PORTS
        or not parts.hostname
        or text.rstrip("/").lower() not in {whole, _bracketed(whole)}
    ):
        raise ValueError(
            f"{text!r} must read like ldaps://directory.example or ldap://directory.example:389."
        )
    return text.rstrip("/").lower()


def _bracketed(whole: str) -> str:
    return re.sub(r"://([0-9a-f:]*:[0-9a-f:]*?)(:\d+)?$", r"://[\1]\2", whole)


def _dn(text: str) -> str:
    try:
        if text:
            parse_dn(text)
    except LDAPException:
        raise ValueError(f"{text!r} is no distinguished name, such as ou=people,dc=example,dc=org.") from None
    return text


def _filter_with(mark: str, text: str) -> str:
    if not text:
        return text
    if mark not in text:
        raise ValueError(f"The filter must hold {mark}, where what is looked for is put in.")
    try:
        parse_filter(  # type: ignore[no-untyped-call]
            text.replace(mark, "x"),
            None,
            auto_escape=False,
            auto_encode=False,
            validator=None,
            check_names=False,
        )
    except (LDAPException, ValueError, IndexError):
        raise ValueError(f"{text!r} is no LDAP filter, such as (uid={NAME}).") from None
    return text


def _attribute(text: str) -> str:
    if text and not ATTRIBUTE.fullmatch(text):
        raise ValueError(f"{text!r} is no attribute's name.")
    return text


def _certificates(text: str) -> str:
    try:
        if text:
            ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("This holds no certificate in PEM.") from None
    return text


Attribute = Annotated[str, AfterValidator(_attribute)]
Dn = Annotated[str, AfterValidator(_dn)]


class LdapConfig(UpstreamConfig):
    """`servers` are tried in their order. ldaps:// is TLS from the first byte, ldap:// begins TLS before any bind."""

    sent_to: ClassVar[tuple[str, ...]] = ("servers", "ca", "insecure_plain", "insecure_certificates")

    multiline: ClassVar[frozenset[str]] = frozenset({"ca"})

    servers: Annotated[list[Annotated[str, AfterValidator(_server)]], Field(min_length=1, max_length=8)]
    ca: Annotated[str, AfterValidator(_certificates)] = ""
    insecure_plain: bool = False  # no TLS at all
    insecure_certificates: bool = False  # TLS with whoever answers
    bind_dn: Dn = ""
    bind_password: SecretText = Secret("")
    base_dn: Dn
    user_filter: Annotated[str, AfterValidator(lambda text: _filter_with(NAME, text))] = f"(uid={NAME})"
    subject_attribute: Literal["entryUUID", "objectGUID", "ipaUniqueID", "nsUniqueId"] = "entryUUID"
    username_attribute: Attribute = "uid"
    name_attribute: Attribute = "cn"
    given_name_attribute: Attribute = "givenName"
    family_name_attribute: Attribute = "sn"
    email_attribute: Attribute = "mail"
    attributes: Annotated[list[Attribute], Field(max_length=50)] = Field(default_factory=list)
    groups_attribute: Attribute = ""
    group_base_dn: Dn = ""
    group_filter: Annotated[str, AfterValidator(lambda text: _filter_with(MEMBER, text))] = (
        f"(member={MEMBER})"
    )
    group_name_attribute: Attribute = "cn"

    @model_validator(mode="after")
    def _is_whole(self) -> "LdapConfig":
        if self.bind_dn and not self.bind_password.reveal():
            raise ValueError("The service account needs a password: without one a directory lets anybody in.")
        return self


ACTIVE_DIRECTORY: Mapping[str, Any] = {
    "user_filter": f"(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={NAME})(userPrincipalName={NAME})))",
    "subject_attribute": "objectGUID",
    "username_attribute": "sAMAccountName",
    "name_attribute": "displayName",
    "groups_attribute": "memberOf",
}
FREE_IPA: Mapping[str, Any] = {
    "user_filter": f"(&(objectClass=posixAccount)(uid={NAME}))",
    "subject_attribute": "ipaUniqueID",
    "groups_attribute": "memberOf",
}
OPEN_LDAP: Mapping[str, Any] = {"user_filter": f"(&(objectClass=inetOrgPerson)(uid={NAME}))"}
PRESETS: Mapping[str, Preset] = {
    "active-directory": Preset(title="Active Directory", config=ACTIVE_DIRECTORY, guide="ldap"),
    "openldap": Preset(title="OpenLDAP", config=OPEN_LDAP, guide="ldap"),
    "freeipa": Preset(title="FreeIPA", config=FREE_IPA, guide="ldap"),
}
