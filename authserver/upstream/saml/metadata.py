"""Metadata: what a provider publishes of itself, and what we publish for it. SA-8."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from authserver.errors import Refusal
from authserver.upstream.saml import certificates
from authserver.upstream.saml.document import (
    DS,
    LARGEST_PUBLISHED,
    MD,
    SAMLP,
    Element,
    attribute,
    children,
    cleaned,
    name,
    published,
    text_of,
    time_of,
    without_comments,
)
from authserver.upstream.saml.request import FORMATS, POST, REDIRECT
from authserver.upstream.saml.signature import verified

CONTENT_TYPE = "application/samlmetadata+xml"
BINDINGS = {"redirect": REDIRECT, "post": POST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is taken from a provider's metadata. `until`: the document must not be believed any longer."""

    entity_id: str
    sso: dict[str, str]
    certificates: tuple[str, ...]
    until: datetime | None


def read(data: bytes, entity_id: str, signers: Sequence[str]) -> Facts:
    """The facts of one provider; where signers are given, from what one of them signed. Raises a Refusal."""
    text = cleaned(data, LARGEST_PUBLISHED)
    root = published(text)
    if signers:
        root = verified(text, root, "./", [certificates.load(each) for each in signers])
    else:
        root = without_comments(root)
    entity, descriptor = _provider(root, entity_id)
    ends = [found for each in (root, entity, descriptor) if (found := time_of(each, "validUntil"))]
    return Facts(
        entity_id=attribute(entity, "entityID"),
        sso=_addresses(descriptor),
        certificates=_certificates(descriptor),
        until=min(ends, default=None),
    )


def ours(entity_id: str, acs: str, keys: Sequence[str], name_id_format: str) -> bytes:
    """Our own metadata: one address, and the certificates of the keys that sign our requests."""
    root = etree.Element(name(MD, "EntityDescriptor"), {"entityID": entity_id}, {"md": MD, "ds": DS})
    service = etree.SubElement(
        root,
        name(MD, "SPSSODescriptor"),
        {
            "AuthnRequestsSigned": "true",
            "WantAssertionsSigned": "true",
            "protocolSupportEnumeration": SAMLP,
        },
    )
    for key in keys:
        described = etree.SubElement(service, name(MD, "KeyDescriptor"), {"use": "signing"})
        data = etree.SubElement(etree.SubElement(described, name(DS, "KeyInfo")), name(DS, "X509Data"))
        etree.SubElement(data, name(DS, "X509Certificate")).text = key
    if name_id_format in FORMATS:
        etree.SubElement(service, name(MD, "NameIDFormat")).text = FORMATS[name_id_format]
    etree.SubElement(
        service,
        name(MD, "AssertionConsumerService"),
        {"Binding": POST, "Location": acs, "index": "0", "isDefault": "true"},
    )
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _provider(root: Element, entity_id: str) -> tuple[Element, Element]:
    """The entity and its descriptor as an identity provider: the one that is named, or the only one."""
    entities = [root] if root.tag == name(MD, "EntityDescriptor") else children(root, MD, "EntityDescriptor")
    found = [
        (entity, descriptor)
        for entity in entities
        for descriptor in children(entity, MD, "IDPSSODescriptor")
        if entity_id in {"", entity.get("entityID")}
        and SAMLP in (descriptor.get("protocolSupportEnumeration") or "").split()
    ]
    if len(found) != 1:
        named = f"named {entity_id!r} " if entity_id else ""
        raise _wrong(
            f"This metadata describes {len(found)} identity providers {named}for SAML 2.0; it must be one."
        )
    return found[0]


def _addresses(descriptor: Element) -> dict[str, str]:
    found = {
        ours: attribute(service, "Location")
        for ours, theirs in BINDINGS.items()
        for service in children(descriptor, MD, "SingleSignOnService")
        if service.get("Binding") == theirs
    }
    if not found:
        raise _wrong("This metadata names no sign-in address for the redirect or POST binding.")
    return found


def _certificates(descriptor: Element) -> tuple[str, ...]:
    """The certificates that sign; one that we cannot use spoils the others as little as it helps."""
    found = []
    for key in children(descriptor, MD, "KeyDescriptor"):
        for each in key.iterfind(
            f"{name(DS, 'KeyInfo')}/{name(DS, 'X509Data')}/{name(DS, 'X509Certificate')}"
        ):
            text = "".join(text_of(each).split())
            if key.get("use", "signing") == "signing" and _usable(text):
                found.append(text)
    if not found:
        raise _wrong("This metadata holds no certificate for signing that is strong enough.")
    return tuple(dict.fromkeys(found))


def _usable(text: str) -> bool:
    try:
        certificates.load(text)
    except ValueError:
        return False
    return True


def _wrong(public: str) -> Refusal:
    return Refusal(public, code="invalid", rule="saml.metadata", status=422)
