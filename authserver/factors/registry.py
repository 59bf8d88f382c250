"""Which factors there are: built-ins and others come in through the same door."""

from typing import NamedTuple

from authserver.authentication import Level, UserId
from authserver.errors import Misconfigured
from authserver.factors.contract import Factor
from authserver.factors.email_code import EmailCode
from authserver.factors.passkey import PasskeyEnrolment, PasskeyFactor
from authserver.factors.password import Password
from authserver.factors.recovery_code import RecoveryCode
from authserver.factors.totp import Enrolment, Totp
from authserver.issuer import Issuer
from authserver.store import Hot, Session
from authserver.store.factors import finding

BUILT_IN: tuple[type[Factor], ...] = (
    Password,
    PasskeyFactor,
    Totp,
    EmailCode,
    RecoveryCode,
    Enrolment,
    PasskeyEnrolment,
)


class Some(NamedTuple):
    """Some of the factors; `held` finds who has them, where one statement does for all."""

    factors: tuple[Factor, ...]
    held: tuple[tuple[str, Hot], ...]

    @classmethod
    def of(cls, factors: tuple[Factor, ...]) -> "Some":
        return cls(factors, tuple((each.name, each.held) for each in factors if each.held is not None))


class Known:
    """The factors by name, in the order in which they are offered, and what follows from there being these."""

    __slots__ = ("by_name", "enrols", "every", "first", "second")

    def __init__(self) -> None:
        self.by_name: dict[str, Factor] = {}
        self.first: tuple[str, ...] = ()
        self.enrols: tuple[str, ...] = ()
        self.every = Some.of(())
        self.second = Some.of(())  # those that are worth more than a password

    @classmethod
    def built_in(cls) -> "Known":
        known = cls()
        for factor in BUILT_IN:
            known.add(factor())
        return known

    def add(self, factor: Factor) -> None:
        self.by_name[factor.name] = factor
        every = tuple(self.by_name.values())
        self.first = tuple(each.name for each in every if each.begins)
        self.enrols = tuple(each.name for each in every if each.enrols)
        self.every = Some.of(every)
        self.second = Some.of(tuple(each for each in every if max(each.alone, each.beside) > Level.PWD))


def known(issuer: Issuer) -> Known:
    return issuer.kept("factors", Known.built_in)


def factors(issuer: Issuer) -> dict[str, Factor]:
    """By name, in the order in which they are offered."""
    return known(issuer).by_name


def ready(db: Session, issuer: Issuer, user: UserId) -> list[Factor]:
    """The factors that somebody can be asked for as things are, in the order in which they are offered."""
    return _ready(db, issuer, user, known(issuer).every)


def ready_beside(db: Session, issuer: Issuer, user: UserId) -> list[Factor]:
    """Those of them that are worth more than a password."""
    return _ready(db, issuer, user, known(issuer).second)


def _ready(db: Session, issuer: Issuer, user: UserId, of: Some) -> list[Factor]:
    held = finding(db, of.held, user)
    return [
        each
        for each in of.factors
        if (each.name in held if each.held is not None else each.ready(db, issuer, user))
    ]


def register(issuer: Issuer, factor: Factor) -> None:
    here = known(issuer)
    if factor.name in here.by_name:
        raise Misconfigured(f"Two factors are called {factor.name!r}.", "Rename or remove one of them.")
    here.add(factor)
