"""The walk as a state machine: any steps, right and wrong, in any tabs, on two nodes, under any rules and clocks."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from authserver.app import App, create_app
from tests.flow.test_login_walk import PEOPLE, TAB
from tests.flow.walkabout import APPS, ASKS, walk_in
from tests.flow.world import World

WHO, YES = st.sampled_from(PEOPLE), st.booleans()
APP, HOW = st.sampled_from(APPS), st.sampled_from(list(ASKS))


class Login(RuleBasedStateMachine):
    """Every rule is something that somebody can do at any time; what must hold is asked after each."""

    world: ClassVar[World]
    nodes: ClassVar[tuple[App, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.walk = walk_in(self.world, self.nodes)

    @rule(app=APP, how=HOW)
    def asks(self, app: str, how: str) -> None:
        self.walk.do("ask", app, how)

    @rule(
        app=APP,
        how=HOW,
        person=WHO,
        second=st.sampled_from([("trust", 0), ("code", 0, True), ("mailed", 0, True)]),
    )
    def signs_in(self, app: str, how: str, person: str, second: tuple[Any, ...]) -> None:
        """The whole way, as most people go it."""
        self.walk.do("ask", app, how)
        self.walk.do("password", 0, person, True)
        self.walk.do("wait", 61)
        self.walk.do(*second)

    @rule(tab=TAB, person=WHO, right=YES)
    def types_a_password(self, tab: int, person: str, right: bool) -> None:
        self.walk.do("password", tab, person, right)

    @rule(tab=TAB, right=YES)
    def types_a_code(self, tab: int, right: bool) -> None:
        self.walk.do("code", tab, right)

    @rule(tab=TAB)
    def trusts_the_device(self, tab: int) -> None:
        self.walk.do("trust", tab)

    @rule(tab=TAB, number=st.integers(0, 3))
    def types_a_recovery_code(self, tab: int, number: int) -> None:
        self.walk.do("recovery", tab, number)

    @rule(tab=TAB, right=YES)
    def types_a_mailed_code(self, tab: int, right: bool) -> None:
        self.walk.do("mailed", tab, right)

    @rule(on=YES)
    def the_house_mails_codes(self, on: bool) -> None:
        self.walk.do("mail_codes", on)

    @rule(index=st.integers(0, 9), person=WHO)
    def sends_an_old_page_again(self, index: int, person: str) -> None:
        self.walk.do("again", index, person)

    @rule(person=WHO)
    def sets_up_an_app(self, person: str) -> None:
        self.walk.do("enrol", person)

    @rule(index=st.integers(0, 9))
    def refreshes(self, index: int) -> None:
        self.walk.do("refresh", index)

    @rule()
    def signs_out(self) -> None:
        self.walk.do("leave")

    @rule(seconds=st.sampled_from([1, 30, 121, 601, 1801, 6 * 3600, 43_201]))
    def waits(self, seconds: int) -> None:
        self.walk.do("wait", seconds)

    @rule(number=st.sampled_from([0, 1]))
    def reaches_another_node(self, number: int) -> None:
        self.walk.do("node", number)

    @rule(
        where=st.sampled_from(["everybody", "group"]),
        value=st.sampled_from([None, "optional", "required"]),
    )
    def the_house_changes_its_rule(self, where: str, value: str | None) -> None:
        self.walk.do("rule_of", where, value)

    @rule(person=WHO, on=YES)
    def somebody_is_exempt(self, person: str, on: bool) -> None:
        self.walk.do("exempt", person, on)

    @rule(on=YES)
    def the_vault_changes_its_rule(self, on: bool) -> None:
        self.walk.do("demand", on)


@pytest.fixture
def nodes(world: World) -> Iterator[tuple[App, ...]]:
    """Two apps over one database, as two nodes are."""
    other = create_app(world.issuer.config, clock=world.clock)
    first = world.app
    yield first, other
    world.app = first
    other.close()


def test_nothing_is_claimed_that_was_not_shown(world: World, nodes: tuple[App, ...]) -> None:
    """SU-1 to SU-6, ID-4, ID-5, RT-8, TOTP-3, TOTP-8, RC-2, AD-9: any steps, tabs, nodes, rules and clocks."""
    run_state_machine_as_test(
        type("LoginHere", (Login,), {"world": world, "nodes": nodes}),
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            # What fails is read as it was found: to make it smaller takes minutes.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_walk_gets_somewhere(world: World, nodes: tuple[App, ...]) -> None:
    """The property above is not true for want of sessions: each app and each way to ask is met."""
    walk = walk_in(world, nodes)
    walk.do("enrol", "ada")
    steps: list[tuple[Any, ...]] = [("ask", "strict", "plain"), ("password", 0, "ada", True), ("trust", 0)]
    for action in steps:
        walk.do(*action)
    assert {"strict", "mfa"} <= walk.reached
    walk.do("leave")
    walk.do("node", 1)
    walk.do("ask", "demanding", "plain")
    walk.do("password", 0, "ada", True)
    assert {"demanding", "pwd"} <= walk.reached
    walk.do("ask", "short", "step-up")
    walk.do("wait", 30)
    walk.do("code", 0, True)
    assert {"short", "step-up"} <= walk.reached
    walk.do("ask", "vault", "plain")
    walk.do("refresh", 3)
    assert {"vault", "refreshed"} <= walk.reached
    walk.do("leave")
    walk.do("mail_codes", True)
    walk.do("ask", "short", "plain")
    walk.do("password", 0, "bob", True)
    walk.do("mailed", 0, True)
    assert "mfa-low" in walk.reached
    walk.do("wait", 130)
    walk.do("ask", "web", "aged")
    walk.do("password", 0, "ada", True)
    walk.do("code", 0, True)
    assert "aged" in walk.reached
