"""Who may change whom: one table."""

from typing import Literal

import pytest

from authserver.audit import SYSTEM, Actor
from authserver.errors import Refusal
from authserver.users.rank import check_may_change, check_may_give

Role = Literal["owner", "admin", "support", "auditor"] | None
ROLES: tuple[Role, ...] = ("owner", "admin", "support", "auditor", None)
# the role of who acts, and the roles of those whom they may change
MAY: dict[Role, set[Role]] = {
    "owner": {"owner", "admin", "support", "auditor", None},
    "admin": {"admin", "support", "auditor", None},
    "support": {"support", "auditor", None},
    "auditor": {"auditor", None},
    None: set(),
}


def person(role: Role, name: str = "u1") -> Actor:
    return Actor(kind="user", id=name, role=role)


@pytest.mark.parametrize("acting", ROLES)
@pytest.mark.parametrize("changed", ROLES)
def test_nobody_changes_somebody_above_them(acting: Role, changed: Role) -> None:
    """AD-8: an admin cannot reset the password of an owner."""
    if changed in MAY[acting]:
        check_may_change(person(acting), "u2", changed)
    else:
        with pytest.raises(Refusal) as refused:
            check_may_change(person(acting), "u2", changed)
        assert refused.value.status == 403


def test_people_change_themselves() -> None:
    check_may_change(person(None), "u1", None)
    check_may_change(person("support"), "u1", "owner")


def test_a_token_is_not_the_person_whose_id_it_carries() -> None:
    with pytest.raises(Refusal):
        check_may_change(Actor(kind="client", id="u1"), "u1", None)


@pytest.mark.parametrize("acting", ROLES)
def test_only_an_owner_gives_and_takes_roles(acting: Role) -> None:
    check_may_give(person(acting), "admin", "admin")
    if acting == "owner":
        check_may_give(person(acting), None, "owner")
        return
    for before, after in ((None, "owner"), (None, "auditor"), ("owner", None), ("admin", "owner")):
        with pytest.raises(Refusal) as refused:
            check_may_give(person(acting), before, after)
        assert list(refused.value.fields) == ["role"]


def test_the_server_itself_acts_as_an_owner() -> None:
    check_may_change(SYSTEM, "u1", "owner")
    check_may_give(SYSTEM, None, "owner")
