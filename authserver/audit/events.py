"""The catalogue of audit events: one frozen class each; fields beyond the common ones become `data`.

Never a password, code, token, secret, assertion or cookie.
"""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar

COMMON = frozenset({"subject", "client", "session"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`subject` is the user id that the event is about."""

    name: ClassVar[str]
    subject: str | None = None
    client: str | None = None
    session: str | None = None

    def data(self) -> dict[str, Any]:
        return {name: value for name in self._own() if (value := getattr(self, name)) is not None}

    @classmethod
    @cache
    def _own(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls) if field.name not in COMMON)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Event):
    name = "sign_in"
    amr: tuple[str, ...] = ()
    acr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailed(Event):
    """`identifier` is a keyed hash of what was typed, never the text."""

    name = "sign_in_failed"
    reason: str
    identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordClosed(Event):
    name = "password_closed"
    seconds: int
    identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(Event):
    name = "password_changed"
    by_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStepClosed(Event):
    """Wrong codes closed the second step: for some seconds, or, `locked`, until it is opened."""

    name = "second_step_closed"
    seconds: int
    locked: bool
    identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent(Event):
    name = "code_sent"
    factor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorAdded(Event):
    name = "factor_added"
    factor: str
    replaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRemoved(Event):
    name = "factor_removed"
    factor: str
    by_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyNamed(Event):
    name = "passkey_named"
    passkey: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyCopied(Event):
    """A passkey's count went back, as that of a copy does; it was not taken."""

    name = "passkey_copied"
    passkey: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetAsked(Event):
    """A link for a new password was asked for; without a subject the address was nobody's."""

    name = "password_reset_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Event):
    name = "registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAccepted(Event):
    name = "terms_accepted"
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataExported(Event):
    """Somebody took a copy of what is known of them."""

    name = "data_exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesMade(Event):
    name = "recovery_codes_made"
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodeUsed(Event):
    name = "recovery_code_used"
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice(Event):
    name = "new_device"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualPlace(Event):
    """A sign-in from a country, or where that is not known a network, that this person never signed in from."""

    name = "unusual_place"
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanged(Event):
    name = "email_changed"
    by_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(Event):
    """An account was linked to an identity at a provider, of which `identity` is what people see."""

    name = "provider_linked"
    provider: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked(Event):
    name = "provider_unlinked"
    provider: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsJoined(Event):
    """An admin made two accounts one. The subject stays with its `sub`; `gone` and `sub_gone` are the other's.

    `clients` knew the person by the sub that is gone.
    """

    name = "accounts_joined"
    gone: str
    sub: str
    sub_gone: str
    links: list[str]
    clients: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefused(Event):
    """Somebody came back from a provider, and was not let in. `reason` is the rule."""

    name = "provider_refused"
    provider: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDown(Event):
    name = "provider_down"
    provider: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTested(Event):
    name = "provider_tested"
    provider: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTrusted(Event):
    """For so many seconds no second step is asked of the person in this browser."""

    name = "device_trusted"
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEnded(Event):
    name = "device_trust_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    name = "session_ended"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutNotTold(Event):
    """An app that wants to be told of the end of a session was not: it refused the token, or was away."""

    name = "logout_not_told"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consented(Event):
    name = "consent_given"
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    name = "consent_withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantMade(Event):
    name = "grant_made"
    grant: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRevoked(Event):
    name = "grant_revoked"
    grant: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReused(Event):
    name = "refresh_reused"
    grant: str
    presented: int
    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRetried(Event):
    name = "refresh_retried"
    grant: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreBehind(Event):
    name = "store_behind"
    grant: str
    presented: int
    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReplayed(Event):
    name = "code_replayed"
    grant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    name = "token_revoked"
    jti: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyAudience(Event):
    name = "assertion_legacy_audience"
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Event):
    """A record that admins keep (user, invitation, group, client, API, setting, …) was made, changed or removed."""

    name = "changed"
    kind: str
    id: str
    act: str
    fields: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStateChanged(Event):
    name = "key_state_changed"
    kid: str
    alg: str
    state: str
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsChanged(Event):
    name = "secrets_changed"
    act: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFailed(Event):
    """A mail to somebody was given up: refused for good, or nothing took it while it was of use."""

    name = "mail_failed"
    template: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTested(Event):
    name = "mail_tested"
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerMade(Event):
    name = "owner_made"
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Event):
    name = "restored_from_backup"
    epoch: int
