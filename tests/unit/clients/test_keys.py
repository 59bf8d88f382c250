"""Keys of clients as they are kept: whose address is slow holds up nobody else."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from authserver.clients.client import Client
from authserver.clients.keys import ClientKeys, Fetched
from authserver.jose import PublicKeys, Signer, generate

KEYS = {"keys": [Signer.load(generate("ES256")).public_jwk()]}
REMOTE = Client(
    id="1",
    client_id="remote",
    name="Remote",
    kind="confidential",
    auth_method="private_key_jwt",
    jwks_uri="https://slow.example/jwks",
)
LOCAL = replace(REMOTE, id="2", client_id="local", jwks_uri=None, jwks=KEYS)


@dataclass
class Resolver:
    """Knows no name, and takes as long as it is let to."""

    asked: threading.Event = field(default_factory=threading.Event)
    answers: threading.Event = field(default_factory=threading.Event)

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.asked.set()
        self.answers.wait(30)
        raise socket.gaierror


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.answers.set()


def test_a_slow_address_holds_up_nobody_else(slow: Resolver) -> None:
    """CL-14, RL-3: anybody can have a client's keys fetched by naming a key that is not among them."""
    kept = ClientKeys()
    good = PublicKeys.of_client(KEYS)
    kept._held[REMOTE.id] = Fetched(float("-inf"), REMOTE.version, good)
    first = threading.Thread(target=lambda: kept.of(REMOTE, missing=True))
    first.start()
    assert slow.asked.wait(10)
    assert kept.of(LOCAL, missing=False).keys[0].thumbprint == good.keys[0].thumbprint
    assert kept.of(REMOTE, missing=True) is good
    assert first.is_alive()
    slow.answers.set()
    first.join(10)
    # What could not be had does not end what worked before.
    assert kept.of(REMOTE, missing=False).keys == good.keys
