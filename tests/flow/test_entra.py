"""Microsoft Entra: one tenant and many, who somebody is there, and groups that are too many for a token."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from authserver.upstream.oidc_config import ENTRA, PRESETS
from tests.flow.login import count, rows
from tests.flow.providers import add_provider, press, through
from tests.flow.world import World
from tests.peers.openid import OpenId

TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
OTHER = "72f988bf-86f1-41af-91ab-2d7cd011db47"
PERSON = "00000000-0000-0000-66f3-3332eca7ea81"
GROUP = "2a2c3b5e-0000-4000-8000-000000000001"


@pytest.fixture
def there(world: World) -> Iterator[OpenId]:
    found = OpenId.on_loopback(world.clock.now)
    found.person = {"sub": "pairwise-for-us", "tid": TENANT, "oid": PERSON, "name": "Ada Lovelace"}
    yield found
    found.close()


def one(world: World, there: OpenId, **more: Any) -> None:
    """As the preset `entra` has it, at a provider that stands here."""
    add_provider(world, there, preset="entra", config={"groups_url": f"{there.url}/groups", **more})


def many(world: World, there: OpenId, **more: Any) -> None:
    """As `entra-many` has it: the issuer has the tenant in it."""
    rules = more.pop("rules", {})
    config = {
        "issuer": f"{there.url}/{{tenantid}}/v2.0",
        "discovery": f"{there.url}/.well-known/openid-configuration",
        **more,
    }
    there.metadata = {"issuer": config["issuer"]}
    there.says(iss=f"{there.url}/{TENANT}/v2.0")
    add_provider(world, there, preset="entra-many", config=config, rules=rules)


def arrive(world: World, there: OpenId) -> str:
    browser = world.browser()
    browser.open("/login")
    visit = through(browser, there)
    if "New here" in visit.page.heading:
        visit = press(browser, "Make my account", {"email": ""})
    return visit.page.words


def subjects(world: World) -> list[str]:
    return [row[0] for row in rows(world, "SELECT subject FROM upstream_links ORDER BY subject")]


def test_the_presets_are_what_microsoft_says() -> None:
    """OI-1: RS256, the subject that stays when the app is registered anew, and groups by Graph."""
    assert ENTRA["subject"] == "tid+oid"
    assert PRESETS["entra-many"].config["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert PRESETS["entra"].config["algs"] == ["RS256"]


def test_somebody_is_their_tenant_and_object_id(world: World, there: OpenId) -> None:
    """UP-1: sub is another one for each registration of an app, so it names nobody."""
    one(world, there)
    arrive(world, there)
    there.person["sub"] = "pairwise-for-another-registration"
    arrive(world, there)
    assert subjects(world) == [f"{TENANT}.{PERSON}"]


@pytest.mark.parametrize("lacks", ["tid", "oid"])
def test_without_both_nobody_is_let_in(world: World, there: OpenId, lacks: str) -> None:
    """OI-1: a guest's token of the old kind, or another provider's."""
    one(world, there)
    there.person.pop(lacks)
    assert "cannot be trusted" in arrive(world, there)
    assert count(world, "upstream_links") == 0


def test_people_of_every_tenant_come_by_the_issuer_of_their_own(world: World, there: OpenId) -> None:
    """OI-1, UP-1: the same object id in another tenant is somebody else."""
    many(world, there)
    arrive(world, there)
    there.person["tid"] = OTHER
    there.says(iss=f"{there.url}/{OTHER}/v2.0")
    arrive(world, there)
    assert subjects(world) == sorted([f"{TENANT}.{PERSON}", f"{OTHER}.{PERSON}"])
    issuers = {row[0] for row in rows(world, "SELECT issuer FROM upstream_links")}
    assert issuers == {f"{there.url}/{TENANT}/v2.0", f"{there.url}/{OTHER}/v2.0"}


FORGED: list[tuple[str, dict[str, Any], str]] = [
    ("the-issuer-of-another-tenant", {"tid": OTHER}, "id_token.iss"),
    ("no-tenant", {"tid": None}, "id_token.tid"),
    ("no-guid", {"tid": "../../evil"}, "id_token.tid"),
    ("the-word-itself", {"tid": "{tenantid}"}, "id_token.tid"),
    ("a-list", {"tid": [TENANT]}, "id_token.tid"),
    ("upper-case", {"tid": TENANT.upper()}, "id_token.tid"),
]


@pytest.mark.parametrize(("said", "rule"), [row[1:] for row in FORGED], ids=[row[0] for row in FORGED])
def test_a_token_speaks_for_its_own_tenant_alone(
    world: World, there: OpenId, said: dict[str, Any], rule: str
) -> None:
    """OI-1, CVE-18."""
    many(world, there)
    there.claims |= said
    assert "cannot be trusted" in arrive(world, there)
    (event,) = world.events("provider_refused")
    assert event.data["reason"] == rule


def test_only_the_tenants_that_are_listed_are_let_in(world: World, there: OpenId) -> None:
    many(world, there, tenants=[OTHER.upper()])
    assert "cannot be trusted" in arrive(world, there)
    assert world.events("provider_refused")[0].data["reason"] == "id_token.tenant"


def test_an_address_that_anybodys_tenant_claims_links_to_no_account(world: World, there: OpenId) -> None:
    """UP-2, CVE-16: whoever has a tenant writes any address into it; Entra does not say that it is verified."""
    ada = world.add_user("ada@uni.example")
    many(world, there, rules={"trusted_email": True, "auto_link": True, "domains": ["uni.example"]})
    there.person["email"] = ada.email
    browser = world.browser()
    browser.open("/login")
    assert "account" in through(browser, there).page.heading
    assert count(world, "upstream_links") == 0


def graph(*pages: Any) -> dict[str, tuple[int, bytes]]:
    return {path: (status, json.dumps(body).encode()) for path, status, body in pages}


def test_groups_that_are_too_many_for_a_token_are_asked_for(world: World, there: OpenId) -> None:
    """UP-8: page after page, at the one host that an admin named."""
    world.add_group("staff")
    overage = {
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://evil.example"}},
    }
    add_provider(
        world,
        there,
        preset="entra",
        config={"groups_url": f"{there.url}/groups"},
        rules={"groups": {GROUP: "staff"}},
    )
    there.person |= overage
    there.broken = graph(
        ("/groups", 200, {"value": [{"id": "x"}], "@odata.nextLink": f"{there.url}/more"}),
        ("/more", 200, {"value": [{"id": GROUP}]}),
    )
    arrive(world, there)
    assert (there.asked["/groups"], there.asked["/more"]) == (1, 1)
    assert count(world, "memberships") == 1


UNKNOWN = [
    ("away", ("/groups", 503, {})),
    ("refused", ("/groups", 403, {})),
    ("elsewhere", ("/groups", 200, {"value": [], "@odata.nextLink": "https://evil.example/more"})),
]


@pytest.mark.parametrize("page", [row[1] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN])
def test_groups_that_cannot_be_asked_for_stay_as_they_were(world: World, there: OpenId, page: Any) -> None:
    """UP-8: who signs in is known all the same, and keeps what was known."""
    world.add_group("staff")
    add_provider(
        world,
        there,
        preset="entra",
        config={"groups_url": f"{there.url}/groups"},
        rules={"groups": {GROUP: "staff"}},
    )
    there.person["groups"] = [GROUP]
    arrive(world, there)
    there.person.pop("groups")
    there.person["hasgroups"] = True
    there.broken = graph(page)
    arrive(world, there)
    assert count(world, "memberships") == 1
    there.person.pop("hasgroups")
    arrive(world, there)
    assert count(world, "memberships") == 0, "a token that holds none says that there are none"
