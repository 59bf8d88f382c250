"""Attributes: what may be declared, and which values fit."""

from typing import Any

import pytest

from authserver.errors import Refusal
from authserver.groups.attributes import BUILT_IN, RESERVED, STANDING, Attribute, Type, value_problem
from authserver.groups.form import NewAttributeForm, NewGroupForm
from authserver.input import read
from authserver.scopes import STANDARD

# The table of OpenID Connect Core §5.4.
STANDARD_CLAIMS = {
    "profile": "name family_name given_name middle_name nickname preferred_username profile picture website gender "
    "birthdate zoneinfo locale updated_at",
    "email": "email email_verified",
    "address": "address",
    "phone": "phone_number phone_number_verified",
}


@pytest.mark.parametrize("scope", STANDARD_CLAIMS)
def test_each_standard_scope_releases_its_standard_claims(scope: str) -> None:
    """ID-8."""
    assert {each.name for each in BUILT_IN if each.scope == scope} == set(STANDARD_CLAIMS[scope].split())


def test_every_released_scope_is_a_standard_one() -> None:
    assert {each.scope for each in BUILT_IN} <= set(STANDARD)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_no_attribute_carries_the_name_of_a_claim_that_says_what_happened(name: str) -> None:
    """ID-1."""
    with pytest.raises(Refusal) as refused:
        read(NewAttributeForm, {"name": name})
    assert list(refused.value.fields) == ["name"]


@pytest.mark.parametrize(
    "claim", ["iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "acr", "amr", "azp", "at_hash", "sid"]
)
def test_the_reserved_claims_of_the_requirement_are_reserved(claim: str) -> None:
    """ID-1."""
    assert claim in RESERVED


@pytest.mark.parametrize(
    "name", [*sorted(STANDING), "", "Staff", "staff number", "1st", "__proto__", "a" * 65, "http://x/y"]
)
def test_a_claim_has_a_plain_name_of_its_own(name: str) -> None:
    with pytest.raises(Refusal):
        read(NewAttributeForm, {"name": name})


@pytest.mark.parametrize("name", ["staff_number", "x", "https://example.org/claims/badge"])
def test_a_claim_is_a_word_or_a_url(name: str) -> None:
    assert read(NewAttributeForm, {"name": name}).name == name


@pytest.mark.parametrize("scope", ["openid", "offline_access", "two words", 'quo"te'])
def test_an_attribute_is_released_by_a_scope_that_can_be_asked_for(scope: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(NewAttributeForm, {"name": "badge", "scope": scope})
    assert list(refused.value.fields) == ["scope"]


VALUES: list[tuple[Type, Any, bool]] = [
    ("string", "x", True),
    ("string", "x" * 2001, False),
    ("string", 5, False),
    ("string", None, False),
    ("integer", 5, True),
    ("integer", True, False),
    ("integer", 1 << 53, False),
    ("integer", 5.0, False),
    ("integer", "5", False),
    ("boolean", False, True),
    ("boolean", 0, False),
    ("boolean", "true", False),
    ("list", [], True),
    ("list", ["a", "b"], True),
    ("list", ["a"] * 101, False),
    ("list", ["a", 5], False),
    ("list", "a", False),
    ("address", {"locality": "London"}, True),
    ("address", {}, False),
    ("address", {"planet": "Earth"}, False),
    ("address", {"locality": 5}, False),
    ("address", "London", False),
]


@pytest.mark.parametrize(("kind", "value", "fits"), VALUES)
def test_a_value_is_of_the_declared_type(kind: Type, value: Any, fits: bool) -> None:
    assert (value_problem(Attribute(name="x", type=kind), value) is None) is fits


@pytest.mark.parametrize("name", ["staff", "Staff", "dept:math", "org/unit", "a.b", "mitarbeiter-köln", "x"])
def test_a_group_has_a_name_that_fits_into_a_token(name: str) -> None:
    assert read(NewGroupForm, {"name": name}).name == name


@pytest.mark.parametrize("name", ["", "two words", "a,b", " a", "-a", "a" * 65, "<b>", "a\n", "a\u200bb"])
def test_a_group_name_holds_nothing_that_separates(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(NewGroupForm, {"name": name})
    assert list(refused.value.fields) == ["name"]
