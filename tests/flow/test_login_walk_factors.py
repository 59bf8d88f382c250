"""The walk through the login with the factors that people have: an app, recovery codes, and being made to have one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authserver.authentication import from_json
from tests.agent import Visit
from tests.flow.apps import Authenticator, app_of, codes_of
from tests.flow.login import rows
from tests.flow.second_factor import FakeCode
from tests.flow.test_login_walk import NUMBERS, PEOPLE, RIGHT, TAB, Walk
from tests.flow.world import PASSWORD, World

WRONG_CODE = "AAAA-AAAA-AAAA-AAAA"
STEP = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(["", "login", "step-up", "choose"])),
    st.tuples(st.just("password"), TAB, st.sampled_from(PEOPLE), RIGHT),
    st.tuples(st.just("code"), TAB, RIGHT),
    st.tuples(st.just("recovery"), TAB, st.integers(0, 3)),
    st.tuples(st.just("again"), st.integers(0, 9), st.sampled_from(PEOPLE)),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 299, 601, 1801])),
    st.tuples(st.just("enrol"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("rule"), st.sampled_from(["required", "optional"])),
    st.tuples(st.just("leave")),
)
SIGN_IN = st.tuples(
    st.sampled_from(["", "login", "step-up"]), st.sampled_from(PEOPLE), st.sampled_from(["code", "recovery"])
).map(
    lambda how: [
        ("open", how[0]),
        ("wait", 30),
        ("password", 0, how[1], True),
        ("wait", 30),
        (how[2], 0, True),
    ]
)
WALK = st.lists(st.one_of(SIGN_IN, STEP.map(lambda step: [step])), min_size=3, max_size=8).map(
    lambda parts: [step for part in parts for step in part]
)


@dataclass
class RealWalk(Walk):
    """The same browser and people; their apps, their codes, and what was typed when."""

    apps: dict[str, Authenticator] = field(default_factory=dict)
    codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    typed: dict[tuple[str, datetime], set[str]] = field(default_factory=dict)
    required_since: datetime | None = None

    def code(self, tab: int, right: bool) -> None:
        form = self.form_in(tab, "code")
        if form is None:
            return
        place = self.place(tab)
        self.learn(self.tabs[place])
        app = self.apps.get(self.whose(place))
        code = app.code() if app is not None and right else "000000"
        self.answer(place, "totp", code)

    def recovery(self, tab: int, number: int) -> None:
        if self.form_in(tab, "code") is None:
            return
        place = self.place(tab)
        links = [link.to for link in self.tabs[place].page.links if "/login/recovery" in link.to]
        if links:
            self.tabs[place] = self.browser.open(links[0])
        if "/login/recovery" not in self.tabs[place].url:
            return
        codes = self.codes.get(self.whose(place), ())
        self.answer(place, "recovery", codes[number] if codes else WRONG_CODE)

    def answer(self, place: int, factor: str, code: str) -> None:
        forms = [form for form in self.tabs[place].page.forms if form.method == "POST"]
        form = next((f for f in forms if any(i.name == "code" and i.kind == "text" for i in f.inputs)), None)
        if form is None:
            return
        now = self.world.clock()
        for person in self.people.values():
            self.shown.add((person.id, factor, now))
            self.typed.setdefault((person.id, now), set()).add(code)
        self.tabs[place] = self.browser.submit(form, {"code": code})
        self.onwards(place)
        self.arrived(place)

    def onwards(self, place: int) -> None:
        """Past the pages that follow recovery codes."""
        page = self.tabs[place].page if self.tabs[place].left_for is None else None
        if page is None or page.heading not in {
            "Keep your recovery codes",
            "You are signed in by a recovery code",
        }:
            return
        if page.heading == "Keep your recovery codes":
            self.tabs[place] = self.browser.submit(page.form("Continue"))
        else:
            self.tabs[place] = self.browser.open(page.link("Continue"))

    def enrol(self, who: str) -> None:
        person = self.people[who]
        self.apps[who] = app_of(self.world, person)
        self.codes[who] = codes_of(self.world, person)
        self.enrolled.setdefault(person.id, self.world.clock())

    def rule(self, rule: str) -> None:
        self.world.set(second_factor=rule)
        self.required_since = self.world.clock() if rule == "required" else None

    def learn(self, visit: Visit) -> None:
        """A page that makes somebody set up an app is scanned."""
        if any(link.to.startswith("otpauth://") for link in visit.page.links):
            who = next(name for name in PEOPLE if self.people[name].email in visit.page.words)
            self.apps[who] = Authenticator.scanned(self.world, visit)
            self.codes.pop(who, None)

    def whose(self, place: int) -> str:
        words = self.tabs[place].page.words
        return next((name for name in PEOPLE if self.people[name].email in words), "ada")

    def look(self) -> None:
        """As before; and no code of an app or list stands behind two proofs."""
        super().look()
        found: dict[str, set[datetime]] = {}
        time = self.world.issuer.database.read_time
        for text, at in rows(self.world, "SELECT authentication, created_at FROM sso_sessions"):
            if self.required_since is not None and time(at) > self.required_since:
                found_here = from_json(text)
                assert "mfa" in found_here.amr or self.may_skip(found_here.user, time(at))
            for proof in from_json(text).proofs:
                if proof.factor in {"totp", "recovery"}:
                    found.setdefault(f"{from_json(text).user} {proof.factor}", set()).add(proof.at)
        for key, times in found.items():
            user, _, factor = key.partition(" ")
            if factor == "recovery":
                spent = rows(
                    self.world,
                    "SELECT count(*) FROM audit_events WHERE event = 'recovery_code_used' AND subject = :u",
                    u=user,
                )
                assert len(times) <= spent[0][0]
            elif user in {person.id for person in self.people.values()}:
                codes = [code for at in times for code in self.typed[(user, at)] if code.isdigit()]
                assert len(set(codes)) >= len(times)


def walk_in(world: World) -> RealWalk:
    number = next(NUMBERS)
    people = {name: world.add_user(f"{name}{number}r@example.org", PASSWORD) for name in PEOPLE}
    web = world.add_client(f"real{number}", first_party=True)
    world.set(second_factor="optional")
    return RealWalk(world=world, web=web, factor=FakeCode(), people=people, browser=world.browser())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(actions=WALK)
def test_nothing_is_claimed_that_was_not_shown(world: World, actions: list[tuple[Any, ...]]) -> None:
    """SU-1, SU-2, SU-4, ID-4, TOTP-3, RC-2, TOTP-8: any order of steps, tabs, waits, replays and rules."""
    walk = walk_in(world)
    for action in actions:
        walk.do(*action)


def test_the_walk_gets_somewhere(world: World) -> None:
    """The property above is not true for want of sessions."""
    walk = walk_in(world)
    for action in [("enrol", "ada"), ("open", ""), ("password", 0, "ada", True), ("code", 0, True)]:
        walk.do(*action)
    assert walk.tabs[0].left_for
    for action in [("open", "login"), ("password", 0, "ada", True), ("recovery", 0, 0)]:
        walk.do(*action)
    assert walk.tabs[1].page.heading != "Enter a recovery code"
    for action in [("rule", "required"), ("open", "login"), ("password", 0, "bob", True)]:
        walk.do(*action)
    assert walk.tabs[2].page.heading == "Set up a second step"
    walk.do("code", 0, True)
    assert walk.tabs[2].left_for
