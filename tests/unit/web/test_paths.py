"""Where a request may lead, and who is answered in JSON."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.web.paths import is_machine, safe_path

HOME = "https://id.example"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/account",
        "/account/apps?page=2",
        "/oauth/authorize/resume?tx=a.b-c_d",
        "/a/b%20c",
        "/x?next=//y",
    ],
)
def test_a_path_of_ours_is_followed(path: str) -> None:
    """WEB-3: same-origin paths are accepted as they are."""
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None, "", "account", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
        "https://evil.example/", "javascript:alert(1)", "/%2f/evil.example", "/%5cevil.example", "/%252f/evil.example",
        "/a\n", "/a\r\nSet-Cookie: x=y", "/a\tb", "/ö", "/%00", "/%0d%0a", "//user:pass@evil.example/",
        "/../account", "/a/%2e%2e/b", "/a?b#c", " /account", "/" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_not_followed(text: str | None) -> None:
    """WEB-3: `//`, backslashes, control characters, schemes, userinfo and double encoding are refused."""
    assert safe_path(text) is None


@given(st.text(st.sampled_from("/\\%25cCfF0aA.:@?#ex\t\r\n é;"), max_size=20))
def test_no_text_leads_to_another_host(text: str) -> None:
    """WEB-3, for any text."""
    path = safe_path(text)
    if path is not None:
        assert urlsplit(urljoin(HOME, path)).netloc == "id.example"


@pytest.mark.parametrize(
    ("path", "machine"),
    [
        ("/oauth/token", True), ("/oauth/nothing", True), ("/api", True), ("/api/admin/users", True),
        ("/.well-known/nothing", True), ("/readyz", True),
        ("/oauth/authorize", False), ("/oauth/authorize/resume", False), ("/oauth/consent", False),
        ("/oauth/logout", False), ("/apical", False), ("/", False), ("/account", False),
    ],
)  # fmt: skip
def test_programs_are_answered_in_json(path: str, *, machine: bool) -> None:
    assert is_machine(path) is machine
