"""From what was asserted to an identity: names of attributes in all their spellings, and names of people. SA-9."""

from collections.abc import Mapping
from urllib.parse import quote

from authserver.upstream.contract import Authenticated, Identity
from authserver.upstream.saml.assertion import UNSPECIFIED, Asserted, NameId, refused
from authserver.upstream.saml.config import SamlConfig
from authserver.upstream.saml.request import FORMATS

CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
MICROSOFT = "http://schemas.microsoft.com/identity/claims/"
EDU = "urn:oid:1.3.6.1.4.1.5923.1."
LONGEST_SUBJECT = 1024
# Our name for an attribute, and how else it is called: by friendly name, by OID, as a claims URI.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "mail": (
        "email", "emailAddress", "emailaddress", "Email", "EmailAddress", "urn:oid:0.9.2342.19200300.100.1.3",
        "urn:oid:1.2.840.113549.1.9.1", "1.2.840.113549.1.9.1", "urn:mace:dir:attribute-def:mail",
        f"{CLAIMS}emailaddress",
    ),
    "givenName": (
        "given_name", "givenname", "firstName", "FirstName", "first_name", "urn:oid:2.5.4.42",
        "urn:mace:dir:attribute-def:givenName", f"{CLAIMS}givenname",
    ),
    "sn": (
        "surname", "familyName", "family_name", "lastName", "LastName", "last_name", "urn:oid:2.5.4.4",
        "urn:mace:dir:attribute-def:sn", f"{CLAIMS}surname",
    ),
    "displayName": (
        "display_name", "displayname", "urn:oid:2.16.840.1.113730.3.1.241",
        "urn:mace:dir:attribute-def:displayName", f"{MICROSOFT}displayname",
    ),
    "cn": ("commonName", "urn:oid:2.5.4.3", "urn:mace:dir:attribute-def:cn"),
    "uid": ("username", "userName", "urn:oid:0.9.2342.19200300.100.1.1", "urn:mace:dir:attribute-def:uid"),
    "userPrincipalName": ("upn", f"{CLAIMS}upn", f"{CLAIMS}name"),
    "objectId": (f"{MICROSOFT}objectidentifier",),
    "tenantId": (f"{MICROSOFT}tenantid",),
    "groups": (
        "isMemberOf", "memberOf", "Group", "group", f"{EDU}5.1.1", "urn:oid:1.2.840.113556.1.2.102",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "http://schemas.xmlsoap.org/claims/Group",
    ),
    "preferredLanguage": ("locale", "urn:oid:2.16.840.1.113730.3.1.39"),
    "eduPersonAffiliation": (f"{EDU}1.1.1",),
    "eduPersonPrincipalName": (f"{EDU}1.1.6", "urn:mace:dir:attribute-def:eduPersonPrincipalName", "eppn"),
    "eduPersonEntitlement": (f"{EDU}1.1.7",),
    "eduPersonScopedAffiliation": (f"{EDU}1.1.9", "urn:mace:dir:attribute-def:eduPersonScopedAffiliation"),
    "eduPersonTargetedID": (f"{EDU}1.1.10",),
    "eduPersonAssurance": (f"{EDU}1.1.11",),
    "eduPersonUniqueId": (f"{EDU}1.1.13",),
    "eduPersonOrcid": (f"{EDU}1.1.16",),
    "schacHomeOrganization": ("urn:oid:1.3.6.1.4.1.25178.1.2.9",),
    "subject-id": ("urn:oasis:names:tc:SAML:attribute:subject-id",),
    "pairwise-id": ("urn:oasis:names:tc:SAML:attribute:pairwise-id",),
}  # fmt: skip
OURS = {alias: ours for ours, aliases in ALIASES.items() for alias in (ours, *aliases)}
SHORT = {uri: short for short, uri in FORMATS.items()} | {UNSPECIFIED: "unspecified"}
Values = Mapping[str, tuple[str, ...]]


def identity(asserted: Asserted, config: SamlConfig, audience: str) -> Identity:
    """Who somebody is; a Distrusted where nothing in it names them for good."""
    named = by_name(asserted)
    values = {**by_friendly_name(asserted), **named}
    email = first(values, config.email_attribute, "mail")
    shown = first(values, config.name_attribute, "displayName", "cn")
    given, family = names(
        first(values, config.given_name_attribute, "givenName"),
        first(values, config.family_name_attribute, "sn"),
        email=email,
        shown=shown,
        name_id=asserted.name_id,
    )
    username = first(values, config.username_attribute, "uid", "eduPersonPrincipalName", "userPrincipalName")
    name = shown or " ".join(part for part in (given, family) if part)
    return Identity(
        issuer=asserted.issuer,
        subject=subject(asserted, config, named, audience),
        username=username,
        name=name,
        given_name=given,
        family_name=family,
        email=email,
        locale=first(values, "preferredLanguage"),
        attributes={known: each[0] if len(each) == 1 else list(each) for known, each in values.items()},
        groups=values.get(OURS.get(config.groups_attribute, config.groups_attribute) or "groups", ()),
        authentication=Authenticated(
            at=asserted.authenticated_at, said_at=asserted.issued_at, acr=asserted.context
        ),
        shown=email or first(values, "eduPersonPrincipalName") or username or name,
        once=((f"{asserted.issuer}\n{asserted.id}", asserted.until),),
    )


def by_name(asserted: Asserted) -> Values:
    """Attributes by our names where we know them, else by theirs."""
    found: dict[str, dict[str, None]] = {}
    for each in asserted.attributes:
        found.setdefault(OURS.get(each.name, each.name), {}).update(dict.fromkeys(each.values))
    return {known: tuple(values) for known, values in found.items() if values}


def by_friendly_name(asserted: Asserted) -> Values:
    """Attributes that only their friendly name tells, which is no more than a word for people (SAML Core §2.7.3.1)."""
    return {
        OURS[each.friendly]: each.values
        for each in asserted.attributes
        if each.name not in OURS and each.friendly in OURS and each.values
    }


def first(values: Values, *wanted: str) -> str:
    """The first value of the first of these attributes that is there."""
    for each in wanted:
        if found := values.get(OURS.get(each, each)):
            return found[0]
    return ""


def subject(asserted: Asserted, config: SamlConfig, values: Values, audience: str) -> str:
    """The one text that names somebody at this provider for good. UP-1."""
    if config.subject_attribute:
        known = OURS.get(config.subject_attribute, config.subject_attribute)
        found = values.get(known, ())
        if len(found) != 1:
            raise refused(
                "subject", f"there are {len(found)} values of {known}, and one names somebody", known
            )
        made = f"attribute!{quote(known, safe=':/.-')}!!{found[0]}"
    else:
        made = _by_name_id(asserted.name_id, asserted.issuer, audience)
    if len(made) > LONGEST_SUBJECT:
        raise refused("subject", f"the name has {len(made)} characters, and {LONGEST_SUBJECT} are the most")
    return made


def _by_name_id(name_id: NameId | None, issuer: str, audience: str) -> str:
    if name_id is None:
        raise refused("subject", "the assertion names nobody, and no subject_attribute is configured")
    if name_id.format == FORMATS["transient"]:
        raise refused(
            "transient",
            "the NameID is another at each sign-in: configure subject_attribute, or let the provider send a "
            "persistent one",
        )
    # A qualifier that is left out means the provider, or us (SAML Core §8.3.7).
    parts = (
        SHORT.get(name_id.format, name_id.format),
        "" if name_id.qualifier == issuer else name_id.qualifier,
        "" if name_id.sp_qualifier == audience else name_id.sp_qualifier,
    )
    return "!".join((*(quote(part, safe=":/.-") for part in parts), name_id.value))


def names(
    given: str, family: str, *, email: str = "", shown: str = "", name_id: NameId | None = None
) -> tuple[str, str]:
    """First and last name; what is missing is taken from the e-mail address, the display name or the NameID."""
    named = name_id.value if name_id and name_id.format != FORMATS["persistent"] else ""
    guesses = (_of_address(email), _split(shown), _of_address(named) or _split(named))
    for guess in guesses:
        if given and family:
            break
        if guess:
            given, family = given or guess[0], family or guess[1]
    return given, family


def _of_address(address: str) -> tuple[str, str] | None:
    """ada.lovelace@… is Ada Lovelace; ada@… says nothing."""
    parts = address.partition("@")[0].split(".")
    if len(parts) != 2 or "@" not in address or not all(part.replace("-", "").isalpha() for part in parts):  # noqa: PLR2004
        return None
    return parts[0].title(), parts[1].title()


def _split(shown: str) -> tuple[str, str] | None:
    """The last word is the last name, unless a comma says which is which."""
    if "@" in shown:
        return None
    last, comma, rest = shown.partition(",")
    if comma and last.strip() and rest.strip():
        return rest.strip(), last.strip()
    words = shown.split()
    if not words:
        return None
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 else (words[0], "")
