"""Whatever happens, in whatever order: no token claims what its sign-in did not have."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from authserver.app import create_app
from tests import wire
from tests.flow.world import Resident, World, copied, inhabited, origin_of
from tests.oidc import Browser, OAuthError, RelyingParty, Tokens, answer_pages, claims_of

SCOPES = ("openid", "profile", "email")
SILENT = {"login_required", "consent_required", "interaction_required"}
NewWorld = Callable[[], tuple[World, ExitStack]]


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """What really happened, as the test saw it happen."""

    subject: str
    at: int
    browser: Browser
    person: Resident


@dataclass(kw_only=True)
class Family:
    """One authorization, and every refresh token that it ever had."""

    of: SignIn
    scope: frozenset[str]
    sid: str
    tokens: list[Tokens] = field(default_factory=list)
    dead: bool = False


@pytest.fixture
def new_world(tmp_path: Path, template: tuple[Path, str]) -> NewWorld:
    made = iter(range(10_000))

    def make() -> tuple[World, ExitStack]:
        stack = ExitStack()
        world = stack.enter_context(inhabited(copied(template[0], tmp_path / f"data-{next(made)}")))
        return world, stack

    return make


def machine(new_world: NewWorld) -> type[RuleBasedStateMachine]:  # noqa: C901  one class, in a closure
    class Truth(RuleBasedStateMachine):
        sign_ins = Bundle("sign_ins")
        families = Bundle("families")

        @initialize()
        def begin(self) -> None:
            self.world, self.stack = new_world()
            self.people = [self.world.add_user(f"{name}@example.org") for name in ("ada", "bob")]
            self.apps = [self.world.add_client(name, scope=" ".join(SCOPES)) for name in ("web", "other")]

        def teardown(self) -> None:
            if hasattr(self, "stack"):
                self.stack.close()

        @rule(target=sign_ins, who=st.integers(0, 1), app=st.integers(0, 1))
        def somebody_signs_in(self, who: int, app: int) -> SignIn:
            browser = self.world.browser()
            person = self.people[who]
            known = SignIn(
                subject=person.subject, at=int(self.world.clock.now()), browser=browser, person=person
            )
            self.authorize(known, self.apps[app], {"scope": "openid"}, pages=True)
            return known

        @rule(
            target=families,
            known=sign_ins,
            app=st.integers(0, 1),
            scope=st.sets(st.sampled_from(SCOPES[1:])),
            prompt=st.sampled_from(["", "none"]),
        )
        def an_app_asks(self, known: SignIn, app: int, scope: set[str], prompt: str) -> Family | None:
            asked = {"scope": " ".join(["openid", *sorted(scope)])} | ({"prompt": prompt} if prompt else {})
            return self.authorize(known, self.apps[app], asked, pages=not prompt)

        def authorize(
            self, known: SignIn, app: RelyingParty, asked: dict[str, str], *, pages: bool
        ) -> Family | None:
            """With pages, whoever is no longer signed in signs in again: then that is what happened."""
            before = int(self.world.clock.now())
            request = app.begin(**asked)
            visit = known.browser.open(request.url, initiator=app.redirect_uri)
            asked_again = visit.page.forms and any(form.has("password") for form in visit.page.forms)
            if pages:
                visit = answer_pages(known.browser, visit, known.person)
            if visit.left_for is None:
                return None
            try:
                code = app.returned(request, visit.left_for)["code"]
            except OAuthError as error:
                if error.error in SILENT:
                    return None
                raise
            tokens = app.redeem(request, code)
            if asked_again:
                known = SignIn(subject=known.subject, at=before, browser=known.browser, person=known.person)
            moved = self.moved.setdefault(id(known.browser), known.at)
            if asked_again:
                moved = self.moved[id(known.browser)] = before
            family = Family(
                of=SignIn(subject=known.subject, at=moved, browser=known.browser, person=known.person),
                scope=frozenset(asked["scope"].split()),
                sid=tokens.claims["sid"],
                tokens=[tokens],
            )
            self.party[id(family)] = app
            self.is_true(family, tokens)
            return family

        @property
        def moved(self) -> dict[int, int]:
            """When the person of each browser last signed in."""
            return self.__dict__.setdefault("_moved", {})

        @property
        def party(self) -> dict[int, RelyingParty]:
            return self.__dict__.setdefault("_party", {})

        @rule(family=families, back=st.integers(0, 2), narrow=st.sets(st.sampled_from(SCOPES)))
        def an_app_refreshes(self, family: Family | None, back: int, narrow: set[str]) -> None:
            """With the newest token or an older one, for all or for less."""
            if family is None:
                return
            presented = family.tokens[max(0, len(family.tokens) - 1 - back)]
            form = {"grant_type": "refresh_token", "refresh_token": presented.refresh_token or ""}
            if narrow:
                form["scope"] = " ".join(sorted(narrow))
            app = self.party[id(family)]
            reply = app.token(form)
            answer: dict[str, Any] = reply.json()
            if reply.status != 200:
                assert answer["error"] in {"invalid_grant", "invalid_scope"}, answer
                family.dead = family.dead or (answer["error"] == "invalid_grant" and back == 0)
                return
            assert not family.dead, "a family that ended gave tokens"
            tokens = app.tokens(reply)
            if tokens.refresh_token != family.tokens[-1].refresh_token:
                family.tokens.append(tokens)
            self.is_true(family, tokens, frozenset(narrow) or None)

        @rule(seconds=st.sampled_from([1, 9, 11, 59, 301, 601, 3_600, 40_000, 90_000]))
        def time_passes(self, seconds: int) -> None:
            self.world.clock.advance(seconds=seconds)

        @rule()
        def the_server_restarts(self) -> None:
            config = self.world.issuer.config
            self.world.app.close()
            self.world.app = create_app(config, clock=self.world.clock)
            wire.INSIDE[origin_of(self.world.url)] = self.world.send

        def is_true(self, family: Family, tokens: Tokens, asked: frozenset[str] | None = None) -> None:
            access = claims_of(tokens.access_token)
            for claims in (access, *([tokens.claims] if tokens.claims else [])):
                assert claims["sub"] == family.of.subject
                assert claims["auth_time"] == family.of.at
                assert (claims["amr"], claims["acr"]) == (["pwd"], "pwd")
                assert claims["sid"] == family.sid
            granted = frozenset(access.get("scope", "").split())
            assert granted == family.scope & asked if asked else granted <= family.scope
            assert access["iat"] == int(self.world.clock.now())

    return Truth


def test_no_token_claims_what_its_sign_in_did_not_have(new_world: NewWorld) -> None:
    """RT-8, ID-4, ID-5: random sign-ins, single sign-on, refreshes, retries, narrowing, restarts and clock steps."""
    run_state_machine_as_test(
        machine(new_world),
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
