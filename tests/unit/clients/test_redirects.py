"""Redirect URIs: what may be registered, what matches, and what a near miss is told."""

import string
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.clients.client import Client
from authserver.clients.redirects import (
    allowed,
    check_origin,
    check_registration,
    is_native,
    nearest,
    origins_of,
)

Kind = Literal["public", "confidential"]


def client(*uris: str) -> Client:
    return Client(id="1", client_id="app", name="App", kind="public", auth_method="none", redirect_uris=uris)


REGISTRABLE: list[tuple[str, Kind]] = [
    ("https://app.example/cb", "confidential"),
    ("https://app.example", "confidential"),
    ("https://app.example:8443/cb?tenant=7&x=%2F", "confidential"),
    ("https://xn--mnchen-3ya.example/cb", "public"),
    ("https://192.0.2.7/cb", "confidential"),
    ("https://[2001:db8::7]/cb", "confidential"),
    ("https://app.example/path;matrix=1/cb", "confidential"),
    ("https://app.example/@me/cb", "confidential"),
    ("http://127.0.0.1/cb", "public"),
    ("http://127.0.0.1:49152/cb", "public"),
    ("http://[::1]:7/cb", "public"),
    ("http://localhost:3000/cb", "confidential"),
    ("com.example.app:/cb", "public"),
    ("com.example.app://auth/cb", "public"),
]
# rule, URI: CL-11 and the regressions of CVE-8 and CVE-9
REFUSED: list[tuple[str, str]] = [
    ("scheme", "http://app.example/cb"),
    ("scheme", "http://localhost.evil.example/cb"),
    ("scheme", "http://127.0.0.1.evil.example/cb"),
    ("scheme", "http://127.1/cb"),
    ("scheme", "http://0177.0.0.1/cb"),
    ("scheme", "http://2130706433/cb"),
    ("scheme", "http://0/cb"),
    ("scheme", "http://[::ffff:127.0.0.1]/cb"),
    ("scheme", "ftp://app.example/cb"),
    ("scheme", "javascript:alert(1)"),
    ("percent", "javascript://a/%0aalert(1)"),
    ("scheme", "javascript://a/alert(1)"),
    ("scheme", "data:text/html,x"),
    ("scheme", "vbscript:x"),
    ("scheme", "file:///etc/passwd"),
    ("scheme", "blob:https://app.example/x"),
    ("scheme", "about:blank"),
    ("scheme", "app:/cb"),
    ("scheme", "app://cb"),
    ("scheme", "com.example.app:cb"),
    ("scheme", "com.example.app:"),
    ("scheme", "Com.Example.App:/cb"),
    ("scheme", "HTTPS://app.example/cb"),
    ("scheme", "//app.example/cb"),
    ("scheme", "/cb"),
    ("scheme", "cb"),
    ("scheme", "https:/app.example/cb"),
    ("scheme", "https:app.example/cb"),
    ("scheme", "https:///cb"),
    ("scheme", "https://:443/cb"),
    ("scheme", "https://app.example:/cb"),
    ("scheme", "https://app.example:443x/cb"),
    ("length", ""),
    ("length", "https://app.example/" + "a" * 2048),
    ("fragment", "https://app.example/cb#x"),
    ("fragment", "https://app.example/cb#"),
    ("wildcard", "https://*.app.example/cb"),
    ("wildcard", "https://app.example/*"),
    ("backslash", "https://app.example\\@evil.example/cb"),
    ("backslash", "https:\\\\app.example/cb"),
    ("characters", " https://app.example/cb"),
    ("characters", "https://app.example/cb "),
    ("characters", "https://app.example/cb\n"),
    ("characters", "https://app.example/\tcb"),
    ("characters", "https://app.example/\x00"),
    ("characters", "https://app.example/<script>"),
    ("characters", "https://app.example/é"),
    ("characters", "https://\uff41pp.example/cb"),
    ("characters", "https://app。example/cb"),
    ("characters", 'https://app.example/"cb'),
    ("percent", "https://app.example/%"),
    ("percent", "https://app.example/%zz"),
    ("percent", "https://app.example/%0d%0aSet-Cookie:x"),
    ("percent", "https://app.example/%00"),
    ("percent", "https://app.example/%5c..%5c"),
    ("userinfo", "https://app.example@evil.example/cb"),
    ("userinfo", "https://a@b@evil.example/cb"),
    ("userinfo", "https://app.example:443@evil.example/cb"),
    ("userinfo", "com.example.app://a@b/cb"),
    ("host", "https://app..example/cb"),
    ("host", "https://.example/cb"),
    ("host", "https://app.example./cb"),
    ("host", "https://App.example/cb"),
    ("host", "https://-app.example/cb"),
    ("host", "https://app.%65xample/cb"),
    ("host", "https://app.example;x/cb"),
    ("host", "https://[2001:db8:0::7]/cb"),
    ("host", "https://1.2.3/cb"),
    ("host", "https://0x7f.0.0.0x1/cb"),
    ("port", "https://app.example:0/cb"),
    ("port", "https://app.example:65536/cb"),
    ("parent", "https://app.example/../cb"),
    ("parent", "https://app.example/a/..;/b"),
    ("parent", "https://app.example/a/%2e%2e/b"),
    ("parent", "https://app.example/a/%252e%252e/b"),
    ("parent", "https://app.example/a/.%2e;x/b"),
    ("parent", "https://app.example/a%2f..%2fb"),
    ("parent", "com.example.app:/../cb"),
    *(
        ("parameter", f"https://app.example/cb?{name}=x")
        for name in (
            "code",
            "state",
            "iss",
            "error",
            "error_description",
            "access_token",
            "id_token",
            "response",
        )
    ),
    ("parameter", "https://app.example/cb?code"),
    ("parameter", "https://app.example/cb?a=1&code="),
    ("parameter", "https://app.example/cb?a=1;state=x"),
    ("parameter", "https://app.example/cb?%63ode=x"),
    ("parameter", "https://app.example/cb?Code=x"),
    ("parameter", "https://app.example/cb?code[]=x"),
    ("parameter", "https://app.example/cb?code.x=1"),
    ("parameter", "https://app.example/cb?+code=1"),
    ("parameter", "com.example.app:/cb?state=x"),
]


@pytest.mark.parametrize(("uri", "kind"), REGISTRABLE)
def test_a_plain_address_may_be_registered_and_is_then_allowed(uri: str, kind: Kind) -> None:
    """CL-11, AZ-1."""
    assert check_registration(uri, kind) is None
    assert allowed(client(uri), uri)


@pytest.mark.parametrize(("rule", "uri"), REFUSED)
def test_what_two_parsers_could_read_differently_is_never_registered(rule: str, uri: str) -> None:
    """CL-11, CVE-8, CVE-9."""
    refusal = check_registration(uri, "public")
    assert refusal is not None
    assert refusal.code == "invalid_redirect_uri"
    assert (refusal.rule, uri) == (f"redirect_uri.{rule}", uri)


def test_a_private_scheme_is_for_native_apps_alone() -> None:
    """CL-11."""
    refusal = check_registration("com.example.app:/cb", "confidential")
    assert refusal is not None
    assert refusal.rule == "redirect_uri.scheme"


# registered, asked, whether they match: AZ-1
MATCHES = [
    ("https://app.example/cb", "https://app.example/cb", True),
    ("https://app.example/cb", "https://app.example/cb/", False),
    ("https://app.example/cb", "https://app.example/cb?x=1", False),
    ("https://app.example/cb", "https://app.example/CB", False),
    ("https://app.example/cb", "https://APP.example/cb", False),
    ("https://app.example/cb", "https://app.example:443/cb", False),
    ("https://app.example/cb", "https://app.example/cb#", False),
    ("https://app.example/cb", "https://app.example/cb\n", False),
    ("https://app.example/cb", "https://app.example/%63b", False),
    ("https://app.example/cb", "https://app.example/x/../cb", False),
    ("https://app.example/cb", "https://app.example/cb..;/x", False),
    ("https://app.example/cb", "https://appxexample/cb", False),
    ("https://app.example/cb", "http://app.example/cb", False),
    ("https://app.example/cb", "https://app.example.evil.example/cb", False),
    ("https://app.example/cb", "https://evil.example/https://app.example/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", True),
    ("http://127.0.0.1:8000/cb", "http://127.0.0.1:51004/cb", True),
    ("http://127.0.0.1:8000/cb", "http://127.0.0.1/cb", True),
    ("http://[::1]/cb", "http://[::1]:51004/cb", True),
    ("http://127.0.0.1", "http://127.0.0.1:51004", True),
    ("http://127.0.0.1?a=1", "http://127.0.0.1:51004?a=1", True),
    ("http://127.0.0.1/cb", "http://[::1]:51004/cb", False),
    ("http://127.0.0.1/cb", "http://localhost:51004/cb", False),
    ("http://localhost/cb", "http://localhost:51004/cb", False),
    ("http://localhost:3000/cb", "http://127.0.0.1:3000/cb", False),
    ("http://127.0.0.1/cb", "https://127.0.0.1:51004/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb/", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:065/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:80:80/cb", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb\n", False),
    ("http://127.0.0.1/cb", "http://127.0.0.1:٣/cb", False),
    ("com.example.app:/cb", "com.example.app:/cb", True),
    ("com.example.app:/cb", "com.example.app://cb", False),
]


@pytest.mark.parametrize(("registered", "asked", "matches"), MATCHES)
def test_a_request_matches_exactly_but_for_the_port_of_a_loopback_address(
    registered: str, asked: str, matches: bool
) -> None:
    """AZ-1, CVE-8."""
    assert allowed(client(registered), asked) is matches


def test_a_client_without_redirect_uris_allows_none() -> None:
    """AZ-1."""
    assert not allowed(client(), "https://app.example/cb")
    assert not allowed(client(), "")


uris = st.one_of(
    st.sampled_from([uri for uri, _ in REGISTRABLE]),
    st.sampled_from([uri for _, uri in REFUSED]),
    st.text(max_size=60),
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["https://", "http://", "com.example.app:/", "https:/", "javascript:"]),
            st.text(string.ascii_lowercase + string.digits + ".-:@[]%\\/?#;&=*é \n", max_size=40),
        ),
    ),
)


@given(uris)
def test_whatever_may_be_registered_leads_where_every_parser_says(uri: str) -> None:
    """CL-11: no browser quirk is left in what passes."""
    if check_registration(uri, "public") is not None:
        return
    parts = urlsplit(uri)
    assert uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set("\\#* <>\"'`{}|^") - {"'"}
    assert parts.username is None
    assert parts.password is None
    assert parts.fragment == ""
    assert parts.scheme in {"http", "https"} or "." in parts.scheme
    if parts.scheme == "http":
        assert parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme in {"http", "https"}:
        assert parts.hostname
        assert parts.port != 0
    assert not any(segment.startswith("..") for segment in parts.path.split("/"))
    assert allowed(client(uri), uri)


@given(st.lists(uris, max_size=4), uris)
def test_only_what_was_registered_matches(registered: list[str], asked: str) -> None:
    """AZ-1: beside the same string there is the loopback port, and nothing else."""
    if not allowed(client(*registered), asked) or asked in registered:
        return
    parts = urlsplit(asked)
    assert parts.scheme == "http"
    assert parts.hostname in {"127.0.0.1", "::1"}
    bare = asked.replace(f":{parts.port}", "", 1) if parts.port else asked
    assert any(bare == each.replace(f":{urlsplit(each).port}", "", 1) or bare == each for each in registered)


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.sampled_from(["127.0.0.1", "[::1]"]))
def test_a_native_app_may_listen_on_any_port(one: int, other: int, host: str) -> None:
    """AZ-1, RFC 8252 §7.3."""
    assert allowed(client(f"http://{host}:{one}/cb"), f"http://{host}:{other}/cb")


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_near_miss_is_explained_whatever_it_is(registered: str, asked: str) -> None:
    assert nearest(client(registered), asked)


NEAR = [
    ("https://app.example/cb/", "differs in the trailing slash from https://app.example/cb"),
    ("https://app.example/CB", "differs in upper and lower case from https://app.example/cb"),
    ("https://app.example:8443/cb", "differs in the port from https://app.example/cb"),
    ("https://app.example/cb?x=1", "differs in the query from https://app.example/cb"),
    ("http://app.example/cb", "differs in the scheme from https://app.example/cb"),
    ("https://app.example/callback", "differs in the path from https://app.example/cb"),
    ("https://www.app.example/cb", "differs in the host from https://app.example/cb"),
    (" https://app.example/cb", "differs in the space around it from https://app.example/cb"),
    ("https://app.example:nan/cb", "differs in its form from https://app.example/cb"),
]


@pytest.mark.parametrize(("asked", "sentence"), NEAR)
def test_explain_names_what_differs(asked: str, sentence: str) -> None:
    assert nearest(client("https://other.example/far", "https://app.example/cb"), asked) == sentence


def test_only_https_is_not_native() -> None:
    """AZ-16."""
    assert not is_native("https://app.example/cb")
    assert is_native("http://127.0.0.1:4/cb")
    assert is_native("com.example.app:/cb")


def test_origins_come_from_redirect_uris_and_from_what_was_added() -> None:
    """WEB-7."""
    app = client("https://app.example:443/cb", "http://localhost:3000/cb", "com.example.app:/cb")
    app = replace(app, origins=("https://spa.example",))
    assert origins_of(app) == {"https://app.example", "http://localhost:3000", "https://spa.example"}


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "*",
        "https://app.example/",
        "https://app.example:443",
        "https://App.example",
        "http://app.example",
    ],
)
def test_an_origin_is_written_as_browsers_send_it(origin: str) -> None:
    """WEB-7."""
    assert check_origin(origin) is not None


def test_an_origin_is_a_scheme_a_host_and_a_port() -> None:
    assert check_origin("https://app.example") is None
    assert check_origin("http://localhost:3000") is None
