"""An authenticator in software: makes passkeys and answers with them, as honestly or not as a test wants."""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from authserver.vault import b64, unb64
from tests.agent import Browser, Visit
from tests.flow.login import enter
from tests.flow.world import Resident, World

OPTIONS = re.compile(r'data-options="([^"]+)"')
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A passkey. `verifies`: it asks for a finger or a PIN. `count` is what it counts; 0 is none."""

    rp_id: str
    origin: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    verifies: bool = True
    synced: bool = False
    eligible: bool = False
    count: int = 0

    @classmethod
    def at(cls, world: World, **more: Any) -> "Key":
        return cls(
            rp_id="localhost" if "localhost" in world.url else world.url.split("//")[1],
            origin=world.url,
            **more,
        )

    def made(self, options: dict[str, Any], **client: Any) -> tuple["Key", str]:
        """Answer navigator.credentials.create()."""
        key = replace(self, handle=_octets(options["user"]["id"]))
        point = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(cose)
        data = self._data(AT) + attested
        told = {
            "clientDataJSON": b64(self._client("webauthn.create", options, client)),
            "attestationObject": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal"],
        }
        return key, self._credential(told)

    def shown(self, options: dict[str, Any], **client: Any) -> str:
        """Answer navigator.credentials.get()."""
        data, signed = self._data(0), self._client("webauthn.get", options, client)
        signature = self.private.sign(data + hashlib.sha256(signed).digest(), ec.ECDSA(hashes.SHA256()))
        told = {"clientDataJSON": b64(signed), "authenticatorData": b64(data), "signature": b64(signature)}
        return self._credential(told | ({"userHandle": b64(self.handle)} if self.handle else {}))

    def _data(self, flags: int) -> bytes:
        flags |= UP | (UV if self.verifies else 0) | (BE if self.eligible else 0) | (BS if self.synced else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], changed: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told | changed).encode()

    def _credential(self, response: dict[str, Any]) -> str:
        name = b64(self.credential)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )


def options_on(visit: Visit) -> dict[str, Any]:
    """What the page asks the browser for."""
    found: dict[str, Any] = json.loads(unescape(OPTIONS.search(visit.reply.text)[1]))  # type: ignore[index]
    return found


def answer(browser: Browser, assertion: str, **more: str) -> Visit:
    assert browser.at is not None
    form = next(form for form in browser.at.page.forms if any(i.name == "assertion" for i in form.inputs))
    return browser.submit(form, {"assertion": assertion} | more)


def add(browser: Browser, key: Key, label: str = "Phone") -> Key:
    """Add a passkey by the pages."""
    visit = browser.open("/account/factors/passkeys/new")
    made, told = key.made(options_on(visit))
    answer(browser, told, label=label)
    return made


def owned(world: World, person: Resident, **more: Any) -> Key:
    """Give somebody a passkey; the browser that added it is forgotten."""
    return add(enter(world, person), Key.at(world, **more))


def _octets(text: str) -> bytes:
    found = unb64(text)
    assert found is not None
    return found
