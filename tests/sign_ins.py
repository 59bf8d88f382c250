"""The table at the head of the requirements: every way to sign in, as proofs, with the amr and acr it gives."""

from dataclasses import dataclass
from datetime import UTC, datetime

from authserver.authentication import Kind, Level, Proof

AT = datetime(2027, 1, 15, 12, tzinfo=UTC)
PWD = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=AT)
TOTP = Proof(factor="totp", amr=("otp",), kind=Kind.POSSESSION, at=AT, beside=Level.MFA)
TOUCH = Proof(factor="passkey", amr=("hwk",), kind=Kind.POSSESSION, at=AT, beside=Level.MFA)
SYNCED = TOUCH._replace(amr=("swk",))
VERIFIED = TOUCH._replace(amr=("hwk", "user"), alone=Level.PHR, beside=Level.PHR)
MAILED = Proof(factor="email", amr=("email",), kind=Kind.POSSESSION, at=AT, beside=Level.MFA_LOW)
RECOVERY = Proof(factor="recovery", amr=("recovery",), kind=Kind.POSSESSION, at=AT, beside=Level.MFA_LOW)
UPSTREAM = Proof(factor="upstream", amr=("upstream",), kind=Kind.UPSTREAM, at=AT)
TRUSTED = UPSTREAM._replace(amr=("upstream", "otp"), alone=Level.MFA)


@dataclass(frozen=True, slots=True)
class SignIn:
    """`short` is the amr of a client that compares whole lists; `at` the proof that auth_time is of."""

    proofs: tuple[Proof, ...]
    amr: str
    acr: str
    short: str = ""
    at: int = -1

    @property
    def words(self) -> list[str]:
        return self.amr.split()

    @property
    def short_words(self) -> list[str]:
        return (self.short or self.amr).split()


TABLE = {
    "password-or-ldap": SignIn((PWD,), "pwd", "pwd"),
    "password-totp": SignIn((PWD, TOTP), "pwd otp mfa", "mfa", "pwd mfa"),
    "password-passkey-present": SignIn((PWD, TOUCH), "pwd hwk mfa", "mfa", "pwd mfa"),
    "password-synced-passkey-present": SignIn((PWD, SYNCED), "pwd swk mfa", "mfa", "pwd mfa"),
    "password-passkey-verified": SignIn((PWD, VERIFIED), "pwd hwk user mfa", "phr", "pwd mfa"),
    "passkey-alone": SignIn((VERIFIED,), "hwk user mfa", "phr"),
    "passkey-alone-that-verified-nobody": SignIn((TOUCH,), "hwk", "pwd"),
    "password-email": SignIn((PWD, MAILED), "pwd email mfa", "mfa-low", "pwd mfa"),
    "password-recovery": SignIn((PWD, RECOVERY), "pwd recovery mfa", "mfa-low", "pwd mfa"),
    "password-trusted-device": SignIn((PWD,), "pwd", "pwd"),
    "upstream": SignIn((UPSTREAM,), "upstream", "pwd"),
    "upstream-totp": SignIn((UPSTREAM, TOTP), "upstream otp mfa", "mfa", at=0),
    "upstream-email": SignIn((UPSTREAM, MAILED), "upstream email mfa", "mfa-low", at=0),
    "upstream-recovery": SignIn((UPSTREAM, RECOVERY), "upstream recovery mfa", "mfa-low", at=0),
    "upstream-passkey-present": SignIn((UPSTREAM, TOUCH), "upstream hwk mfa", "mfa", at=0),
    "upstream-passkey-verified": SignIn((UPSTREAM, VERIFIED), "upstream hwk user mfa", "phr"),
    "upstream-trusted-for-mfa": SignIn((TRUSTED,), "upstream otp mfa", "mfa"),
    "upstream-and-password-are-one-factor": SignIn((UPSTREAM, PWD), "upstream pwd", "pwd"),
    "two-of-one-kind-alone": SignIn((TOTP, MAILED), "otp email", "pwd"),
    "stepped-up-from-email-to-totp": SignIn((PWD, MAILED, TOTP), "pwd email otp mfa", "mfa", "pwd mfa"),
    "one-word-said-twice": SignIn((PWD, TOTP, TOTP), "pwd otp mfa", "mfa", "pwd mfa"),
}
