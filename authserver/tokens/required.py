"""What a client, its APIs and their scopes require of a sign-in: one reading for authorize and for every grant."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from authserver.apis.api import Api
from authserver.authentication import LEVELS, Level


class Demanding(Protocol):
    """A client, an API or a scope, as far as it matters here."""

    @property
    def required_acr(self) -> str | None: ...
    @property
    def required_max_age(self) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """The level below which, and the age in seconds above which, a sign-in is not enough; None is any age."""

    level: Level = Level.PWD
    max_age: int | None = None

    def __or__(self, other: "Requirement") -> "Requirement":
        """Both at once."""
        if other == ANY:
            return self
        ages = [age for age in (self.max_age, other.max_age) if age is not None]
        return Requirement(level=max(self.level, other.level), max_age=min(ages, default=None))


ANY = Requirement()


def of(demanding: Demanding) -> Requirement:
    if demanding.required_acr is None and demanding.required_max_age is None:
        return ANY
    level = LEVELS.get(demanding.required_acr or "", Level.PWD)
    return Requirement(level=level, max_age=demanding.required_max_age)


def in_all(demanding: Iterable[Demanding]) -> Requirement:
    """What meets every one of them. SU-6."""
    found = ANY
    for each in demanding:
        found |= of(each)
    return found


def by_scope(apis: Iterable[Api]) -> dict[str, Requirement]:
    """By scope, for those of these APIs that require more than any sign-in."""
    found = {scope.name: of(scope) for api in apis for scope in api.scopes}
    return {name: requirement for name, requirement in found.items() if requirement != ANY}
