"""All attacks on what a provider really sent: three ways to sign, one other person, one foreign key."""

from dataclasses import dataclass
from functools import cached_property

from tests.peers.saml import Key, make_key
from tests.saml import contents, signatures, texts, wrapping
from tests.saml.forge import Attack
from tests.saml.trip import Answered


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What a provider answered. `answers` are of one person: "both", "response" and "assertion" were signed."""

    answers: dict[str, Answered]
    other: Answered
    key: Key

    @cached_property
    def attacks(self) -> tuple[Attack, ...]:
        both = self.answers["both"]
        mixed = (
            Attack(
                name="the answer to another request",
                answered=both,
                message=self.answers["assertion"].message,
                rule="saml.in_response_to",
            ),
            Attack(name="somebody else's answer", answered=both, message=self.other.message),
        )
        return (
            *wrapping.attacks(self.answers),
            *signatures.attacks(self.answers, self.key, make_key(), self.other),
            *contents.attacks(both, self.key),
            *texts.attacks(both),
            *mixed,
        )
