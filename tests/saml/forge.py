"""What an attacker, and a provider that errs, can do to a message: change it, move its parts, sign it again."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from tests.peers.saml import Key
from tests.saml.trip import Answered

NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "ec": "http://www.w3.org/2001/10/xml-exc-c14n#",
}
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA256 = f"{MORE}rsa-sha256"
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
EVIL = "evil@uni.example"

type_ = etree._Element
Change = Callable[[type_], object]


def as_it_is(root: type_) -> None:
    """A change that changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One message, or one way to bring a good one, that must be refused; by this rule where it is given."""

    name: str
    answered: Answered
    message: bytes
    rule: str = ""
    later: timedelta = field(default_factory=timedelta)


Attacks = Iterator[Attack]


@dataclass(frozen=True, kw_only=True)
class How:
    """How something is signed; the defaults are what is right."""

    method: str = RSA_SHA256
    digest: str = SHA256
    canonical: str = EXCLUSIVE
    transforms: tuple[str, ...] = (ENVELOPED, EXCLUSIVE)
    uri: str | None = None
    references: int = 1
    key_info: str = ""
    secret: bytes = b""


RIGHT = How()


def tree(answered: Answered) -> type_:
    return etree.fromstring(answered.message)


def text(root: type_) -> bytes:
    return etree.tostring(root)


def find(root: type_, path: str) -> type_:
    found = root.find(path, NS)
    assert found is not None, path
    return found


def name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{NS[prefix]}}}{local}"


def assertion_of(root: type_) -> type_:
    return find(root, "saml:Assertion")


def stripped(element: type_) -> type_:
    """A copy without the signature that stands in it directly."""
    copy = deepcopy(element)
    copy.tail = None
    for signature in copy.findall("ds:Signature", NS):
        copy.remove(signature)
    return copy


def evil(element: type_) -> type_:
    """A copy without signature that says another name, everywhere."""
    copy = stripped(element)
    for assertion in copy.iter(name("saml:Assertion")):
        for signature in assertion.findall("ds:Signature", NS):
            assertion.remove(signature)
    for each in copy.iter(name("saml:NameID"), name("saml:AttributeValue")):
        each.text = EVIL
    return copy


def changed(answered: Answered, change: Change, key: Key, how: How = RIGHT) -> bytes:
    """The message with other content and good signatures over it: what a provider would send that errs or lies."""
    root = tree(answered)
    change(root)
    return text(signed_again(root, key, how))


def signed_again(root: type_, key: Key, how: How = RIGHT) -> type_:
    """Sign assertions and response as they were signed before, inside first."""
    for element in [*root.iter(name("saml:Assertion")), root]:
        old = element.find("ds:Signature", NS)
        if old is not None:
            element.remove(old)
            sign(element, key, how)
    return root


def sign(element: type_, key: Key, how: How = RIGHT) -> None:
    """Put a signature over this element behind its issuer."""
    signature = etree.Element(name("ds:Signature"), nsmap={"ds": NS["ds"]})
    uri = f"#{element.get('ID')}" if how.uri is None else how.uri
    # What is digested: without the signature where it is enveloped, which is how it is now.
    reference = f"""<ds:Reference URI="{uri}"><ds:Transforms>{
        "".join(f'<ds:Transform Algorithm="{each}"/>' for each in how.transforms)
    }</ds:Transforms><ds:DigestMethod Algorithm="{how.digest}"/><ds:DigestValue>{
        digest(element, how)
    }</ds:DigestValue></ds:Reference>"""
    info = etree.fromstring(
        f"""<ds:SignedInfo xmlns:ds="{NS["ds"]}"><ds:CanonicalizationMethod Algorithm="{how.canonical}"/>
        <ds:SignatureMethod Algorithm="{how.method}"/>{reference * how.references}</ds:SignedInfo>"""
    )
    signature.append(info)
    value = etree.SubElement(signature, name("ds:SignatureValue"))
    # Behind the issuer, where there is one.
    element.insert(1 if len(element) and element[0].tag == name("saml:Issuer") else 0, signature)
    value.text = base64.b64encode(made(c14n(info, how.canonical), key, how)).decode()
    if how.key_info:
        signature.append(etree.fromstring(how.key_info))


def digest(element: type_, how: How) -> str:
    algorithm = hashlib.sha1 if how.digest == SHA1 else hashlib.sha256
    transform = how.transforms[-1] if how.transforms else EXCLUSIVE
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return base64.b64encode(algorithm(c14n(alone, transform)).digest()).decode()


def c14n(element: type_, method: str) -> bytes:
    return etree.tostring(
        element, method="c14n", exclusive="exc-c14n" in method, with_comments=method.endswith("WithComments")
    )


def made(data: bytes, key: Key, how: How) -> bytes:
    if "hmac" in how.method:
        public = how.secret or key.certificate.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        mac = HMAC(public, hashes.SHA256())
        mac.update(data)
        return mac.finalize()
    weak = how.method.endswith("sha1")
    return key.private.sign(data, PKCS1v15(), hashes.SHA1() if weak else hashes.SHA256())  # noqa: S303


def x509_info(key: Key) -> str:
    body = "".join(key.certificate_pem.splitlines()[1:-1])
    return f"""<ds:KeyInfo xmlns:ds="{NS["ds"]}"><ds:X509Data><ds:X509Certificate>{body}</ds:X509Certificate>
    </ds:X509Data></ds:KeyInfo>"""


def value_info(key: Key) -> str:
    numbers = key.private.public_key().public_numbers()
    modulus, exponent = (
        base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode()
        for number in (numbers.n, numbers.e)
    )
    return f"""<ds:KeyInfo xmlns:ds="{NS["ds"]}"><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus>
    <ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>"""
