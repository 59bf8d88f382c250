"""The error codes of the RFCs, as refusals with public words and private detail."""

import re
from typing import Any

from authserver.errors import Refusal, TooMany
from authserver.oauth.request import Answer, Headers, json_answer

UNSAID = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")
CHALLENGE: Headers = (("WWW-Authenticate", 'Basic realm="authserver", charset="UTF-8"'),)


class OAuthRefusal(Refusal):
    """A refusal that an OAuth endpoint answers as JSON, or an authorization response carries."""

    def __init__(self, public: str, *, code: str, status: int = 400, **private: Any) -> None:
        self.members: dict[str, Any] = private.pop("members", {})
        self.headers: Headers = private.pop("headers", ())
        super().__init__(public, code=code, status=status, **private)


class Closed(TooMany):
    """The same, with what is still open."""

    def __init__(self, closed: TooMany, *, members: dict[str, Any]) -> None:
        super().__init__(
            closed.public, retry_after=closed.retry_after, detail=closed.detail, rule=closed.rule
        )
        self.members = members


def invalid_request(public: str, **private: Any) -> OAuthRefusal:
    return OAuthRefusal(public, code="invalid_request", **private)


def invalid_client(detail: str, **private: Any) -> OAuthRefusal:
    """One answer for every cause. CL-8."""
    words = "client authentication failed"
    return OAuthRefusal(words, code="invalid_client", status=401, detail=detail, headers=CHALLENGE, **private)


def invalid_grant(public: str, **private: Any) -> OAuthRefusal:
    return OAuthRefusal(public, code="invalid_grant", **private)


def invalid_scope(public: str, **private: Any) -> OAuthRefusal:
    return OAuthRefusal(public, code="invalid_scope", **private)


def invalid_target(public: str, **private: Any) -> OAuthRefusal:
    return OAuthRefusal(public, code="invalid_target", **private)


def unauthorized_client(public: str, **private: Any) -> OAuthRefusal:
    return OAuthRefusal(public, code="unauthorized_client", **private)


def unsupported_grant_type(public: str, **private: Any) -> OAuthRefusal:
    return OAuthRefusal(public, code="unsupported_grant_type", **private)


def said(text: str) -> str:
    """Only the characters that an error_description may have. RFC 6749 §5.2, TK-12."""
    return UNSAID.sub("?", text)


def refused(refusal: Refusal, reference: str) -> Answer:
    """The JSON error of RFC 6749 §5.2, with the reference that `explain` takes."""
    members: dict[str, Any] = getattr(refusal, "members", {})
    headers: Headers = getattr(refusal, "headers", ())
    if isinstance(refusal, TooMany):
        headers = (*headers, ("Retry-After", str(refusal.retry_after)))
    body = {"error": refusal.code, "error_description": said(refusal.public), **members}
    return json_answer(refusal.status, {**body, "reference": reference} if reference else body, headers)
