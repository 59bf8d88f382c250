"""Which factors there are: built-ins and others come in through the same door."""

from authserver.authentication import UserId
from authserver.errors import Misconfigured
from authserver.factors.contract import Factor
from authserver.factors.email_code import EmailCode
from authserver.factors.passkey import PasskeyEnrolment, PasskeyFactor
from authserver.factors.password import Password
from authserver.factors.recovery_code import RecoveryCode
from authserver.factors.totp import Enrolment, Totp
from authserver.issuer import Issuer
from authserver.store import Session
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


def factors(issuer: Issuer) -> dict[str, Factor]:
    """By name, in the order in which they are offered."""
    return issuer.kept("factors", lambda: {factor.name: factor() for factor in BUILT_IN})


def ready(db: Session, issuer: Issuer, user: UserId) -> tuple[Factor, ...]:
    """The factors that somebody can be asked for as things are, in the order in which they are offered."""
    known = factors(issuer).values()
    held = finding(db, ((each.name, each.held) for each in known if each.held is not None), user)
    return tuple(
        each
        for each in known
        if (each.name in held if each.held is not None else each.ready(db, issuer, user))
    )


def register(issuer: Issuer, factor: Factor) -> None:
    known = factors(issuer)
    if factor.name in known:
        raise Misconfigured(f"Two factors are called {factor.name!r}.", "Rename or remove one of them.")
    known[factor.name] = factor
