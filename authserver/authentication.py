"""Who proved what, when, in which session: the record that every token is made from."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, NewType, Self

from authserver.clock import seconds
from authserver.compact import dumps, loads

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)


class Level(IntEnum):
    """How sure we are, low to high. Their names on the wire are the acr values."""

    PWD = 1
    MFA_LOW = 2
    MFA = 3
    PHR = 4

    @property
    def acr(self) -> str:
        return _ACR[self]


_ACR = {Level.PWD: "pwd", Level.MFA_LOW: "mfa-low", Level.MFA: "mfa", Level.PHR: "phr"}
LEVELS = {acr: level for level, acr in _ACR.items()}
BY_NUMBER = {level.value: level for level in Level}


SHORT = frozenset({"pwd", "mfa"})
# A quote within a word has a backslash before it, so that nothing but a proof's time looks like this.
AT, ANY_TIME = re.compile('"at":"[^"]*"'), '"at":"1970-01-01T00:00:00+00:00"'


class Kind(StrEnum):
    """What sort of thing a factor is; two proofs of one kind are not two factors."""

    KNOWLEDGE = "knowledge"
    POSSESSION = "possession"
    UPSTREAM = "upstream"


KINDS = {kind.value: kind for kind in Kind}


class Proof(NamedTuple):
    """One thing that was shown. `alone` and `beside` say what it is worth as the only proof and as a second."""

    factor: str
    amr: tuple[str, ...]
    kind: Kind
    at: datetime
    alone: Level = Level.PWD
    beside: Level = Level.PWD


class _Record(NamedTuple):
    user: UserId
    session: SessionId
    at: datetime
    level: Level
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    text: str  # as which it is kept with a session and each grant of it


class Authentication(_Record):
    """Born when a session opens; copied into each grant; never computed again.

    All of it follows from its text. A refresh reads one for each family that was not met of late, and asks what the
    proofs are worth; the proofs themselves are read for whoever asks for them.
    """

    __slots__ = ()

    def __new__(cls, *, user: UserId, session: SessionId, at: datetime, proofs: tuple[Proof, ...]) -> Self:
        written = {"user": user, "session": session, "at": at.isoformat(), "proofs": proofs_to_json(proofs)}
        return cls.of_text(dumps(written))

    @classmethod
    def of_text(cls, text: str) -> Self:
        # Neither ids nor times hold a quote.
        _, _, _, user, _, _, _, session, _, _, _, time, rest = text.split('"', 12)
        at = datetime.fromisoformat(time)
        return tuple.__new__(cls, (user, session, at, *_worth(AT.sub(ANY_TIME, rest)), seconds(at), text))

    @property
    def proofs(self) -> tuple[Proof, ...]:
        return proofs_from_json(loads(self.text)["proofs"])

    def _replace(self, **changed: Any) -> Self:
        """Another with these parts, which is worth what its own proofs are."""
        parts: dict[str, Any] = {
            "user": self.user,
            "session": self.session,
            "at": self.at,
            "proofs": self.proofs,
        }
        return type(self)(**parts | changed)

    __replace__ = _replace  # copy.replace(), from Python 3.13 on

    def reaches(self, level: Level) -> bool:
        return self.level >= level

    def since(self, level: Level) -> datetime:
        """When what brings this level was proved last: the sign-in as a whole, or a proof that was added to it."""
        bringing = (proof.at for proof in self.proofs if max(proof.alone, proof.beside) >= level)
        return self.at if level is Level.PWD else max(bringing, default=self.at)

    def stepped_up(self, proof: Proof) -> Self:
        """The same sign-in with one more proof: its time stays."""
        return self._replace(proofs=(*self.proofs, proof))


def level_of(proofs: Sequence[Proof]) -> Level:
    """What proofs are worth together: a second one counts only beside one of another kind."""
    if len(proofs) == 1:
        return proofs[0].alone
    reached = max((proof.alone for proof in proofs), default=Level.PWD)
    if len({proof.kind for proof in proofs}) > 1:
        reached = max(reached, *(proof.beside for proof in proofs))
    return reached


def amr_of(proofs: Sequence[Proof]) -> tuple[str, ...]:
    """The amr words of what was shown, in order; "mfa" is among them exactly when the level says so."""
    words = {word: None for proof in proofs for word in proof.amr if word != "mfa"}
    if level_of(proofs) >= Level.MFA_LOW:
        words["mfa"] = None
    return tuple(words)


@lru_cache(maxsize=1024)
def _worth(rest: str) -> tuple[Level, str, tuple[str, ...]]:
    """Level, acr and amr by what stands behind a record's time: but for the times of the proofs, alike for most."""
    proofs = proofs_from_json(loads("{" + rest[1:])["proofs"])
    level = level_of(proofs)
    return level, level.acr, amr_of(proofs)


def short(amr: tuple[str, ...]) -> tuple[str, ...]:
    """The list for apps that compare it whole: exactly pwd, or pwd and mfa; what began otherwise stays as it is."""
    return tuple(word for word in amr if word in SHORT) if amr[:1] == ("pwd",) else amr


def proved_by(factor: str) -> str:
    """What a stored authentication with a proof of this factor is LIKE."""
    return f'%"factor":"{factor}"%'


@lru_cache(maxsize=64)
def from_json(text: str) -> Authentication:
    """Read back; kept for whoever asks again within a request. Many that are kept cost the core's caches more."""
    return Authentication.of_text(text)


def proofs_to_json(proofs: tuple[Proof, ...]) -> list[dict[str, object]]:
    return [
        {
            "factor": proof.factor,
            "amr": list(proof.amr),
            "kind": proof.kind.value,
            "at": proof.at.isoformat(),
            "alone": int(proof.alone),
            "beside": int(proof.beside),
        }
        for proof in proofs
    ]


def proofs_from_json(values: list[dict[str, Any]]) -> tuple[Proof, ...]:
    read = datetime.fromisoformat
    return tuple(
        [
            Proof(
                value["factor"],
                tuple(value["amr"]),
                KINDS[value["kind"]],
                read(value["at"]),
                BY_NUMBER[value["alone"]],
                BY_NUMBER[value["beside"]],
            )
            for value in values
        ]
    )
