"""What a client remembers: every code, family and session that it was given, and what it asked in vain."""

from collections import Counter
from dataclasses import dataclass, field

from tests.agent import Browser
from tests.oidc import Tokens, claims_of


@dataclass(slots=True, kw_only=True)
class Code:
    """A code that came back to the app. `lost` counts redemptions without an answer."""

    key: str
    lost: int = 0
    answers: int = 0
    families: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Family:
    """What the app holds of one grant: its newest tokens, and which successors each generation was answered with."""

    id: str
    sid: str
    tokens: Tokens
    successors: dict[int, set[int]] = field(default_factory=dict)

    @property
    def generation(self) -> int:
        return coordinates(self.tokens)[1]


@dataclass(slots=True, kw_only=True)
class Seat:
    """A browser in which somebody is signed in."""

    browser: Browser
    sid: str


@dataclass(slots=True)
class Notes:
    """Of one client, or of all of them together; `surprises` are answers that nothing explains."""

    codes: dict[str, Code] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    seats: list[Seat] = field(default_factory=list)
    jtis: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    rotations: int = 0

    def add(self, other: "Notes") -> None:
        self.codes |= other.codes
        self.families |= other.families
        self.seats += other.seats
        self.jtis += other.jtis
        self.surprises += other.surprises
        self.rotations += other.rotations

    def redeemed(self, code: Code, tokens: Tokens) -> Family:
        """A code was answered with tokens."""
        family = Family(id=coordinates(tokens)[0], sid=tokens.claims["sid"], tokens=tokens)
        code.answers += 1
        code.families.add(family.id)
        if family.id in self.families:
            self.surprises.append(f"the family {family.id} came of two codes")
        self.families[family.id] = family
        self._token(tokens)
        return family

    def refreshed(self, family: Family, presented: int, tokens: Tokens) -> None:
        """A generation was answered with its successor."""
        found, generation = coordinates(tokens)
        if found != family.id:
            self.surprises.append(f"the family {family.id} was answered with one of {found}")
        family.successors.setdefault(presented, set()).add(generation)
        family.tokens = tokens
        self.rotations += 1
        self._token(tokens)

    def _token(self, tokens: Tokens) -> None:
        self.jtis[claims_of(tokens.access_token)["jti"]] += 1


def coordinates(tokens: Tokens) -> tuple[str, int]:
    """The family and the generation of a refresh token."""
    assert tokens.refresh_token
    family, generation, _ = tokens.refresh_token.removeprefix("as_rt1_").split(".", 2)
    return family, int(generation)
