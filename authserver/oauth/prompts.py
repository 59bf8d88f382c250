"""The `prompt` parameter. OpenID Connect Core §3.1.2.1."""

from enum import StrEnum

from authserver.errors import Refusal


class Prompt(StrEnum):
    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


def prompts(value: str | None) -> frozenset[Prompt]:
    """Read the list; one that is unknown, or `none` beside another, refuses."""
    known = ", ".join(Prompt)
    try:
        asked = frozenset(Prompt(word) for word in (value or "").split(" ") if word)
    except ValueError as error:
        raise Refusal(
            "prompt holds a value that is not known.", rule="prompt.unknown", value=value or "", nearest=known
        ) from error
    if Prompt.NONE in asked and len(asked) > 1:
        raise Refusal(
            "prompt=none cannot stand beside another value.",
            rule="prompt.none",
            value=value or "",
            nearest="none",
        )
    return asked
