"""A response read from bytes to what was asserted: verified, then read from the signed copy alone. SA-2, SA-3."""

from collections.abc import Sequence

from cryptography.x509 import Certificate

from authserver.upstream.contract import Declined, Distrusted
from authserver.upstream.saml import assertion as assertions
from authserver.upstream.saml.assertion import Asserted, Expected, check_issuer, encrypted, refused
from authserver.upstream.saml.document import (
    DS,
    SAML,
    SAMLP,
    Element,
    attribute,
    children,
    cleaned,
    message,
    name,
    only,
    text_of,
)
from authserver.upstream.saml.signature import signature_in, unsigned, verified

STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS = f"{STATUS}Success"
PARTS = (
    (SAML, "Issuer"),
    (DS, "Signature"),
    (SAMLP, "Extensions"),
    (SAMLP, "Status"),
    (SAML, "Assertion"),
)
# Where the person, or the provider for them, said no: nothing is broken.
NO = frozenset(
    STATUS + each
    for each in ("AuthnFailed", "NoPassive", "NoAuthnContext", "RequestDenied", "InvalidNameIDPolicy")
)


def read(data: bytes, certificates: Sequence[Certificate], expected: Expected) -> Asserted:
    """What a response proves. Raises Declined where the provider said no, Distrusted for everything else."""
    text = cleaned(data)
    response = message(text)
    if response.tag != name(SAMLP, "Response"):
        raise refused("structure", "the message is no Response", str(response.tag))
    _check_answer(response, expected)
    _check_status(only(response, SAMLP, "Status"))
    assertion = _one_assertion(response)
    return assertions.read(_signed_copy(text, response, assertion, certificates, expected), expected)


def _signed_copy(
    text: bytes,
    response: Element,
    assertion: Element,
    certificates: Sequence[Certificate],
    expected: Expected,
) -> Element:
    """The assertion as it was signed. Where the response is signed too, both have to be right. SA-1."""
    if signature_in(response) is None and signature_in(assertion) is None:
        raise unsigned("neither the response nor the assertion is signed")
    copy = assertion
    if signature_in(response) is not None:
        signed = verified(text, response, "./", certificates)
        _check_signed_answer(signed, expected)
        copy = _one_assertion(signed)
    if signature_in(assertion) is not None:
        copy = verified(text, assertion, f"./{name(SAML, 'Assertion')}/", certificates)
    return copy


def _check_answer(response: Element, expected: Expected) -> None:
    """What surrounds the assertion, signed or not: it can only refuse."""
    if attribute(response, "Version") != "2.0":
        raise refused("version", "the message is not of SAML 2.0", response.get("Version"), "2.0")
    if any(child.tag not in {name(*part) for part in PARTS} for child in response):
        if children(response, SAML, "EncryptedAssertion"):
            raise encrypted("the assertion is encrypted")
        raise refused("structure", "the response holds something that we do not know")
    if children(response, SAML, "Issuer"):
        check_issuer(only(response, SAML, "Issuer"), expected.issuer)
    if response.get("InResponseTo") != expected.request:
        raise refused(
            "in_response_to",
            "the response does not answer the request of this browser",
            response.get("InResponseTo"),
            expected.request,
        )
    if response.get("Destination", expected.acs) != expected.acs:
        raise refused(
            "destination", "the response is for another address", response.get("Destination"), expected.acs
        )


def _check_signed_answer(response: Element, expected: Expected) -> None:
    """A signed message must say where it was sent (Bindings §3.5.5.2)."""
    if response.get("Destination") != expected.acs:
        raise refused("destination", "the signed response names no destination", nearest=expected.acs)
    _check_answer(response, expected)
    _check_status(only(response, SAMLP, "Status"))


def _check_status(status: Element) -> None:
    code = only(status, SAMLP, "StatusCode")
    said = attribute(code, "Value")
    if said == SUCCESS:
        return
    inner = [attribute(each, "Value") for each in children(code, SAMLP, "StatusCode")]
    words = [text_of(each) for each in children(status, SAMLP, "StatusMessage")]
    told = " ".join([*(each.removeprefix(STATUS) for each in (said, *inner)), *words])[:300]
    if NO.intersection(inner) or said in NO:
        raise Declined(f"the provider answered {told}", rule="saml.declined", value=told)
    raise Distrusted(f"the provider answered {told}", rule="saml.status", value=told)


def _one_assertion(response: Element) -> Element:
    """The only assertion that there is, at any depth, and every signature where one may stand. CVE-13."""
    wanted, signatures = name(SAML, "Assertion"), name(DS, "Signature")
    if len(list(response.iter(wanted, name(SAML, "EncryptedAssertion")))) != 1:
        raise refused("one_assertion", "the response must hold exactly one assertion")
    assertion = only(response, SAML, "Assertion")
    if any(each.getparent() not in (response, assertion) for each in response.iter(signatures)):
        raise unsigned("a signature stands where none belongs")
    return assertion
