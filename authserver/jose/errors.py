"""What this package refuses with."""

from authserver.errors import Refusal

_SHOWN = 100


class BadToken(Refusal):
    """A JWT is refused: one public sentence whatever the cause, the cause in `detail` and `rule`."""

    status = 401

    def __init__(self, reason: str, *, rule: str, value: object = "", nearest: str = "") -> None:
        super().__init__(
            "The token is not valid.",
            code="invalid_token",
            detail=reason,
            rule=f"jwt.{rule}",
            value=_shown(value),
            nearest=nearest,
        )


class BadKey(Refusal):
    """A public key or key set that is offered to us cannot be taken; the words are for whoever offers it."""

    def __init__(self, public: str, *, rule: str, value: object = "") -> None:
        super().__init__(public, code="invalid_client_metadata", rule=f"jwks.{rule}", value=_shown(value))


def _shown(value: object) -> str:
    # A stranger's text goes to a log; only a little of it, and nothing that could move a terminal.
    return ascii(value)[:_SHOWN] if value != "" else ""
