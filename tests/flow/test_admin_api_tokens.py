"""API tokens: short-lived, scoped, shown once, no wider than the one that made them."""

from typing import Any

import pytest

from authserver.audit import SYSTEM, Actor
from authserver.errors import Refusal
from authserver.opaque import digest
from authserver.store.records.operations import ApiTokenRow
from authserver.store.restored import API_TOKENS
from authserver.users import api_tokens, edit
from authserver.users.access import SCOPES, beyond, scopes_of
from authserver.work.after_restore import after_restore
from tests.flow.admin import Admin, admin
from tests.flow.world import World

WANTED = {"name": "t", "role": "admin", "scopes": ["users:read", "users:help"], "days": 10}


def rows(world: World) -> list[ApiTokenRow]:
    with world.reading() as db:
        return list(db.orm.query(ApiTokenRow))


def test_a_token_has_256_bits_and_only_its_digest_is_kept(world: World) -> None:
    """AD-4: what the database holds cannot be shown as a token."""
    text = admin(world).text or ""
    assert text.startswith("as_api_")
    assert len(text.removeprefix("as_api_")) == 43
    (row,) = rows(world)
    assert row.digest == digest(text)
    assert all(text not in str(getattr(row, column.key)) for column in ApiTokenRow.__table__.columns)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"role": "owner"}, "role"),
        ({"scopes": ["users:read", "audit:read"]}, "scopes"),
        ({"scopes": ["users:read", "unicorns:ride"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"role": "support", "scopes": ["users:write"]}, "scopes"),
        ({"days": 31}, "days"),
        ({"days": 400}, "days"),
        ({"days": 0}, "days"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
    ],
    ids=str,
)
def test_a_token_makes_none_wider_than_itself(world: World, changed: dict[str, Any], field: str) -> None:
    """AD-4: neither in role nor in scopes nor in days."""
    parent = admin(world, "admin", ["users:read", "users:help", "users:write", "tokens:write"])
    assert parent.post("/tokens", WANTED).status == 201
    reply = parent.post("/tokens", {**WANTED, **changed})
    assert reply.status == 422
    assert field in {each["field"].partition(".")[0] for each in reply.json()["errors"]}


def test_a_revoked_token_takes_those_along_that_it_made(world: World) -> None:
    """AD-4: whoever stole a token cannot outlive it by making others."""
    first = admin(world, "admin")
    second = Admin(
        world=world,
        text=first.post("/tokens", {**WANTED, "scopes": ["tokens:write", "users:read"]}).json()["token"],
    )
    third = second.post("/tokens", {**WANTED, "role": "auditor", "scopes": ["users:read"]}).json()
    assert Admin(world=world, text=third["token"]).get("/users").status == 200
    other = admin(world)
    assert first.token is not None
    assert other.delete(f"/tokens/{first.token.id}").status == 204
    for asker in (first, second, Admin(world=world, text=third["token"])):
        assert asker.get().status == 401
    assert other.get().status == 200
    assert len([event for event in world.events("changed") if event.data["act"] == "revoked"]) == 3


def test_a_token_ends_on_its_day_and_lives_a_year_at_most(world: World) -> None:
    """AD-4."""
    asker = admin(world, days=2)
    world.clock.advance(days=2, seconds=-1)
    assert asker.get().status == 200
    world.clock.advance(seconds=1)
    assert asker.get().status == 401
    with pytest.raises(Refusal) as refused:
        admin(world, days=366)
    assert "days" in refused.value.fields


def test_the_last_use_is_shown_and_written_once_a_minute(world: World) -> None:
    """AD-4: last-used is shown; a busy script costs one write a minute."""
    asker = admin(world)
    asker.get()
    with world.statements(100) as asked:
        for _ in range(5):
            asker.get()
    assert not [statement for statement in asked if statement.startswith("UPDATE api_tokens")]
    first = asker.get().json()["last_used_at"]
    world.clock.advance(seconds=60)
    asker.get()
    assert asker.get().json()["last_used_at"] > first


def test_a_persons_token_can_do_no_more_than_the_person(world: World) -> None:
    """AD-4: who lost their role, or was locked, lost their tokens."""
    ada = world.add_user(role="admin")
    by = Actor(kind="user", id=ada.id, role="admin")
    world.add_user("second@example.org", role="owner")
    asker = admin(world, "admin", ["users:read"], by=by)
    assert asker.get().json()["made_by"] == ada.id
    with pytest.raises(Refusal):
        admin(world, "owner", by=by)
    for change, status in (({"role": "support"}, 401), ({"role": "owner"}, 200), ({"role": None}, 401)):
        with world.writing() as db:
            edit.edit(db, world.issuer, ada.id, change, by=SYSTEM)
        assert asker.get().status == status
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, {"role": "admin"}, by=SYSTEM)
        edit.disable(db, world.issuer, ada.id, by=SYSTEM)
    assert asker.get().status == 401


def test_an_admin_cannot_revoke_an_owners_token(world: World) -> None:
    owner, lesser = admin(world), admin(world, "admin")
    assert owner.token is not None
    assert lesser.delete(f"/tokens/{owner.token.id}").status == 403
    assert owner.get().status == 200


def test_a_token_acts_with_its_role_on_people(world: World) -> None:
    """AD-1, AD-8: whoever stands above is out of reach, roles are an owner's to give, the last owner stays."""
    owner, lesser = admin(world), admin(world, "admin")
    ada = world.add_user(role="owner")
    for path in (f"/users/{ada.id}/lock", f"/users/{ada.id}/disable"):
        assert owner.post(path).status == 409
    assert owner.patch(f"/users/{ada.id}", {"role": "admin"}).status == 409
    assert owner.delete(f"/users/{ada.id}").status == 409
    bob = world.add_user("bob@example.org")
    assert lesser.patch(f"/users/{bob.id}", {"role": "support"}).status == 403
    assert owner.patch(f"/users/{bob.id}", {"role": "owner"}).status == 200
    for path in (f"/users/{ada.id}/lock", f"/users/{ada.id}/disable"):
        assert lesser.post(path).status == 403
    assert (
        lesser.post(f"/users/{ada.id}/password", {"password": "a quiet river in the morning"}).status == 403
    )
    assert lesser.patch(f"/users/{ada.id}", {"name": "x"}).status == 403
    assert lesser.delete(f"/users/{ada.id}").status == 403
    assert owner.delete(f"/users/{ada.id}").status == 204


def test_what_a_token_did_is_in_the_audit_with_its_name(world: World) -> None:
    """AU-4: the event is written with the act, and names the token and the address."""
    asker = admin(world)
    asker.send("POST", "/groups", {"name": "staff"}, headers={"User-Agent": "curl/8"})
    (event,) = world.events("changed")[-1:]
    assert asker.token is not None
    assert (event.actor, event.ip, event.user_agent) == (f"api_token:{asker.token.id}", world.ip, "curl/8")
    before = len(world.events())
    assert asker.post("/groups", {"name": "staff"}).status == 422
    assert len(world.events()) == before


def test_an_act_whose_event_cannot_be_written_is_undone(world: World) -> None:
    """AU-4: no event, no act."""
    asker = admin(world)
    asker.get()
    with world.writing() as db:
        trigger = "BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        if world.issuer.database.embedded:
            db.orm.connection().exec_driver_sql(f"CREATE TRIGGER full_disk {trigger}")
        else:
            db.orm.connection().exec_driver_sql(
                "ALTER TABLE audit_events ADD CONSTRAINT full_disk CHECK (at IS NULL) NOT VALID"
            )
    assert asker.post("/groups", {"name": "staff"}).status >= 500
    assert asker.get("/groups/staff").status == 404


def test_each_scope_has_a_role_that_may_hold_it_and_higher_ones_may_too() -> None:
    assert set(scopes_of("owner")) == set(SCOPES)
    assert set(scopes_of("auditor")) < set(scopes_of("support")) < set(scopes_of("admin"))
    assert not [scope for scope in scopes_of("auditor") if not scope.endswith(":read")]
    assert beyond("auditor", ["users:read", "users:write", "x"]) == ("users:write", "x")


def test_garbage_is_no_token(world: World) -> None:
    now = world.clock()
    with world.reading() as db:
        for text in ("", "as_api_", "as_api_" + "é" * 43, "as_api_" + "a" * 42, "\x00", "as_rt1_" + "a" * 43):
            assert isinstance(api_tokens.find(db, text, now), api_tokens.Unusable)


def test_a_restored_backup_brings_no_revoked_token_back(world: World) -> None:
    """AD-4: which of them were revoked since the backup nobody knows any more, so all are, unless one says so."""
    held = admin(world)
    with world.writing() as db:
        after_restore(db, now=world.clock(), by=SYSTEM, spare=(API_TOKENS,))
    assert held.get("/groups").status == 200
    with world.writing() as db:
        assert after_restore(db, now=world.clock(), by=SYSTEM)[API_TOKENS] == 1
    assert held.get("/groups").status == 401


def test_a_lock_that_is_lifted_enables_nobody(world: World) -> None:
    """AD-1: enabling is an administrator's, locking and unlocking are support's."""
    ada = world.add_user()
    with world.writing() as db:
        edit.disable(db, world.issuer, ada.id, by=SYSTEM)
    support = admin(world, "support")
    assert support.post(f"/users/{ada.id}/lock").status == 409
    support.post(f"/users/{ada.id}/unlock")
    assert support.get(f"/users/{ada.id}").json()["status"] == "disabled"


def test_nobody_puts_somebody_above_them_in_a_group(world: World) -> None:
    """AD-1: by the list of a group no more than by the account itself."""
    boss, bob = world.add_user("boss@example.org", role="owner"), world.add_user("bob@example.org")
    world.add_group("inner", boss)
    world.add_group("other")
    asker = admin(world, "admin")
    assert asker.patch(f"/users/{boss.id}", {"groups": []}).status == 403
    assert asker.post("/groups/other/members", {"users": [bob.id, boss.id]}).status == 403
    assert asker.delete(f"/groups/inner/members/{boss.id}").status == 403
    assert asker.post("/groups/other/members", {"users": [bob.id]}).status == 200
    assert asker.delete(f"/groups/other/members/{bob.id}").status == 204
    assert asker.get(f"/users/{boss.id}").json()["groups"] == ["inner"]
