"""Whose address counts."""

from typing import Any

import pytest

from authserver.web.proxy import believe
from tests.flow.conftest import MakeWorld

PEER = "10.0.0.1"


def believed(trusted: int, **headers: str) -> str:
    environ: dict[str, Any] = {"REMOTE_ADDR": PEER, **headers}
    believe(environ, trusted)
    assert not [name for name in environ if "FORWARD" in name or "REAL" in name]
    return str(environ["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("trusted", "chain", "expected"),
    [
        pytest.param(0, "203.0.113.9", PEER, id="nobody-is-trusted"),
        pytest.param(1, "", PEER, id="no-header"),
        pytest.param(1, "203.0.113.9", "203.0.113.9", id="one-proxy"),
        pytest.param(1, "6.6.6.6, 203.0.113.9", "203.0.113.9", id="a-stranger-wrote-the-first"),
        pytest.param(2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9", id="two-proxies"),
        pytest.param(2, "203.0.113.9", "203.0.113.9", id="past-the-outer-proxy"),
        pytest.param(1, "203.0.113.9:4711", "203.0.113.9", id="with-a-port"),
        pytest.param(1, "[2001:db8::1]:4711", "2001:db8::1", id="ipv6-with-a-port"),
        pytest.param(1, "::ffff:203.0.113.9", "203.0.113.9", id="ipv4-in-ipv6-clothes"),
        pytest.param(1, "not an address", PEER, id="no-address"),
        pytest.param(1, "203.0.113.9, <script>", PEER, id="junk-at-the-right"),
        pytest.param(1, "," * 5000, PEER, id="only-commas"),
    ],
)
def test_the_outermost_trusted_proxy_says_who_asks(trusted: int, chain: str, expected: str) -> None:
    """RL-2, CVE-11: the right-most untrusted hop counts, and nothing that a stranger wrote."""
    assert believed(trusted, HTTP_X_FORWARDED_FOR=chain) == expected


def test_no_other_header_is_believed() -> None:
    """RL-2: Forwarded, X-Real-IP and the like change nothing."""
    headers = {
        "HTTP_FORWARDED": "for=6.6.6.6",
        "HTTP_X_REAL_IP": "6.6.6.6",
        "HTTP_X_FORWARDED_HOST": "evil.example",
    }
    assert believed(1, **headers) == PEER


def test_a_forged_host_never_reaches_an_address_of_ours(make_world: MakeWorld) -> None:
    """CVE-11: neither Host nor X-Forwarded-Host is echoed anywhere."""
    world = make_world(trusted_proxies=1)
    reply = world.get("/login", {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp"})
    assert "evil.example" not in reply.text + str(reply.headers)
