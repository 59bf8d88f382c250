"""What a provider publishes, read with care; what we publish, as it must be. SA-8."""

from datetime import UTC, datetime

import pytest
from lxml import etree
from signxml.signer import XMLSigner

from authserver.errors import Refusal
from authserver.upstream.contract import Distrusted
from authserver.upstream.saml import metadata
from authserver.upstream.saml.document import MD
from tests.peers.saml import Key, make_key

KEY, SIGNER = make_key(), make_key()
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


def text(key: Key) -> str:
    return "".join(key.certificate_pem.splitlines()[1:-1])


def described(*, entity_id: str = "https://idp.example", extra: str = "", use: str = 'use="signing"') -> str:
    return f"""<md:EntityDescriptor xmlns:md="{MD}" entityID="{entity_id}" ID="_1" {extra}><!-- a word -->
      <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
        <md:KeyDescriptor {use}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
          <ds:X509Certificate>{text(KEY)[:64]}<!-- cut -->
            {text(KEY)[64:]}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
        <md:SingleSignOnService Binding="{REDIRECT}" Location="https://idp.example/sso"/>
      </md:IDPSSODescriptor></md:EntityDescriptor>"""


def signed(xml: str, key: Key) -> bytes:
    signer = XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
    root = signer.sign(
        etree.fromstring(xml), key=key.private, cert=[key.certificate], reference_uri="_1", id_attribute="ID"
    )
    return etree.tostring(root)


def test_facts_are_read_whole_around_comments() -> None:
    facts = metadata.read(described(extra='validUntil="2030-01-01T00:00:00Z"').encode(), "", [])
    assert (facts.entity_id, facts.sso) == ("https://idp.example", {"redirect": "https://idp.example/sso"})
    assert facts.certificates == (text(KEY),)
    assert facts.until == datetime(2030, 1, 1, tzinfo=UTC)


def test_one_of_many_is_found_by_its_name() -> None:
    pair = described() + described(entity_id="https://other.example").replace('ID="_1"', "")
    many = f'<md:EntitiesDescriptor xmlns:md="{MD}">{pair}</md:EntitiesDescriptor>'.encode()
    assert metadata.read(many, "https://other.example", []).entity_id == "https://other.example"
    for name in ("", "https://nobody.example"):
        with pytest.raises(Refusal):
            metadata.read(many, name, [])


def test_signed_metadata_is_good_by_the_configured_certificate_alone() -> None:
    """SA-8, SA-1: the one in the message counts for nothing, and what is not signed is not read."""
    good = signed(described(), SIGNER)
    assert metadata.read(good, "", [text(SIGNER)]).certificates == (text(KEY),)
    for data, signers in (
        (good, [text(KEY)]),
        (signed(described(), KEY), [text(SIGNER)]),
        (described().encode(), [text(SIGNER)]),
        (good.replace(b"https://idp.example/sso", b"https://evil.example/sso"), [text(SIGNER)]),
    ):
        with pytest.raises(Distrusted):
            metadata.read(data, "", signers)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html/>",
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + described().encode(),
        described().replace(text(KEY)[:64], "").encode(),
        described(use='use="encryption"').encode(),
        described().replace(REDIRECT, "urn:soap").encode(),
        described().replace("SAML:2.0:protocol", "SAML:1.1:protocol").encode(),
        described().replace("IDPSSODescriptor", "SPSSODescriptor").encode(),
        described().encode("utf-16"),
        b"<a>" * 300 + b"</a>" * 300,
    ],
)
def test_what_is_no_metadata_of_a_provider_is_refused(data: bytes) -> None:
    """SA-5, SA-8."""
    with pytest.raises(Refusal):
        metadata.read(data, "", [])


def test_ours_says_where_answers_go_and_by_which_keys_we_sign() -> None:
    body = metadata.ours(
        "https://login.example/m", "https://login.example/acs", [text(KEY), text(SIGNER)], "persistent"
    )
    root = etree.fromstring(body)
    assert root.get("entityID") == "https://login.example/m"
    service = root[0]
    assert (service.get("AuthnRequestsSigned"), service.get("WantAssertionsSigned")) == ("true", "true")
    assert [each.text for each in service.iter("{*}X509Certificate")] == [text(KEY), text(SIGNER)]
    (acs,) = service.iter("{*}AssertionConsumerService")
    assert acs.get("Location") == "https://login.example/acs"
    assert acs.get("Binding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
