"""Clients, APIs, groups, attributes and consents in the database, and in memory, on both stores."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from authserver.apis import edit as apis
from authserver.apis.find import catalogue
from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.clients.edit import Saved
from authserver.clients.find import by_client_id, load, origins
from authserver.consent import edit as consent
from authserver.consent.find import given as consent_given
from authserver.consent.find import of_user
from authserver.errors import NotFound, Refusal
from authserver.groups import attributes
from authserver.groups import edit as groups
from authserver.groups import find as find_groups
from authserver.opaque import digest
from authserver.store import Hot, retrying
from authserver.users import edit as users
from authserver.users import find as find_users
from authserver.users import listing
from tests.flow.world import World

WEB = {"name": "Web", "client_id": "web", "redirect_uris": ["https://app.example/cb"]}
NOTES = {"identifier": "https://notes", "name": "Notes", "scopes": [{"name": "notes:read"}]}


def done(world: World, act: Callable[..., Any], *given: Any, **more: Any) -> Any:
    with world.writing() as db:
        return act(db, world.issuer, *given, by=SYSTEM, **more)


def refused(world: World, act: Callable[..., Any], *given: Any, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        done(world, act, *given, **more)
    return caught.value


def test_a_secret_is_made_shown_once_and_kept_as_a_digest(world: World) -> None:
    """CL-6."""
    made: Saved = done(world, clients.add, WEB)
    assert made.secret is not None
    secret = made.secret.reveal()
    assert len(secret) >= 43
    assert [each.digest for each in made.client.secrets] == [digest(secret)]
    assert by_client_id(world.issuer, "web") == made.client
    assert secret not in repr(made)
    with world.reading() as db:
        kept = db.hot(Hot("SELECT * FROM client_secrets"), {}).fetchall()
    assert secret not in str(kept)
    assert secret not in str([event.data for event in world.events()])


def test_nobody_chooses_a_secret(world: World) -> None:
    """CL-6."""
    assert list(refused(world, clients.add, {**WEB, "secret": "password"}).fields) == ["secret"]
    assert list(refused(world, clients.add, {**WEB, "secrets": []}).fields) == ["secrets"]


def test_two_secrets_overlap_and_a_third_ends_the_first(world: World) -> None:
    """CL-6."""
    first = done(world, clients.add, WEB).secret.reveal()
    second = done(world, clients.rotate_secret, "web", keep_old_for=timedelta(hours=1)).reveal()
    held = by_client_id(world.issuer, "web")
    assert held is not None
    assert [(each.digest, each.expires_at) for each in held.secrets] == [
        (digest(second), None),
        (digest(first), world.clock() + timedelta(hours=1)),
    ]
    third = done(world, clients.rotate_secret, "web", keep_old_for=timedelta(hours=1)).reveal()
    held = by_client_id(world.issuer, "web")
    assert held is not None
    assert [each.digest for each in held.secrets] == [digest(third), digest(second)]
    fourth = done(world, clients.rotate_secret, "web", keep_old_for=timedelta(0)).reveal()
    held = by_client_id(world.issuer, "web")
    assert held is not None
    assert [each.digest for each in held.secrets] == [digest(fourth)]


def test_a_client_has_secrets_exactly_while_it_needs_them(world: World) -> None:
    """CL-9."""
    done(world, clients.add, {**WEB, "kind": "public"})
    assert load_client(world).secrets == ()
    assert refused(world, clients.rotate_secret, "web").status == 409
    confidential = {"kind": "confidential", "auth_method": "client_secret_post"}
    assert done(world, clients.edit, "web", confidential).secret is not None
    assert done(world, clients.edit, "web", {"name": "Renamed"}).secret is None
    assert len(load_client(world).secrets) == 1
    done(world, clients.edit, "web", {"kind": "public", "auth_method": "none"})
    assert load_client(world).secrets == ()


def load_client(world: World) -> Any:
    with world.reading() as db:
        return load(db, "web")


def test_a_refused_client_names_every_field_at_once(world: World) -> None:
    """CL-9, CL-11: names that nothing has, and what does not fit, in one answer."""
    given = {
        **WEB,
        "kind": "public",
        "grant_types": ["client_credentials"],
        "redirect_uris": ["javascript:alert(1)"],
        "scopes": ["openid", "nothing"],
        "resources": ["https://nowhere"],
        "allowed_groups": ["nobody"],
    }
    refusal = refused(world, clients.add, given)
    assert set(refusal.fields) == {"grant_types", "redirect_uris.0", "scopes", "resources", "allowed_groups"}


def test_a_client_id_is_given_once(world: World) -> None:
    done(world, clients.add, WEB)
    assert list(refused(world, clients.add, WEB).fields) == ["client_id"]


def test_names_that_went_away_do_not_block_other_changes(world: World) -> None:
    done(world, apis.add, NOTES)
    done(world, clients.add, {**WEB, "scopes": ["openid", "notes:read"], "resources": ["https://notes"]})
    done(world, apis.remove, "https://notes")
    done(world, clients.edit, "web", {"name": "Renamed"})
    assert list(refused(world, clients.edit, "web", {"scopes": ["openid", "other"]}).fields) == ["scopes"]


def test_a_change_holds_here_at_once_and_a_stranger_asks_nothing(world: World) -> None:
    assert by_client_id(world.issuer, "web") is None
    done(world, clients.add, WEB)
    with world.statements(3):
        assert by_client_id(world.issuer, "web") is not None
    with world.statements(0):
        assert by_client_id(world.issuer, "web") is not None
        for strange in ("", "a b", "\x00", "é", "\ud800", "x" * 300):
            assert by_client_id(world.issuer, strange) is None
    done(world, clients.edit, "web", {"active": False})
    found = by_client_id(world.issuer, "web")
    assert found is not None
    assert not found.active
    assert origins(world.issuer) == frozenset()


def test_a_disabled_client_takes_its_origins_with_it(world: World) -> None:
    """WEB-7."""
    done(world, clients.add, {**WEB, "origins": ["https://spa.example"]})
    assert origins(world.issuer) == {"https://app.example", "https://spa.example"}


def test_a_removed_client_leaves_nothing_to_inherit(world: World) -> None:
    ada = world.add_user()
    done(world, clients.add, WEB)
    done(world, apis.add, {**NOTES, "scopes": [{"name": "notes:read", "clients": ["web"]}]})
    done(world, consent.remember, ada.id, "web", ["openid"])
    done(world, clients.remove, "web")
    assert by_client_id(world.issuer, "web") is None
    with world.reading() as db, pytest.raises(NotFound):
        load(db, "web")
    done(world, clients.add, WEB)
    assert catalogue(world.issuer).scopes["notes:read"][1].clients == frozenset()
    with world.reading() as db:
        assert consent_given(db, ada.id, "web") is None


def test_changes_of_records_follow_their_version(world: World) -> None:
    done(world, clients.add, WEB)
    done(world, apis.add, NOTES)
    done(world, groups.add, {"name": "staff"})
    for act, name in ((clients.edit, "web"), (apis.edit, "https://notes")):
        done(world, act, name, {"name": "First"}, expected_version=1)
        refusal = refused(world, act, name, {"name": "Second"}, expected_version=1)
        assert (refusal.code, refusal.status) == ("conflict", 412)
    done(world, groups.edit, "staff", {"title": "First"}, expected_version=1)
    assert refused(world, groups.edit, "staff", {"title": "Second"}, expected_version=1).status == 412


def test_one_api_is_the_default(world: World) -> None:
    done(world, apis.add, NOTES)
    done(world, apis.add, {"identifier": "https://orders", "name": "Orders"})
    default = catalogue(world.issuer).default
    assert default is not None
    assert default.identifier == "https://notes"
    done(world, apis.edit, "https://orders", {"is_default": True})
    assert [api.identifier for api in catalogue(world.issuer).every if api.is_default] == ["https://orders"]


def test_a_scope_belongs_to_one_api(world: World) -> None:
    done(world, apis.add, NOTES)
    other = {
        "identifier": "https://other",
        "name": "Other",
        "scopes": [{"name": "new"}, {"name": "notes:read"}],
    }
    assert list(refused(world, apis.add, other).fields) == ["scopes.1.name"]
    twice = {**other, "scopes": [{"name": "new"}, {"name": "new"}]}
    assert list(refused(world, apis.add, twice).fields) == ["scopes.1.name"]
    done(world, groups.declare, {"name": "badge", "scope": "employment"})
    mine = {**other, "scopes": [{"name": "employment"}]}
    assert list(refused(world, apis.add, mine).fields) == ["scopes.0.name"]
    assert list(refused(world, groups.declare, {"name": "x", "scope": "notes:read"}).fields) == ["scope"]


def test_many_apis_made_at_once_leave_one_owner_and_one_default(world: World) -> None:
    gate = threading.Barrier(4)
    refusals: list[Refusal] = []

    def make(number: int) -> None:
        given = {"identifier": f"https://api-{number}", "name": "Api", "scopes": [{"name": "shared"}]}
        gate.wait()
        try:
            retrying(lambda: done(world, apis.add, {**given, "is_default": True}))
        except Refusal as refusal:
            refusals.append(refusal)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [list(refusal.fields) for refusal in refusals] == [["scopes.0.name"]] * 3
    world.issuer.revisions.forget()
    assert len([api for api in catalogue(world.issuer).every if api.is_default]) == 1


def test_an_api_names_only_clients_and_groups_that_exist(world: World) -> None:
    scope = {"name": "x", "clients": ["nobody"], "groups": ["none"]}
    refusal = refused(world, apis.add, {**NOTES, "scopes": [scope]})
    assert set(refusal.fields) == {"scopes.0.clients", "scopes.0.groups"}


def test_a_group_that_a_client_or_a_scope_names_is_not_removed(world: World) -> None:
    done(world, groups.add, {"name": "staff"})
    done(world, clients.add, {**WEB, "allowed_groups": ["staff"]})
    done(world, apis.add, {**NOTES, "scopes": [{"name": "notes:read", "groups": ["staff"]}]})
    assert "client web, scope notes:read" in refused(world, groups.remove, "staff").public
    done(world, clients.edit, "web", {"allowed_groups": None})
    done(world, apis.edit, "https://notes", {"scopes": []})
    done(world, groups.remove, "staff")
    with world.reading() as db:
        assert find_groups.find(db, "staff") is None


def test_people_come_into_a_group_and_leave_it(world: World) -> None:
    ada, bob = world.add_user("ada@example.org"), world.add_user("bob@example.org")
    done(world, groups.add, {"name": "staff", "title": "Staff"})
    assert done(world, groups.add_members, "staff", [ada.id, bob.id, ada.id]).members == 2
    assert done(world, groups.add_members, "staff", [ada.id]).members == 2
    with world.reading() as db:
        assert find_users.load(db, ada.id).groups == ("staff",)
        assert [user.id for user in listing.page(db, group="staff").items] == sorted([ada.id, bob.id])
    assert done(world, groups.remove_members, "staff", [ada.id, "nobody"]).members == 1
    assert list(refused(world, groups.add_members, "staff", ["nobody"]).fields) == ["users"]
    moved = {(event.data["act"], event.subject) for event in world.events("changed")}
    assert {("member_added", ada.id), ("member_added", bob.id), ("member_removed", ada.id)} <= moved
    done(world, users.remove, bob.id)
    with world.reading() as db:
        assert find_groups.load(db, "staff").members == 0


def test_a_declared_attribute_is_in_force_everywhere_and_goes_with_its_values(world: World) -> None:
    ada = world.add_user()
    assert "employment" not in attributes.scopes(world.issuer)
    done(
        world,
        groups.declare,
        {"name": "badge", "type": "integer", "scope": "employment", "tokens": ["id_token"]},
    )
    assert "employment" in attributes.scopes(world.issuer)
    found = next(each for each in attributes.declared(world.issuer) if each.name == "badge")
    assert (found.type, found.scope, found.edited_by) == ("integer", "employment", "admin")
    assert sorted(found.tokens) == ["id_token"]
    assert list(refused(world, groups.declare, {"name": "badge"}).fields) == ["name"]
    done(world, users.edit, ada.id, {"attributes": {"badge": 7}})
    assert list(refused(world, users.edit, ada.id, {"attributes": {"badge": "7"}}).fields) == [
        "attributes.badge"
    ]
    done(world, groups.retract, "badge")
    with world.reading() as db:
        assert dict(find_users.load(db, ada.id).attributes) == {}
    assert "employment" not in attributes.scopes(world.issuer)


def test_a_built_in_attribute_is_released_elsewhere_and_goes_back(world: World) -> None:
    """ID-8."""
    done(world, groups.redeclare, "email", {"tokens": ["id_token", "userinfo"]})
    found = next(each for each in attributes.declared(world.issuer) if each.name == "email")
    assert (sorted(found.tokens), found.built_in, found.kept) == (["id_token", "userinfo"], True, "account")
    assert list(refused(world, groups.redeclare, "email", {"edited_by": "self"}).fields) == ["edited_by"]
    assert list(refused(world, groups.redeclare, "email", {"type": "integer"}).fields) == ["type"]
    done(world, groups.retract, "email")
    found = next(each for each in attributes.declared(world.issuer) if each.name == "email")
    assert sorted(found.tokens) == ["userinfo"]


def test_consent_grows_is_withdrawn_and_begins_again(world: World) -> None:
    """AZ-15."""
    ada = world.add_user()
    done(world, consent.remember, ada.id, "web", ["openid", "email"])
    done(world, consent.remember, ada.id, "web", ["openid", "profile"])
    done(world, consent.remember, ada.id, "other", ["openid"])
    with world.reading() as db:
        found = consent_given(db, ada.id, "web")
        assert found is not None
        assert found.scope == {"openid", "email", "profile"}
        assert {each.client_id for each in of_user(db, ada.id)} == {"web", "other"}
    assert done(world, consent.withdraw, ada.id, "web") is True
    assert done(world, consent.withdraw, ada.id, "web") is False
    done(world, consent.remember, ada.id, "web", ["openid"])
    with world.reading() as db:
        found = consent_given(db, ada.id, "web")
        assert found is not None
        assert found.scope == {"openid"}
    assert len(world.events("consent_given")) == 4
    assert len(world.events("consent_withdrawn")) == 1


ACTS: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("client", clients.add, ({"name": "Robot", "client_id": "robot"},)),
    ("client", clients.edit, ("web", {"name": "Renamed"})),
    ("client", clients.rotate_secret, ("web",)),
    ("client", clients.remove, ("web",)),
    ("api", apis.add, ({"identifier": "https://orders", "name": "Orders"},)),
    ("api", apis.edit, ("https://notes", {"name": "Renamed"})),
    ("api", apis.remove, ("https://notes",)),
    ("group", groups.add, ({"name": "guests"},)),
    ("group", groups.edit, ("staff", {"title": "Renamed"})),
    ("group", groups.remove, ("staff",)),
    ("attribute", groups.declare, ({"name": "badge"},)),
    ("attribute", groups.redeclare, ("nickname", {"edited_by": "admin"})),
    ("attribute", groups.retract, ("nickname",)),
]


def test_every_act_leaves_one_event_of_who_did_what(world: World) -> None:
    """AU-4."""
    done(world, groups.add, {"name": "staff"})
    done(world, clients.add, WEB)
    done(world, apis.add, NOTES)
    for kind, act, given in ACTS:
        before = {event.id for event in world.events("changed")}
        done(world, act, *given)
        (event,) = [event for event in world.events("changed") if event.id not in before]
        assert (event.data["kind"], event.actor) == (kind, "system"), act
