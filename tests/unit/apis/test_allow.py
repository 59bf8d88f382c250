"""What a token may carry: one row per rule, and the algebra of the whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.apis.allow import Allowed, allow
from authserver.apis.api import Api, ApiScope
from authserver.apis.find import Apis
from authserver.clients.client import Client
from authserver.errors import Refusal

IDENTITY = frozenset({"openid", "profile", "offline_access", "employment"})
NOTES = Api(
    id="1",
    identifier="https://notes",
    name="Notes",
    is_default=True,
    scopes=(
        ApiScope(name="notes:read"),
        ApiScope(name="notes:write", groups=frozenset({"staff"})),
        ApiScope(name="notes:purge", clients=frozenset({"other"})),
        ApiScope(name="notes:sync", clients=frozenset({"app"}), groups=frozenset({"staff"})),
    ),
)
ORDERS = Api(id="2", identifier="https://orders", name="Orders", scopes=(ApiScope(name="orders:read"),))
SHUT = Api(id="3", identifier="https://shut", name="Shut", scopes=(ApiScope(name="shut:read"),))
APIS = Apis.of((NOTES, ORDERS, SHUT))
EVERYTHING = ("openid", "profile", "offline_access", "employment", "notes:read", "notes:write", "notes:purge")
REGISTERED = (*EVERYTHING, "notes:sync", "orders:read", "gone:read")


def client(**given: Any) -> Client:
    about: dict[str, Any] = {
        "scopes": REGISTERED,
        "grant_types": ("authorization_code", "refresh_token"),
        **given,
    }
    return Client(
        id="1", client_id="app", name="App", kind="confidential", auth_method="client_secret_basic", **about
    )


def decide(
    scope: str, *resources: str, groups: tuple[str, ...] | None = (), **about: Any
) -> Allowed | Refusal:
    return allow(
        client(**about), APIS, identity=IDENTITY, scope=scope.split(), resources=resources, groups=groups
    )


# what is asked, by whom; what is granted, the rules by which the rest was dropped, and for which APIs
GRANTED: list[tuple[str, dict[str, Any], str, list[str], list[str]]] = [
    ("openid profile", {}, "openid profile", [], ["https://notes"]),
    ("employment", {}, "employment", [], ["https://notes"]),
    ("notes:read notes:read", {}, "notes:read", [], ["https://notes"]),
    ("notes:read notes:write", {}, "notes:read", ["scope.groups"], ["https://notes"]),
    ("notes:write", {"groups": ("staff", "other")}, "notes:write", [], ["https://notes"]),
    ("notes:sync", {"groups": ("staff",)}, "notes:sync", [], ["https://notes"]),
    ("notes:sync", {"groups": None}, "notes:sync", [], ["https://notes"]),
    ("notes:write", {"groups": None}, "", ["scope.groups"], ["https://notes"]),
    ("orders:read", {}, "", ["scope.resource"], ["https://notes"]),
    (
        "offline_access",
        {"grant_types": ("authorization_code",)},
        "",
        ["scope.offline_access"],
        ["https://notes"],
    ),
    ("orders:read", {"resources": ("https://orders",)}, "orders:read", [], ["https://orders"]),
    ("orders:read", {"resources": ("https://orders", "https://shut")}, "", ["scope.resource"], []),
    ("", {}, "", [], ["https://notes"]),
]


@pytest.mark.parametrize(("scope", "about", "granted", "rules", "apis"), GRANTED)
def test_a_token_carries_what_client_and_person_both_may_have(
    scope: str, about: dict[str, Any], granted: str, rules: list[str], apis: list[str]
) -> None:
    """AZ-13: what was dropped is explained."""
    found = decide(scope, **about)
    assert isinstance(found, Allowed)
    assert (" ".join(found.scope), [each.rule for each in found.dropped]) == (granted, rules)
    assert [api.identifier for api in found.apis] == apis
    assert all(each.reason for each in found.dropped)


# resources that are named, and what then is granted
NAMED: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (("https://notes",), {}, "openid notes:read"),
    (("https://orders",), {}, "openid orders:read"),
    (("https://notes", "https://notes"), {}, "openid notes:read"),
    (("https://notes", "https://orders"), {"several_resources": True}, "openid notes:read orders:read"),
]


@pytest.mark.parametrize(("resources", "about", "granted"), NAMED)
def test_a_named_api_gets_its_own_scopes(
    resources: tuple[str, ...], about: dict[str, Any], granted: str
) -> None:
    """AZ-18."""
    found = decide("openid notes:read orders:read", *resources, **about)
    assert isinstance(found, Allowed)
    assert " ".join(found.scope) == granted


# code, what is asked, by whom, and a word of the reason
REFUSED: list[tuple[str, str, tuple[str, ...], dict[str, Any], str]] = [
    ("invalid_scope", "openid admin", (), {}, "not in the client's list"),
    ("invalid_scope", "notes:rea", (), {}, "not in the client's list"),
    ("invalid_scope", "gone:read", (), {}, "no API has this scope"),
    ("invalid_scope", "notes:purge", (), {}, "does not give this scope to the client"),
    ("invalid_scope", "openid", (), {"groups": None}, "acts for itself"),
    ("invalid_scope", "profile", (), {"groups": None}, "acts for itself"),
    ("invalid_target", "openid", ("https://unknown",), {}, "no such API"),
    ("invalid_target", "openid", ("https://notes/",), {}, "no such API"),
    ("invalid_target", "openid", ("https://shut",), {}, "not open to the client"),
    (
        "invalid_target",
        "openid",
        ("https://orders",),
        {"resources": ("https://notes",)},
        "not open to the client",
    ),
    ("invalid_target", "openid", ("https://notes", "https://orders"), {}, "one resource at a time"),
]


@pytest.mark.parametrize(("code", "scope", "resources", "about", "reason"), REFUSED)
def test_what_the_client_may_never_have_refuses_the_request(
    code: str, scope: str, resources: tuple[str, ...], about: dict[str, Any], reason: str
) -> None:
    """AZ-13, AZ-18."""
    found = decide(scope, *resources, **about)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert reason in found.detail


def test_a_refusal_names_the_nearest_scope() -> None:
    found = decide("notes:raed")
    assert isinstance(found, Refusal)
    assert found.nearest == "notes:read"


words = st.lists(st.sampled_from([*REGISTERED, "admin"]), max_size=6)
groups = st.none() | st.frozensets(st.sampled_from(["staff", "guests"]))


@given(
    words,
    st.frozensets(st.sampled_from(REGISTERED)),
    groups,
    st.sets(st.sampled_from(["https://notes", "https://orders"])),
)
def test_nothing_is_granted_that_was_not_asked_registered_and_open(
    asked: list[str], registered: frozenset[str], member: frozenset[str] | None, resources: set[str]
) -> None:
    """AZ-13: granted and dropped together are what was asked; asking again for what was granted gives the same."""
    app = client(scopes=tuple(sorted(registered)), several_resources=True)

    def ask(scope: list[str]) -> Allowed | Refusal:
        return allow(app, APIS, identity=IDENTITY, scope=scope, resources=sorted(resources), groups=member)

    found = ask(asked)
    if isinstance(found, Refusal):
        return
    assert set(found.scope) <= set(asked) & registered
    assert {*found.scope, *(each.scope for each in found.dropped)} == set(asked)
    assert set(found.scope) <= {scope.name for api in found.apis for scope in api.scopes} | IDENTITY
    again = ask(list(found.scope))
    assert isinstance(again, Allowed)
    assert (again.scope, again.dropped) == (found.scope, ())


@given(words, st.frozensets(st.sampled_from(["staff", "guests"])))
def test_more_groups_never_take_a_scope_away(asked: list[str], member: frozenset[str]) -> None:
    fewer, more = decide(" ".join(asked), groups=()), decide(" ".join(asked), groups=tuple(member))
    if isinstance(fewer, Allowed):
        assert isinstance(more, Allowed)
        assert set(fewer.scope) <= set(more.scope)
    else:
        assert isinstance(more, Refusal)
