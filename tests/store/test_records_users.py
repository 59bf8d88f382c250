"""People in the database: found, changed, and gone, on both stores."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from authserver.audit import SYSTEM, Actor
from authserver.errors import NotFound, Refusal
from authserver.store import Hot, retrying
from authserver.users import edit, find, listing
from authserver.users.user import User
from tests.flow.world import World

OWNER = {"email": "owner@example.org", "email_verified": True, "name": "Olga", "role": "owner"}


def add(world: World, **given: Any) -> User:
    with world.writing() as db:
        return edit.add(db, world.issuer, given, by=SYSTEM)


def refused(world: World, act: Callable[..., Any], *given: Any, by: Actor = SYSTEM, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as caught, world.writing() as db:
        act(db, world.issuer, *given, by=by, **more)
    return caught.value


def test_a_person_is_found_by_every_name_in_every_form(world: World) -> None:
    """PW-5."""
    zoe = add(world, email="Zoë@Example.org", email_verified=True, username="Zoë", groups=[])
    with world.reading() as db:
        for name in ("zoë", "ZOE\u0308", "zoë@example.org", "ＺＯË@EXAMPLE.ORG", " zoë "):
            assert find.by_identifier(db, name) == zoe, name
        assert find.by_subject(db, zoe.subject) == zoe
        assert find.find(db, zoe.id) == zoe
        for name in ("", "zoe", "zoë@example.com", "x" * 300, "a\x00b", "\ud800", "' OR 1=1 --", "%", "_"):
            assert find.by_identifier(db, name) is None, name
            assert find.find(db, name) is None, name
            assert find.by_subject(db, name) is None, name


def test_only_a_verified_address_signs_in(world: World) -> None:
    add(world, email="ada@example.org")
    with world.reading() as db:
        assert find.by_identifier(db, "ada@example.org") is None
    ada = add(world, email="ADA@example.org", email_verified=True)
    with world.reading() as db:
        assert find.by_identifier(db, "ada@example.org") == ada


def test_a_person_is_one_statement_known_or_unknown(world: World) -> None:
    """PW-4."""
    add(world, email="ada@example.org", email_verified=True)
    for name in ("ada@example.org", "bob@example.org", "bob", "\x00", "x" * 300):
        with world.reading() as db, world.statements(1):
            find.by_identifier(db, name)


def test_two_people_cannot_have_one_name(world: World) -> None:
    add(world, email="ada@example.org", email_verified=True, username="ada")
    assert list(refused(world, edit.add, {"username": "ADA"}).fields) == ["username"]
    taken = {"email": "Ada@Example.ORG", "email_verified": True}
    assert list(refused(world, edit.add, taken).fields) == ["email"]
    bob = add(world, username="bob")
    assert list(refused(world, edit.edit, bob.id, taken).fields) == ["email"]


def test_one_of_many_who_take_a_name_at_once_gets_it(world: World) -> None:
    """A name is unique in the database, whoever looked before."""
    won: list[User] = []
    lost: list[Refusal] = []
    gate = threading.Barrier(6)

    def take() -> None:
        gate.wait()
        try:
            won.append(
                retrying(lambda: add(world, username="ada", email="ada@example.org", email_verified=True))
            )
        except Refusal as refusal:
            lost.append(refusal)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    assert {field for refusal in lost for field in refusal.fields} <= {"username", "email"}


def test_a_subject_is_random_and_survives_every_change(world: World) -> None:
    """ID-2: never e-mail, user name or a row number."""
    ada = add(world, email="ada@example.org", username="ada")
    assert len(ada.subject) == 32
    assert ada.subject.isascii()
    assert ada.subject != ada.id
    with world.writing() as db:
        changed = edit.edit(db, world.issuer, ada.id, {"email": "a@example.com", "username": None}, by=SYSTEM)
    assert changed.subject == ada.subject


def test_a_removed_person_leaves_a_tombstone_and_nothing_else(world: World) -> None:
    """ID-2: the subject is never given again; AU-5: nothing personal stays beside the audit."""
    ada = world.add_user("ada@example.org", username="ada", attributes={"given_name": "Ada"}, locale="en")
    with world.writing() as db:
        edit.remove(db, world.issuer, ada.id, by=SYSTEM)
    with world.reading() as db:
        gone = find.load(db, ada.id)
        assert (gone.status, gone.subject) == ("deleted", ada.subject)
        assert (gone.name, gone.email, gone.username, gone.locale, gone.role) == ("", None, None, None, None)
        assert (dict(gone.attributes), gone.groups) == ({}, ())
        assert gone.epoch > 0
        assert find.password(db, ada.id) is None
        assert find.by_identifier(db, "ada") is None
        assert find.by_identifier(db, "ada@example.org") is None
        assert listing.page(db).items == ()
        assert [user.id for user in listing.page(db, status="deleted").items] == [ada.id]
        with pytest.raises(NotFound):
            find.chosen(db, ada.id)
    for act in (edit.remove, edit.lock, edit.unlock, edit.enable):
        assert refused(world, act, ada.id).status == 404
    again = add(world, email="ada@example.org", email_verified=True, username="ada")
    assert again.subject != ada.subject


def test_the_last_active_owner_stays(world: World) -> None:
    """AD-8: neither removed, nor locked, disabled or demoted; an owner who is disabled does not count."""
    owner = add(world, **OWNER)
    second = add(world, username="second", role="owner")
    with world.writing() as db:
        edit.disable(db, world.issuer, second.id, by=SYSTEM)
    for act in (edit.remove, edit.lock, edit.disable):
        assert refused(world, act, owner.id).code == "last_owner", act
    for role in (None, "admin"):
        assert refused(world, edit.edit, owner.id, {"role": role}).code == "last_owner", role
    with world.writing() as db:
        edit.enable(db, world.issuer, second.id, by=SYSTEM)
        edit.remove(db, world.issuer, owner.id, by=SYSTEM)
    with world.reading() as db:
        assert find.load(db, second.id).is_active


def test_two_owners_who_demote_each_other_at_once_leave_one(world: World) -> None:
    """AD-8, on both databases."""
    for round_ in range(5):
        pair = [add(world, username=f"owner-{round_}-{side}", role="owner") for side in "ab"]
        gate = threading.Barrier(2)

        def demote(owner: User, gate: threading.Barrier = gate) -> None:
            def act() -> None:
                with world.writing() as db:
                    edit.edit(db, world.issuer, owner.id, {"role": None}, by=SYSTEM)

            gate.wait()
            try:
                retrying(act)
            except Refusal as refusal:
                assert refusal.code == "last_owner"  # noqa: PT017

        threads = [threading.Thread(target=demote, args=(owner,)) for owner in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with world.reading() as db:
            left = listing.page(db, role="owner").items
        assert len(left) == 1
        with world.writing() as db:
            # The next round begins with no owner but its own pair.
            db.hot(Hot("UPDATE users SET role = NULL WHERE id = :id"), {"id": left[0].id}).close()


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(world: World) -> None:
    ada = add(world, username="ada")
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, {"name": "Ada"}, by=SYSTEM, expected_version=ada.version)
    refusal = refused(world, edit.edit, ada.id, {"name": "Eve"}, expected_version=ada.version)
    assert (refusal.code, refusal.status) == ("conflict", 412)


ENDING: dict[str, Callable[..., Any]] = {
    "lock": edit.lock,
    "disable": edit.disable,
    "password": lambda db, issuer, user, by: edit.set_password(db, issuer, user, "$argon2id$x", by=by),
    "epoch": lambda db, issuer, user, by: edit.bump_epoch(
        db, issuer, user, reason="sign_out_everywhere", by=by
    ),
}


def test_what_ends_every_sign_in_moves_the_epoch(world: World) -> None:
    """SS-7."""
    for name, act in ENDING.items():
        person = add(world, username=name)
        with world.writing() as db:
            act(db, world.issuer, person.id, by=SYSTEM)
        with world.reading() as db:
            assert find.load(db, person.id).epoch == person.epoch + 1, name


def test_people_change_their_profile_and_nothing_that_is_protected(world: World) -> None:
    """AD-2."""
    ada = add(world, username="ada", email="ada@example.org")
    oneself = Actor(kind="user", id=ada.id)
    with world.writing() as db:
        given = {"name": "Ada", "locale": "de", "attributes": {"nickname": "Ad"}}
        changed = edit.edit_own(db, world.issuer, ada.id, given, by=oneself)
    assert (changed.name, changed.locale, dict(changed.attributes)) == ("Ada", "de", {"nickname": "Ad"})
    protected = [
        "email",
        "email_verified",
        "username",
        "role",
        "groups",
        "status",
        "id",
        "subject",
        "epoch",
        "is_admin",
    ]
    for field in protected:
        assert list(refused(world, edit.edit_own, ada.id, {field: "x"}, by=oneself).fields) == [field]
    for name in ("phone_number_verified", "groups", "email", "staff_number"):
        given = {"attributes": {name: True}}
        assert list(refused(world, edit.edit_own, ada.id, given, by=oneself).fields) == [f"attributes.{name}"]


def test_an_admin_cannot_change_an_owner_nor_make_one(world: World) -> None:
    """AD-8."""
    owner, ada = add(world, **OWNER), add(world, username="ada")
    admin = Actor(kind="user", id="somebody", role="admin")
    assert refused(world, edit.set_password, owner.id, "$argon2id$x", by=admin).status == 403
    assert refused(world, edit.edit, owner.id, {"email": "mine@example.org"}, by=admin).status == 403
    assert refused(world, edit.edit, ada.id, {"role": "owner"}, by=admin).status == 403
    assert refused(world, edit.add, {"username": "eve", "role": "admin"}, by=admin).status == 403


def test_every_act_is_audited_in_its_transaction_and_names_no_personal_data(world: World) -> None:
    """AU-4: what fails leaves no event; AU-2, AU-5."""
    ada = add(world, username="ada", email="ada@example.org", name="Ada Lovelace")
    with world.writing() as db:
        edit.edit(db, world.issuer, ada.id, {"name": "Countess", "groups": []}, by=SYSTEM)
        edit.lock(db, world.issuer, ada.id, by=SYSTEM)
        edit.unlock(db, world.issuer, ada.id, by=SYSTEM)
        edit.remove(db, world.issuer, ada.id, by=SYSTEM)
    refused(world, edit.lock, ada.id)
    events = world.events("changed")
    acts = sorted(event.data["act"] for event in events)
    assert acts == ["added", "edited", "locked", "removed", "unlocked"]
    assert {event.subject for event in events} == {ada.id}
    assert not any(word in str(event.data) for event in events for word in ("Ada", "Countess", "example.org"))


def test_an_act_whose_audit_cannot_be_written_does_not_happen(world: World) -> None:
    """AU-4."""
    with world.writing() as db:
        db.hot(Hot("ALTER TABLE audit_events RENAME TO elsewhere"), {}).close()
    with pytest.raises(Exception, match="audit_events"):
        add(world, username="ada")
    with world.reading() as db:
        assert find.by_identifier(db, "ada") is None


def test_people_are_listed_a_page_at_a_time_and_found_by_part_of_a_name(world: World) -> None:
    people = [
        add(world, username=f"ada-{n}", name=f"Person {n}", email=f"p{n}@example.org") for n in range(7)
    ]
    seen: list[str] = []
    after: str | None = ""
    with world.reading() as db:
        while after is not None:
            page = listing.page(db, after=after, limit=3)
            assert len(page.items) <= 3
            seen += [user.id for user in page.items]
            after = page.next
        assert seen == sorted(user.id for user in people)
        for search in ("ADA-3", "p3@", "person 3", people[3].id, people[3].subject):
            assert [user.id for user in listing.page(db, search=search).items] == [people[3].id], search
        for search in ("%", "_", "\\", "' OR 1=1"):
            assert listing.page(db, search=search).items == (), search
