"""The `prompt` parameter. OpenID Connect Core §3.1.2.1, and `create` of Initiating User Registration."""

from collections.abc import Collection
from enum import StrEnum

from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.login import signup


class Prompt(StrEnum):
    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"
    CREATE = "create"


ALWAYS = (Prompt.NONE, Prompt.LOGIN, Prompt.CONSENT, Prompt.SELECT_ACCOUNT)


def supported(issuer: Issuer) -> tuple[Prompt, ...]:
    """What may be asked; to make an account only while everybody may."""
    return (*ALWAYS, Prompt.CREATE) if signup.is_open(issuer) else ALWAYS


def prompts(value: str | None, allowed: Collection[Prompt] = ALWAYS) -> frozenset[Prompt]:
    """Read the list; one that is unknown, or `none` beside another, refuses."""
    words = [word for word in (value or "").split(" ") if word]
    if any(word not in allowed for word in words):
        raise Refusal(
            "prompt holds a value that is not known.",
            rule="prompt.unknown",
            value=value or "",
            nearest=", ".join(allowed),
        )
    asked = frozenset(map(Prompt, words))
    if Prompt.NONE in asked and len(asked) > 1:
        raise Refusal(
            "prompt=none cannot stand beside another value.",
            rule="prompt.none",
            value=value or "",
            nearest="none",
        )
    return asked
