"""Which mails there are: the values that the text of each may use, and for how long it is of use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

COMMON = frozenset({"site_name", "issuer", "support_contact", "link"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`values` are what its text may use beside COMMON; later than `lives` after it was written it is not sent."""

    values: frozenset[str] = frozenset()
    lives: timedelta = timedelta(days=3)

    @property
    def known(self) -> frozenset[str]:
        return self.values | COMMON


def letter(*values: str, lives: timedelta = timedelta(days=3)) -> Letter:
    return Letter(values=frozenset(values), lives=lives)


FOOTER = "footer"
LETTERS: Mapping[str, Letter] = {
    "account_deleted": letter("at", "device", "place"),
    "account_known": letter(),
    "confirm_address": letter("code", lives=timedelta(minutes=30)),
    "invitation": letter("app", "until"),
    "new_device": letter("at", "device", "place"),
    "unusual_place": letter("at", "device", "place"),
    "factor_added": letter("at", "device", "place", "app", "passkey", "provider", "other"),
    "factor_removed": letter("at", "device", "place", "app", "passkey", "provider", "other", "by_admin"),
    "recovery_codes_made": letter("at", "device", "place"),
    "recovery_code_used": letter("at", "device", "place", "left"),
    "second_step_locked": letter("at", "device", "place"),
    "passkey_copied": letter("at", "device", "place", "label"),
    "password_changed": letter("at", "device", "place", "by_admin"),
    "email_changed": letter("at", "device", "place", "old", "new", "by_admin"),
    "login_code": letter("code", "minutes", "at", "device", "place", lives=timedelta(minutes=10)),
    "no_account": letter("at", "device", "place", lives=timedelta(minutes=30)),
    "password_reset": letter("at", "device", "place", lives=timedelta(minutes=30)),
    "test": letter("at", lives=timedelta(hours=1)),
}
# What has a text: every mail, and the lines that stand below each.
TEXTS: Mapping[str, Letter] = {**LETTERS, FOOTER: Letter()}
