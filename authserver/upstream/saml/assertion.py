"""What an assertion must say before it is believed: for us, for this request, now. SA-3; SAML Profiles §4.1.4.3."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authserver.upstream.contract import Distrusted
from authserver.upstream.saml.document import (
    SAML,
    Element,
    attribute,
    children,
    here,
    name,
    only,
    text_of,
    time_of,
)

SKEW = timedelta(seconds=60)
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TARGETED_ID = frozenset({"urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID"})
# Conditions that ask nothing of who takes an assertion once; others we could not judge (Core §2.5.1.1).
UNDERSTOOD = frozenset(name(SAML, each) for each in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction"))
PARTS = frozenset(
    name(SAML, each)
    for each in ("Issuer", "Subject", "Conditions", "Advice", "AuthnStatement", "AttributeStatement")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What we asked, and where the answer had to come: our entity id, our address, our request, now."""

    issuer: str
    audience: str
    acs: str
    request: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NameId:
    """A name at the provider: without its format and qualifiers it names nobody."""

    value: str
    format: str = UNSPECIFIED
    qualifier: str = ""
    sp_qualifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One attribute as it was sent."""

    name: str
    friendly: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserted:
    """What the provider said, every check passed. `until` is when its id may be forgotten. SA-4."""

    id: str
    issuer: str
    name_id: NameId | None
    attributes: tuple[Named, ...]
    authenticated_at: datetime
    issued_at: datetime
    context: str
    until: datetime


def read(assertion: Element, expected: Expected) -> Asserted:
    """Judge a signed assertion, of which the signature was removed."""
    if attribute(assertion, "Version") != "2.0":
        raise refused("version", "the assertion is not of SAML 2.0", assertion.get("Version"), "2.0")
    if any(child.tag not in PARTS and not _is_signature(child) for child in assertion):
        raise refused("structure", "the assertion holds something that we do not know")
    check_issuer(only(assertion, SAML, "Issuer"), expected.issuer)
    _check_conditions(only(assertion, SAML, "Conditions"), expected)
    subject = only(assertion, SAML, "Subject")
    until = _confirmed(subject, expected)
    statement = only(assertion, SAML, "AuthnStatement")
    issued_at = _moment(assertion, "IssueInstant", expected)
    return Asserted(
        id=attribute(assertion, "ID"),
        issuer=expected.issuer,
        name_id=_name_id(subject),
        attributes=_attributes(assertion),
        authenticated_at=_authenticated_at(statement, expected),
        issued_at=issued_at,
        context=_context(statement),
        until=until + SKEW,
    )


def refused(rule: str, detail: str, value: str | None = "", nearest: str = "") -> Distrusted:
    return Distrusted(detail, rule=f"saml.{rule}", value=(value or "")[:200], nearest=nearest)


def check_issuer(element: Element, issuer: str) -> None:
    said = text_of(element)
    if said != issuer or element.get("Format", ENTITY) != ENTITY:
        raise refused("issuer", f"the issuer of the {here_of_parent(element)} is another", said, issuer)


def here_of_parent(element: Element) -> str:
    parent = element.getparent()
    return "message" if parent is None else here(parent)


def _is_signature(element: Element) -> bool:
    return element.tag == "{http://www.w3.org/2000/09/xmldsig#}Signature"


def _check_conditions(conditions: Element, expected: Expected) -> None:
    unknown = [here(each) for each in conditions if each.tag not in UNDERSTOOD]
    if unknown:
        raise refused("conditions", "there is a condition that we do not know", unknown[0])
    _check_window(conditions, expected.at)
    restrictions = children(conditions, SAML, "AudienceRestriction")
    if not restrictions:
        raise refused("audience", "the assertion names no audience")
    for restriction in restrictions:
        audiences = [text_of(each) for each in children(restriction, SAML, "Audience")]
        if expected.audience not in audiences:
            raise refused("audience", "the assertion is for others", " ".join(audiences), expected.audience)


def _check_window(element: Element, at: datetime) -> datetime | None:
    """Refuse what is not yet, or no longer, to be taken; gives the end where there is one."""
    begins, ends = time_of(element, "NotBefore"), time_of(element, "NotOnOrAfter")
    if begins is not None and at < begins - SKEW:
        raise refused(
            "not_before", f"{here(element)}: not before {begins:%H:%M:%S} UTC, and it is {at:%H:%M:%S}"
        )
    if ends is not None and at >= ends + SKEW:
        raise refused("expired", f"{here(element)}: only until {ends:%H:%M:%S} UTC, and it is {at:%H:%M:%S}")
    return ends


def _confirmed(subject: Element, expected: Expected) -> datetime:
    """Until when the confirmations that fit us hold; the last refusal where none fits."""
    bearers = [
        each for each in children(subject, SAML, "SubjectConfirmation") if each.get("Method") == BEARER
    ]
    problem = refused("confirmation", "the subject is not confirmed for a bearer")
    fitting = []
    for bearer in bearers:
        try:
            fitting.append(_fits(only(bearer, SAML, "SubjectConfirmationData"), expected))
        except Distrusted as found:
            problem = found
    if not fitting:
        raise problem
    return max(fitting)


def _fits(data: Element, expected: Expected) -> datetime:
    if data.get("Recipient") != expected.acs:
        raise refused(
            "recipient", "the assertion is for another address", data.get("Recipient"), expected.acs
        )
    if data.get("InResponseTo") != expected.request:
        raise refused(
            "in_response_to",
            "the assertion does not answer the request of this browser",
            data.get("InResponseTo"),
            expected.request,
        )
    ends = _check_window(data, expected.at)
    if ends is None:
        raise refused("expired", "the confirmation never ends")
    return ends


def _name_id(subject: Element) -> NameId | None:
    if children(subject, SAML, "EncryptedID"):
        raise encrypted("the name is encrypted")
    if not children(subject, SAML, "NameID"):
        return None
    return name_id(only(subject, SAML, "NameID"))


def name_id(element: Element) -> NameId:
    """A NameID read whole."""
    value = text_of(element)
    if not value or value != value.strip():
        raise refused("name_id", "the name is empty or has blanks around it", value)
    return NameId(
        value=value,
        format=element.get("Format") or UNSPECIFIED,
        qualifier=element.get("NameQualifier") or "",
        sp_qualifier=element.get("SPNameQualifier") or "",
    )


def encrypted(what: str) -> Distrusted:
    return refused(
        "encrypted",
        f"{what}, and we do not decrypt yet: turn encryption of assertions off at the provider for this service",
    )


def _authenticated_at(statement: Element, expected: Expected) -> datetime:
    ends = time_of(statement, "SessionNotOnOrAfter")
    if ends is not None and expected.at >= ends + SKEW:
        raise refused("session_expired", "the session at the provider is over")
    # UP-11: never later than now, whatever their clock says.
    return min(_moment(statement, "AuthnInstant", expected), expected.at)


def _moment(element: Element, key: str, expected: Expected) -> datetime:
    """A time that must be there, and not lie ahead of us."""
    found = time_of(element, key)
    if found is None:
        raise refused("structure", f"{here(element)} has no {key}")
    if found > expected.at + SKEW:
        raise refused("not_before", f"{key} of {here(element)} lies ahead of us")
    return found


def _context(statement: Element) -> str:
    context = only(statement, SAML, "AuthnContext")
    found = children(context, SAML, "AuthnContextClassRef")
    return text_of(only(context, SAML, "AuthnContextClassRef")) if found else ""


def _attributes(assertion: Element) -> tuple[Named, ...]:
    found: list[Named] = []
    for statement in children(assertion, SAML, "AttributeStatement"):
        if children(statement, SAML, "EncryptedAttribute"):
            raise encrypted("an attribute is encrypted")
        for each in children(statement, SAML, "Attribute"):
            known = attribute(each, "Name")
            values = [_value(known, value) for value in children(each, SAML, "AttributeValue")]
            # One value with a structure that we do not know: the attribute is not read at all, never in part.
            if None not in values:
                found.append(
                    Named(
                        name=known,
                        friendly=each.get("FriendlyName") or "",
                        values=tuple(value for value in values if value),
                    )
                )
    return tuple(found)


def _value(known: str, value: Element) -> str | None:
    """The text of a value, None where it is no text; a targeted id is written as Shibboleth writes it."""
    if value.get(XSI_NIL) in {"true", "1"}:
        return ""
    if not len(value):
        return (value.text or "").strip()
    if known not in TARGETED_ID or len(value) != 1 or value[0].tag != name(SAML, "NameID"):
        return None
    targeted = name_id(value[0])
    return f"{targeted.qualifier}!{targeted.sp_qualifier}!{targeted.value}"
