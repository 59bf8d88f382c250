"""Changes that an admin makes, and how soon every worker of every node follows them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from authserver.audit import SYSTEM
from authserver.settings import change
from tests.oidc import RelyingParty
from tests.serve import Deployment
from tests.wire import Reply, send

# Asked one after the other, one worker of a port may take them all.
CONNECTIONS = 16
WITHIN = 1.0


def soon_everywhere(
    deployment: Deployment, ask: Callable[[str], Reply], told: Callable[[Reply], bool], *, since: float
) -> None:
    """AD-5: no worker of any node answers otherwise to a question that is asked a second after the change."""
    addresses = [f"http://127.0.0.1:{port}" for port in deployment.ports]
    in_a_row = 0
    # A worker that was not met has followed by then as well: what comes next may rely on that.
    while in_a_row < 2 * CONNECTIONS * len(addresses) or time.monotonic() - since < WITHIN:
        asked = time.monotonic()
        if told(reply := ask(addresses[in_a_row % len(addresses)])):
            in_a_row += 1
        else:
            assert asked - since < WITHIN, f"after {asked - since:.1f} s: {reply.status} {reply.text[:200]}"
            in_a_row = 0


def token_for(robot: RelyingParty) -> Callable[[str], Reply]:
    """How a client of its own asks a node for a token."""
    form, headers = robot.credentials()
    body = "&".join(["grant_type=client_credentials", *(f"{name}={value}" for name, value in form)]).encode()

    def ask(address: str) -> Reply:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return send("POST", f"{address}/oauth/token", {**kind, **headers}, body)

    return ask


@contextmanager
def settings(deployment: Deployment, robot: RelyingParty, **values: Any) -> Iterator[None]:
    """These settings hold on every worker while this lasts."""
    before = settle(deployment, robot, **values)
    try:
        yield
    finally:
        settle(deployment, robot, **before)


def settle(deployment: Deployment, robot: RelyingParty, **values: Any) -> dict[str, Any]:
    """From now on these settings hold on every worker; what they were before."""
    before = _set(deployment, values)
    _wait(deployment, robot)
    return before


def _set(deployment: Deployment, values: dict[str, Any]) -> dict[str, Any]:
    with deployment.opened() as issuer, issuer.database.writing() as db:
        before = {name: change.load(db, issuer, name).value for name in values}
        for name, value in values.items():
            change.set_(db, issuer, name, value, by=SYSTEM)
    return before


def _wait(deployment: Deployment, robot: RelyingParty) -> None:
    """Until all workers have read the settings again: a lifetime that nothing else uses tells."""
    with deployment.opened() as issuer, issuer.database.writing() as db:
        mark = change.load(db, issuer, "access_token_lifetime").value % 1000 + 301
        change.set_(db, issuer, "access_token_lifetime", mark, by=SYSTEM)
    since = time.monotonic()
    soon_everywhere(
        deployment, token_for(robot), lambda reply: reply.json().get("expires_in") == mark, since=since
    )
