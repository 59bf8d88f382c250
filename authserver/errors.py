"""The one family of exceptions that the edge knows how to render (see web/refusals.py)."""

from collections.abc import Mapping


class AuthserverError(Exception):
    """Something the edge can explain."""


class Refusal(AuthserverError):
    """The caller is wrong: public words travel, the private detail is kept for `explain`.

    `code` is a stable machine word (an OAuth error code, a problem type, a page's name); `rule` names the
    check that refused, `value` what was given and `nearest` what would have been accepted. `fields` says, for
    what somebody filled in, what is the matter with each field.
    """

    status = 400

    def __init__(  # noqa: PLR0913
        self,
        public: str,
        *,
        code: str = "invalid_request",
        detail: str = "",
        rule: str = "",
        value: str = "",
        nearest: str = "",
        status: int | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(public)
        self.public = public
        self.code = code
        self.detail = detail or public
        self.rule = rule or code
        self.value = value
        self.nearest = nearest
        self.fields = dict(fields or {})
        if status is not None:
            self.status = status


class NotFound(Refusal):
    status = 404

    def __init__(self, public: str, *, detail: str = "") -> None:
        super().__init__(public, code="not_found", detail=detail)


class TooMany(Refusal):
    """A limit was reached; the caller may try again after `retry_after` seconds."""

    status = 429

    def __init__(self, public: str, *, retry_after: int, detail: str = "", rule: str = "rate_limit") -> None:
        super().__init__(public, code="too_many_attempts", detail=detail, rule=rule)
        self.retry_after = retry_after


class Unavailable(AuthserverError):
    """Something that we need is away for now; nothing was issued."""

    def __init__(self, what: str, *, retry_after: int = 2) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class Misconfigured(AuthserverError):
    """The operator is wrong: says what is the matter and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n  → {remedy}")
        self.what = what
        self.remedy = remedy


class Fault(Refusal):
    """We are wrong; what happened is in the log, under the reference."""

    status = 500

    def __init__(self, kind: str) -> None:
        super().__init__(
            "Something went wrong here, not with you. Your account is fine; try again in a moment.",
            code="server_error",
            rule="fault",
            detail=f"{kind}: the log has it under this reference",
        )
