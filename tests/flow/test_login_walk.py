"""Whatever somebody does in however many tabs: no session without every required proof, no claim beyond them."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count as numbers
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authserver.authentication import from_json
from authserver.factors.registry import factors, register
from authserver.opaque import digest
from tests.agent import Browser, Visit
from tests.flow.login import leave, rows
from tests.flow.second_factor import CODE, FakeCode
from tests.flow.world import PASSWORD, Resident, World
from tests.oidc import RelyingParty, Request
from tests.pages import Form

NUMBERS = numbers()
PEOPLE = ("ada", "bob")
RIGHT = st.sampled_from([True, True, True, False])
TAB = st.sampled_from([0, 0, 0, 1, 2])  # counted from the one that was opened last
STEP = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(["", "login", "step-up", "choose"])),
    st.tuples(st.just("password"), TAB, st.sampled_from(PEOPLE), RIGHT),
    st.tuples(st.just("code"), TAB, RIGHT),
    st.tuples(st.just("again"), st.integers(0, 9), st.sampled_from(PEOPLE)),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 299, 601, 1801])),
    st.tuples(st.just("enrol"), st.just("ada")),
    st.tuples(st.just("leave")),
)
SIGN_IN = st.tuples(st.sampled_from(["", "login", "step-up"]), st.sampled_from(PEOPLE)).map(
    lambda how: [("open", how[0]), ("wait", 2), ("password", 0, how[1], True), ("wait", 3), ("code", 0, True)]
)
WALK = st.lists(st.one_of(SIGN_IN, STEP.map(lambda step: [step])), min_size=3, max_size=8).map(
    lambda parts: [step for part in parts for step in part]
)


@dataclass
class Walk:
    """One browser, two people, several tabs; and what was truly shown."""

    world: World
    web: RelyingParty
    factor: FakeCode
    people: dict[str, Resident]
    browser: Browser
    tabs: list[Visit] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    shown: set[tuple[str, str, datetime]] = field(default_factory=set)
    begun: dict[str, float] = field(default_factory=dict)
    enrolled: dict[str, datetime] = field(default_factory=dict)

    def do(self, name: Any, *given: Any) -> None:
        getattr(self, name)(*given)
        self.look()

    def open(self, how: str) -> None:
        asks = {"": {}, "login": {"prompt": "login"}, "step-up": {"acr_values": "mfa"}}
        more = {"choose": {"prompt": "select_account"}} | asks
        request = self.web.begin(**more[how])
        self.requests.append(request)
        self.begun[request.state] = self.world.clock.now() if how == "login" else 0
        self.tabs.append(self.browser.open(request.url, self.web.redirect_uri))
        self.arrived(len(self.tabs) - 1)

    def password(self, tab: int, who: str, right: bool) -> None:
        form = self.form_in(tab, "password")
        if form is not None:
            self.send(self.place(tab), form, who, PASSWORD if right else "wrong and long enough")

    def send(self, tab: int, form: Form, who: str, password: str) -> None:
        person = self.people[who]
        if password == PASSWORD:
            self.shown.add((person.id, "password", self.world.clock()))
        answers = {form.named(kind="password"): password, "username": person.email}
        self.forms.append(form)
        before = self.browser.jar.get("as_session")
        self.tabs[tab] = self.browser.submit(form, answers)
        after = self.browser.jar.get("as_session")
        if after is not None and after != before:
            # Whoever is signed in now is who has just shown their password.
            owner = rows(
                self.world, "SELECT user_id FROM sso_sessions WHERE handle_digest = :d", d=digest(after.value)
            )
            assert owner == [(person.id,)]
            assert password == PASSWORD
        self.arrived(tab)

    def code(self, tab: int, right: bool) -> None:
        form = self.form_in(tab, "code")
        if form is not None:
            if right:
                self.shown |= {(person.id, "fake", self.world.clock()) for person in self.people.values()}
            place = self.place(tab)
            self.tabs[place] = self.browser.submit(form, {"code": CODE if right else "000000"})
            self.arrived(place)

    def again(self, index: int, who: str) -> None:
        """An old page is sent once more."""
        if self.forms and self.tabs:
            self.send(0, self.forms[index % len(self.forms)], who, PASSWORD)

    def wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds=seconds)

    def enrol(self, who: str) -> None:
        self.factor.owners.add(self.people[who].id)
        self.enrolled.setdefault(self.people[who].id, self.world.clock())

    def leave(self) -> None:
        leave(self.browser)

    def place(self, tab: int) -> int:
        return len(self.tabs) - 1 - tab

    def form_in(self, tab: int, field_name: str) -> Form | None:
        if tab >= len(self.tabs) or self.tabs[self.place(tab)].left_for:
            return None
        forms = (form for form in self.tabs[self.place(tab)].page.forms if form.method == "POST")
        return next((form for form in forms if any(i.name == field_name for i in form.inputs)), None)

    def arrived(self, tab: int) -> None:
        """A code came back: what it says must have been shown."""
        visit = self.tabs[tab]
        assert visit.status < 500, visit.page.words
        if visit.left_for is None or "code=" not in visit.left_for:
            return
        state = visit.left_for.partition("state=")[2].partition("&")[0]
        request = next(each for each in self.requests if each.state == state)
        claims = self.web.redeem(request, self.web.returned(request, visit.left_for)["code"]).claims
        person = next(each.id for each in self.people.values() if each.subject == claims["sub"])
        times = {int(at.timestamp()) for of, _, at in self.shown if of == person}
        assert claims["auth_time"] in times
        assert claims["auth_time"] >= self.begun[state]
        words = set(claims["amr"])
        assert claims["acr"] == ("mfa" if "otp" in words else "mfa-low" if "recovery" in words else "pwd")
        assert ("mfa" in words) == (claims["acr"] != "pwd")

    def look(self) -> None:
        """Every session and grant in the database rests on proofs that were made, and on all that were due."""
        sessions = rows(self.world, "SELECT authentication, created_at FROM sso_sessions")
        grants = rows(self.world, "SELECT authentication, granted_at FROM grants")
        mine = {person.id for person in self.people.values()}
        for text, at in [*sessions, *grants]:
            found = from_json(text)
            if found.user not in mine:
                continue
            assert found.proofs
            assert {(found.user, proof.factor, proof.at) for proof in found.proofs} <= self.shown
            assert found.at in {proof.at for proof in found.proofs}
            kinds = {proof.kind for proof in found.proofs}
            assert ("mfa" in found.amr) == (len(kinds) > 1)
            since = self.enrolled.get(found.user)
            if since is not None and self.world.issuer.database.read_time(at) > since:
                session = next(from_json(s) for s, _ in sessions if from_json(s).session == found.session)
                born = min(proof.at for proof in session.proofs)
                assert len(kinds) > 1 or born <= since or self.may_skip(found.user, born)
        live = rows(
            self.world,
            "SELECT user_id FROM sso_sessions WHERE ended_at IS NULL AND idle_until > :now AND expires_at > :now",
            now=self.now(),
        )
        assert len([user for (user,) in live if user in mine]) <= 1

    def may_skip(self, user: str, at: datetime) -> bool:
        """Whether somebody need not have shown a second factor that they had then."""
        return False

    def now(self) -> Any:
        with self.world.reading() as db:
            return db.time(self.world.clock())


def walk_in(world: World) -> Walk:
    number = next(NUMBERS)
    people = {name: world.add_user(f"{name}{number}@example.org", PASSWORD) for name in PEOPLE}
    known = factors(world.issuer)
    if "fake" not in known:
        register(world.issuer, FakeCode())
    factor = known["fake"]
    assert isinstance(factor, FakeCode)
    web = world.add_client(f"web{number}", first_party=True)
    return Walk(world=world, web=web, factor=factor, people=people, browser=world.browser())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(actions=WALK)
def test_nothing_is_claimed_that_was_not_shown(world: World, actions: list[tuple[Any, ...]]) -> None:
    """SU-1, SU-2, SU-4, ID-4, ID-5: any order of steps, tabs, waits, replays and enrolments."""
    walk = walk_in(world)
    for action in actions:
        walk.do(*action)


def test_the_walk_gets_somewhere(world: World) -> None:
    """The property above is not true for want of sessions."""
    walk = walk_in(world)
    for action in [("enrol", "ada"), ("open", ""), ("password", 0, "ada", True), ("code", 0, True)]:
        walk.do(*action)
    assert walk.tabs[0].left_for
    walk.do("open", "login")
    walk.do("password", 0, "bob", True)
    assert walk.tabs[1].left_for
