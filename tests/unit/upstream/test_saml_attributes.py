"""Attributes in all their spellings, names of people by rule, and the one text that names somebody for good. SA-9."""

from datetime import UTC, datetime
from typing import Any

import pytest

from authserver.upstream.contract import Distrusted
from authserver.upstream.saml.assertion import Asserted, Named, NameId
from authserver.upstream.saml.attributes import CLAIMS, MICROSOFT, identity, names
from authserver.upstream.saml.config import SamlConfig

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER, US = "https://idp.example", "https://login.example/metadata"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
OPAQUE = NameId(value="a1b2", format=PERSISTENT)


def asserted(*attributes: Named, name_id: NameId | None = OPAQUE) -> Asserted:
    return Asserted(
        id="_1",
        issuer=ISSUER,
        name_id=name_id,
        attributes=attributes,
        authenticated_at=NOW,
        issued_at=NOW,
        context="urn:password",
        until=NOW,
    )


def named(name: str, *values: str, friendly: str = "") -> Named:
    return Named(name=name, friendly=friendly, values=values)


def config(**given: Any) -> SamlConfig:
    return SamlConfig.model_validate(given)


@pytest.mark.parametrize(
    ("name", "friendly", "field"),
    [
        *(
            (each, "", "email")
            for each in ("mail", "email", "emailAddress", "urn:oid:0.9.2342.19200300.100.1.3")
        ),
        *((each, "", "email") for each in ("urn:oid:1.2.840.113549.1.9.1", f"{CLAIMS}emailaddress")),
        *((each, "", "given_name") for each in ("givenName", "urn:oid:2.5.4.42", f"{CLAIMS}givenname")),
        *((each, "", "family_name") for each in ("sn", "surname", "familyName", "urn:oid:2.5.4.4")),
        *((each, "", "family_name") for each in (f"{CLAIMS}surname", "urn:mace:dir:attribute-def:sn")),
        *((each, "", "name") for each in ("displayName", "urn:oid:2.16.840.1.113730.3.1.241", "cn")),
        *((each, "", "name") for each in (f"{MICROSOFT}displayname", "urn:oid:2.5.4.3")),
        *(
            (each, "", "username")
            for each in ("eduPersonPrincipalName", "urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "uid")
        ),
        ("urn:of-their-own:17", "mail", "email"),
    ],
)
def test_an_attribute_is_found_by_friendly_name_oid_and_claims_uri(
    name: str, friendly: str, field: str
) -> None:
    found = identity(asserted(named(name, "Word", friendly=friendly)), config(), US)
    assert getattr(found, field) == "Word"


def test_the_name_of_an_attribute_goes_before_its_friendly_name() -> None:
    found = identity(asserted(named("sn", "Lovelace", friendly="mail")), config(), US)
    assert (found.family_name, found.email) == ("Lovelace", "")


def test_a_friendly_name_counts_where_nothing_else_does_and_never_names_somebody() -> None:
    """SA-9, UP-1."""
    nick, mail = named("urn:their:nick", "eve@b.example", friendly="mail"), named("mail", "ada@b.example")
    assert identity(asserted(nick, mail), config(), US).email == "ada@b.example"
    assert identity(asserted(nick), config(), US).email == "eve@b.example"
    with pytest.raises(Distrusted):
        identity(
            asserted(named("urn:their:nick", "ada", friendly="uid")), config(subject_attribute="uid"), US
        )


def test_an_attribute_of_their_own_is_named_in_the_settings() -> None:
    given = (named("urn:their:mail", "a@b.example"), named("urn:their:groups", "x", "y"))
    chosen = config(email_attribute="urn:their:mail", groups_attribute="urn:their:groups")
    found = identity(asserted(*given), chosen, US)
    assert (found.email, found.groups) == ("a@b.example", ("x", "y"))
    assert found.attributes["urn:their:groups"] == ["x", "y"]


NAMES = {
    "both are there": (("Ada", "Lovelace"), {"email": "x.y@z"}, ("Ada", "Lovelace")),
    "from the address": (
        ("", ""),
        {"email": "ada.lovelace@uni.example", "shown": "A L"},
        ("Ada", "Lovelace"),
    ),
    "only the missing one": (("Augusta", ""), {"email": "ada.lovelace@uni.example"}, ("Augusta", "Lovelace")),
    "an address that tells nothing": (
        ("", ""),
        {"email": "ada@uni.example", "shown": "Ada King"},
        ("Ada", "King"),
    ),
    "an address with a number": (
        ("", ""),
        {"email": "ada.l7@uni.example", "shown": "Ada King"},
        ("Ada", "King"),
    ),
    "a hyphen": (("", ""), {"email": "anne-marie.kim@uni.example"}, ("Anne-Marie", "Kim")),
    "several first names": (("", ""), {"shown": "Ada Augusta King"}, ("Ada Augusta", "King")),
    "last name first": (("", ""), {"shown": "King, Ada Augusta"}, ("Ada Augusta", "King")),
    "one word": (("", ""), {"shown": "Ada"}, ("Ada", "")),
    "the name id": (("", ""), {"name_id": NameId(value="ada.king@x.example", format=EMAIL)}, ("Ada", "King")),
    "a persistent id is no name": (("", ""), {"name_id": OPAQUE}, ("", "")),
    "nothing": (("", ""), {}, ("", "")),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_missing_name_is_taken_from_what_is_there(case: str) -> None:
    given, other, expected = NAMES[case]
    assert names(*given, **other) == expected  # type: ignore[arg-type]


def test_format_and_qualifiers_are_part_of_the_subject() -> None:
    """SA-9, UP-1: two names that differ in any of them are two people."""
    different = [
        NameId(value="a1b2", format=PERSISTENT),
        NameId(value="a1b2", format=EMAIL),
        NameId(value="a1b2"),
        NameId(value="a1b2", format="urn:their:own"),
        NameId(value="a1b2", format=PERSISTENT, qualifier="https://other.example"),
        NameId(value="a1b2", format=PERSISTENT, sp_qualifier="https://other.example"),
        NameId(value="b!a1b2", format=PERSISTENT, sp_qualifier="x"),
        NameId(value="a1b2", format=PERSISTENT, sp_qualifier="x!b"),
        NameId(value="a1b2", format=PERSISTENT, qualifier="!x!b"),
    ]
    assert len({identity(asserted(name_id=each), config(), US).subject for each in different}) == len(
        different
    )


def test_a_qualifier_that_is_left_out_is_the_one_that_is_meant() -> None:
    whole = NameId(value="a1b2", format=PERSISTENT, qualifier=ISSUER, sp_qualifier=US)
    assert (
        identity(asserted(name_id=whole), config(), US).subject == identity(asserted(), config(), US).subject
    )


@pytest.mark.parametrize("name_id", [None, NameId(value="x", format=TRANSIENT)])
def test_without_a_lasting_name_an_attribute_has_to_be_configured(name_id: NameId | None) -> None:
    """SA-9: and exactly one value of it names somebody."""
    pairwise = "urn:oasis:names:tc:SAML:attribute:pairwise-id"
    with pytest.raises(Distrusted):
        identity(asserted(named(pairwise, "x@y"), name_id=name_id), config(), US)
    chosen = config(subject_attribute="pairwise-id")
    assert identity(asserted(named(pairwise, "x@y"), name_id=name_id), chosen, US).subject == (
        "attribute!pairwise-id!!x@y"
    )
    for wrong in ((), (named(pairwise, "x@y", "z@y"),), (named(pairwise),)):
        with pytest.raises(Distrusted):
            identity(asserted(*wrong, name_id=name_id), chosen, US)


def test_an_address_is_never_verified_by_the_provider() -> None:
    """UP-2: whether it may be believed is a matter of its domain."""
    assert not identity(asserted(named("mail", "a@b.example")), config(), US).email_verified
