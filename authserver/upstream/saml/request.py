"""Our request to a provider, signed, by redirect or by a form (SAML Bindings §3.4, §3.5)."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner

from authserver.upstream.saml.certificates import SigningKey
from authserver.upstream.saml.document import DS, SAML, SAMLP, Element, name

POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
RSA_SHA256 = SignatureMethod.RSA_SHA256.value
FORMATS = {
    "persistent": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "transient": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
    "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What we ask: who, where the answer goes, and how surely somebody must sign in."""

    id: str
    at: datetime
    destination: str
    issuer: str
    acs: str
    name_id_format: str
    contexts: Sequence[str] = ()
    fresh: bool = False


def request_id(nonce: str) -> str:
    """The id of the request that was made with this nonce; an XML ID begins with no digit."""
    return f"_{nonce}"


def redirected(request: Request, relay_state: str, key: SigningKey) -> str:
    """The address to go to, its query signed as it stands."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(etree.tostring(_built(request))) + packer.flush()
    query = urlencode(
        {
            "SAMLRequest": base64.b64encode(packed).decode(),
            "RelayState": relay_state,
            "SigAlg": RSA_SHA256,
        }
    )
    signature = key.private.sign(query.encode(), PKCS1v15(), SHA256())
    joint = "&" if "?" in request.destination else "?"
    return f"{request.destination}{joint}{query}&{urlencode({'Signature': base64.b64encode(signature).decode()})}"


def posted(request: Request, relay_state: str, key: SigningKey) -> dict[str, str]:
    """The fields of the form to send, the message signed."""
    root = _built(request)
    # The schema wants the signature right behind the issuer; signxml puts it where this stands.
    root.insert(1, etree.Element(name(DS, "Signature"), {"Id": "placeholder"}, {"ds": DS}))
    signer = XMLSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(
        root, key=key.private, cert=[key.certificate], reference_uri=request.id, id_attribute="ID"
    )
    message = base64.b64encode(etree.tostring(signed)).decode()
    return {"SAMLRequest": message, "RelayState": relay_state}


def _built(request: Request) -> Element:
    attributes = {
        "ID": request.id,
        "Version": "2.0",
        "IssueInstant": f"{request.at:%Y-%m-%dT%H:%M:%SZ}",
        "Destination": request.destination,
        "AssertionConsumerServiceURL": request.acs,
        "ProtocolBinding": POST,
    }
    if request.fresh:
        attributes["ForceAuthn"] = "true"
    root = etree.Element(name(SAMLP, "AuthnRequest"), attributes, {"samlp": SAMLP, "saml": SAML})
    etree.SubElement(root, name(SAML, "Issuer")).text = request.issuer
    policy = etree.SubElement(root, name(SAMLP, "NameIDPolicy"), {"AllowCreate": "true"})
    if request.name_id_format in FORMATS:
        policy.set("Format", FORMATS[request.name_id_format])
    if request.contexts:
        wanted = etree.SubElement(root, name(SAMLP, "RequestedAuthnContext"), {"Comparison": "exact"})
        for context in request.contexts:
            etree.SubElement(wanted, name(SAML, "AuthnContextClassRef")).text = context
    return root
