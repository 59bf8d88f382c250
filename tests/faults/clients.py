"""Apps and people under load: they sign in, fetch codes, redeem and refresh, and ask again when no answer came."""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests import seeds
from tests.agent import Browser
from tests.faults.line import LostError
from tests.faults.notes import Code, Family, Notes, Seat
from tests.oidc import OAuthError, Person, RelyingParty, Request, answer_pages
from tests.serve import Deployment

T = TypeVar("T")
# A retry of a refresh token counts as one for ten seconds; all that is taken away comes back sooner.
PATIENCE = 25.0
SCOPES = ("openid email", "openid email offline_access")
FAMILIES, SEATS = 6, 3


@dataclass(slots=True)
class Client:
    """One person with some browsers, and the app that they use; a thread of its own."""

    deployment: Deployment
    person: Person
    stopped: threading.Event
    party: RelyingParty
    pace: float = 0.0
    notes: Notes = field(default_factory=Notes)

    def run(self) -> None:
        """Work until stopped."""
        while not self.stopped.wait(self.pace):
            self.watched(self.step)

    def step(self) -> None:
        seats, families = self.notes.seats, self.notes.families
        dice = secrets.randbelow(100)
        if len(seats) < SEATS and (not seats or dice < 15):
            self.sign_in()
        elif len(families) < FAMILIES or dice < 30:
            self.single_sign_on(secrets.choice(seats))
        else:
            self.refresh(families[secrets.choice(list(families))])

    def watched(self, step: Callable[[], None]) -> None:
        """Do something; what fails otherwise than by a loss is a surprise."""
        try:
            step()
        except LostError as error:
            self.surprise(f"no answer for {PATIENCE:g} s: {error}")
        except (OAuthError, AssertionError, KeyError, ValueError) as error:
            self.surprise(f"{type(error).__name__}: {error}"[:500])

    def settle(self) -> None:
        """All is well again: each session must stand, and each family must have exactly one next token."""
        for seat in self.notes.seats:
            self.watched(lambda seat=seat: self.single_sign_on(seat))  # type: ignore[misc]
        for family in list(self.notes.families.values()):
            self.watched(lambda family=family: self.refresh(family))  # type: ignore[misc]

    # What people and apps do

    def sign_in(self) -> None:
        """In a new browser, by the pages; who gets no answer begins again."""
        browser = seeds.browser(self.deployment)
        self.party.scope = secrets.choice(SCOPES)
        request, answer = self.insistent(lambda: self.through_the_pages(browser))
        family = self.redeem(request, answer["code"])
        if family is None:
            family = self.redeem(*self.silently(browser))
        if family is not None:
            self.notes.seats.append(Seat(browser=browser, sid=family.sid))

    def through_the_pages(self, browser: Browser) -> tuple[Request, dict[str, str]]:
        request = self.party.begin()
        visit = browser.open(request.url, initiator=self.party.redirect_uri)
        visit = answer_pages(browser, visit, self.person)
        if visit.left_for is None and visit.status == 429:
            raise LostError("too many tries under way", 1.0)
        assert visit.left_for, f"{visit.status} {visit.url}: {visit.page.words[:300]}"
        return request, self.party.returned(request, visit.left_for)

    def single_sign_on(self, seat: Seat) -> None:
        """A code without a page: the session that was answered must stand."""
        self.party.scope = secrets.choice(SCOPES)
        request, code = self.silently(seat.browser)
        family = self.redeem(request, code)
        if family is not None and family.sid != seat.sid:
            self.surprise(f"the session {seat.sid} became {family.sid}")

    def silently(self, browser: Browser) -> tuple[Request, str]:
        def ask() -> tuple[Request, str]:
            request = self.party.begin(prompt="none")
            visit = browser.open(request.url, initiator=self.party.redirect_uri)
            assert visit.left_for, f"{visit.status} {visit.url}: {visit.page.words[:300]}"
            return request, self.party.returned(request, visit.left_for)["code"]

        return self.insistent(ask)

    def redeem(self, request: Request, text: str) -> Family | None:
        """None when an earlier try took the code and its answer was lost: that loss is one request."""
        code = self.notes.codes.setdefault(text.partition(".")[0], Code(key=text.partition(".")[0]))

        def ask() -> Family | None:
            try:
                tokens = self.party.redeem(request, text)
            except LostError:
                code.lost += 1
                raise
            except OAuthError as error:
                if code.lost and error.error == "invalid_grant":
                    return None
                raise
            return self.notes.redeemed(code, tokens)

        family = self.insistent(ask)
        if family is not None and secrets.randbelow(100) < 20:
            self.redeem_again(request, text, code)
        return family

    def redeem_again(self, request: Request, text: str, code: Code) -> None:
        """A double submit: never a second answer, and the first one's tokens live on."""
        try:
            tokens = self.party.redeem(request, text)
        except (LostError, OAuthError):
            return
        code.answers += 1
        self.surprise(f"the code {code.key} was redeemed twice: {tokens.refresh_token}")

    def refresh(self, family: Family) -> None:
        presented, held = family.generation, family.tokens
        try:
            tokens = self.insistent(lambda: self.party.refresh(held))
        except OAuthError as error:
            del self.notes.families[family.id]
            self.surprise(f"the family {family.id} died at generation {presented}: {error}")
            return
        self.notes.refreshed(family, presented, tokens)
        if secrets.randbelow(100) < 10:
            # As if that answer had been lost: the same successor again.
            with contextlib.suppress(LostError):
                self.notes.refreshed(family, presented, self.party.refresh(held))

    def insistent(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer."""
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except LostError as error:
                if time.monotonic() > ends:
                    raise
                time.sleep(error.retry_after)

    def surprise(self, what: str) -> None:
        self.notes.surprises.append(f"{self.person.email}: {what}")
