"""The walk as a state machine: any steps, right and wrong, in any tabs, on two nodes, under any rules and clocks."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from authserver.app import App, create_app
from tests.flow.test_login_walk import PEOPLE, TAB
from tests.flow.walkabout import APPS, ASKS, RULES, walk_in
from tests.flow.world import World

WHO, YES = st.sampled_from(PEOPLE), st.booleans()
APP, HOW = st.sampled_from(APPS), st.sampled_from(list(ASKS))
SECOND = st.sampled_from(
    [("code", 0, True), ("code", 0, False), ("trust", 0), ("mailed", 0, True), ("recovery", 0, 0), ("leave",)]
)
STEP = st.one_of(
    st.tuples(st.just("ask"), APP, HOW),
    st.tuples(st.just("password"), TAB, WHO, YES),
    st.tuples(st.just("code"), TAB, YES),
    st.tuples(st.just("other_code"), TAB, st.sampled_from([-3, -1, 1, 3])),
    st.tuples(st.just("trust"), TAB),
    st.tuples(st.just("mailed"), TAB, YES),
    st.tuples(st.just("recovery"), TAB, st.integers(0, 3)),
    st.tuples(st.just("again"), st.integers(0, 9), WHO),
    st.tuples(st.just("leave")),
)
CHANGE = st.one_of(
    st.tuples(st.just("enrol"), WHO),
    st.tuples(st.just("rule_of"), st.sampled_from(["everybody", "group"]), st.sampled_from(RULES)),
    st.tuples(st.just("mail_codes"), YES),
    st.tuples(st.just("exempt"), WHO, YES),
    st.tuples(st.just("demand"), YES),
)


WAIT = st.tuples(st.just("wait"), st.sampled_from([1, 30, 121, 601, 1801, 6 * 3600, 43_201]))
NODE = st.tuples(st.just("node"), st.sampled_from([0, 1]))
# The whole way, as most people go it; between password and code another node may answer.
SIGN_IN = st.tuples(APP, HOW, WHO, SECOND, NODE, st.sampled_from([0, 31])).map(
    lambda way: [
        ("ask", way[0], way[1]),
        ("password", 0, way[2], True),
        way[4],
        ("wait", way[5]),
        way[3],
    ]
)
# What shows little by little: the same code twice, a device that is trusted until it is not, a step-up much later.
STORY = st.tuples(WHO, SECOND, st.sampled_from([0, 31, 6 * 3600])).map(
    lambda told: [
        ("enrol", told[0]),
        ("ask", "web", "plain"),
        ("password", 0, told[0], True),
        told[1],
        ("leave",),
        ("wait", told[2]),
        ("ask", "web", "plain"),
        ("password", 0, told[0], True),
        told[1],
    ]
)
STEP_UP = st.tuples(WHO, APP, st.sampled_from([1, 31, 601])).map(
    lambda told: [
        ("leave",),
        ("ask", "web", "login"),
        ("password", 0, told[0], True),
        ("enrol", told[0]),
        ("wait", told[2]),
        ("ask", told[1], "step-up"),
        ("code", 0, True),
    ]
)
# Hypothesis leaves out some rules in each run, so what somebody does is a part of the one rule that there is.
PART = st.one_of(
    SIGN_IN,
    STORY,
    STEP_UP,
    st.lists(STEP, min_size=1, max_size=3),
    st.tuples(CHANGE).map(list),
    st.tuples(WAIT, NODE).map(list),
    st.tuples(st.tuples(st.just("refresh"), st.integers(0, 9))).map(list),
)


class Login(RuleBasedStateMachine):
    """Somebody does something, at any time; what must hold is asked after each step."""

    world: ClassVar[World]
    nodes: ClassVar[tuple[App, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.walk = walk_in(self.world, self.nodes)

    @rule(part=PART)
    def goes_on(self, part: list[tuple[Any, ...]]) -> None:
        for action in part:
            self.walk.do(*action)


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
            max_examples=25,
            stateful_step_count=10,
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
