"""XML signatures: checked with a certificate from the settings, over exactly the element that is then read. SA-1, SA-2.

`signxml` does the cryptography. Before it is asked, the signature must have the one shape that SAML knows (Core
§5.4): it stands in the element that it signs, refers to it and to nothing else, and transforms it in no other way.
"""

import re
from collections.abc import Sequence

from cryptography.x509 import Certificate
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from authserver.upstream.contract import Distrusted
from authserver.upstream.saml.document import DS, Element, here, name, parser

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
LONGEST_LIST = 200
# An ID of XML; others could make a reference mean something else, such as "xpointer(…)" or one with "#" in front.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
METHOD_NAMES = frozenset(method.value for method in METHODS)
DIGEST_NAMES = frozenset(digest.value for digest in DIGESTS)


def signature_in(element: Element) -> Element | None:
    """The signature that stands in this element, if there is one."""
    found = element.findall(name(DS, "Signature"))
    if len(found) > 1:
        raise unsigned(f"{here(element)} holds two signatures")
    return found[0] if found else None


def verified(text: bytes, element: Element, location: str, certificates: Sequence[Certificate]) -> Element:
    """What was signed of `element`, as a new document: read from this, and from nothing else.

    `text` is what `element` was read from; `location` leads from its root to the element, such as "./".
    """
    identifier = _check_shape(element)
    problems = []
    for certificate in certificates:
        try:
            result = _asked(text, location, certificate)
        # Whatever it stumbles over, it did not verify; the other certificate may have a key of another type.
        except Exception as error:  # noqa: BLE001
            problems.append(f"{type(error).__name__}: {error}"[:200])
        else:
            return _read(result, element, identifier)
    raise unsigned(
        f"the signature of {here(element)} is not by one of {len(certificates)} certificates of the provider: "
        + "; ".join(problems)
    )


def unsigned(detail: str) -> Distrusted:
    return Distrusted(detail, rule="saml.signature")


def _asked(text: bytes, location: str, certificate: Certificate) -> VerifyResult:
    expected = SignatureConfiguration(
        require_x509=True,
        location=location,
        expect_references=1,
        signature_methods=METHODS,
        digest_algorithms=DIGESTS,
        # The key is that of the settings: whatever the message says of keys is not read.
        ignore_ambiguous_key_info=True,
        # Whether one that ended is still taken was decided by whoever chose these certificates. SA-8.
        verification_time=certificate.not_valid_before_utc,
    )
    result = XMLVerifier().verify(
        text, x509_cert=certificate, parser=parser(), id_attribute="ID", expect_config=expected
    )
    if not isinstance(result, VerifyResult):
        raise TypeError("more than one reference")
    return result


def _read(result: VerifyResult, element: Element, identifier: str) -> Element:
    """The signed copy, which must be the element that was looked at."""
    copy = result.signed_xml
    if not result.signed_data or copy is None or copy.tag != element.tag or copy.get("ID") != identifier:
        raise unsigned(f"what was signed is not the {here(element)}")
    return copy


def _check_shape(element: Element) -> str:
    """The ID of an element whose signature has the one shape that we take."""
    identifier = element.get("ID")
    signature = signature_in(element)
    if signature is None or identifier is None or not NAME.fullmatch(identifier):
        raise unsigned(f"{here(element)} is not signed, or its ID is none")
    info = _children(signature, ("SignedInfo", "SignatureValue"), ("KeyInfo",))[0]
    canonical, method, reference = _children(
        info, ("CanonicalizationMethod", "SignatureMethod", "Reference"), ()
    )
    _algorithm(canonical, {EXCLUSIVE})
    _algorithm(method, METHOD_NAMES)
    transforms, digest, _ = _children(reference, ("Transforms", "DigestMethod", "DigestValue"), ())
    _algorithm(digest, DIGEST_NAMES)
    if reference.get("URI") != f"#{identifier}":
        raise unsigned(f"the signature in {here(element)} refers to something else")
    enveloped, exclusive = _children(transforms, ("Transform", "Transform"), ())
    _algorithm(enveloped, {ENVELOPED})
    _algorithm(exclusive, {EXCLUSIVE})
    for plain in (enveloped, method, digest):
        _children(plain, (), ())
    for each in (canonical, exclusive):
        if any(not _is_short_list(child) for child in each):
            raise unsigned("an algorithm of the signature has parameters that we do not know")
    return identifier


def _is_short_list(element: Element) -> bool:
    """A list of prefixes, as exclusive canonical XML may have one; a long one would cost much time."""
    prefixes = element.get("PrefixList") or ""
    return element.tag == name(EXCLUSIVE, "InclusiveNamespaces") and len(prefixes) <= LONGEST_LIST


def _children(parent: Element, wanted: tuple[str, ...], optional: tuple[str, ...]) -> list[Element]:
    """Exactly these children in this order, then perhaps those."""
    names = [child.tag for child in parent]
    expected = [name(DS, each) for each in wanted]
    rest = names[len(expected) :]
    if names[: len(expected)] != expected or rest not in ([], [name(DS, each) for each in optional]):
        raise unsigned(f"{here(parent)} of the signature does not have the form that SAML prescribes")
    return list(parent)


def _algorithm(element: Element, known: set[str] | frozenset[str]) -> None:
    found = element.get("Algorithm")
    if found not in known:
        raise Distrusted(
            f"{here(element)} names an algorithm that we do not take",
            rule="saml.algorithm",
            value=(found or "")[:120],
            nearest=", ".join(sorted(known)),
        )
