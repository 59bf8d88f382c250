"""Who and what is there in every deployment: people, clients, an API, and settings that keep tests quick."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from tests.agent import Browser, CookieJar
from tests.oidc import Person, RelyingParty
from tests.peers.postgresql import PostgreSQL
from tests.serve import Deployment, Seed, Store, commands

ADA = Person(email="ada@example.org", password="Analytical engines weave", name="Ada Lovelace")
BOB = Person(email="bob@example.org", password="Bletchley bombes rattle", name="Bob Turing")
CALLBACK = "https://app.example/callback"
LOOPBACK = "http://127.0.0.1/callback"
AFTERWARDS = "https://app.example/goodbye"
API = "https://api.example"
PERSONAL = ("--grant", "authorization_code", "--grant", "refresh_token")
SCOPES = "openid profile email groups offline_access"

WEB = ("--confidential", "--redirect-uri", CALLBACK, *PERSONAL, "--post-logout-redirect-uri", AFTERWARDS)
OURS = (*WEB, "--scope", SCOPES, "--first-party")

CLIENTS: Mapping[str, tuple[str, ...]] = {
    # People are asked before "web" and "spa" get anything; the others are the house's own.
    "web": (*WEB, "--scope", f"{SCOPES} notes:read"),
    "portal": OURS,
    "posting": (*OURS, "--auth-method", "client_secret_post"),
    "rsa": (*OURS, "--id-token-alg", "RS256"),
    "signed": (*OURS, "--auth-method", "private_key_jwt"),
    "spa": ("--public", "--redirect-uri", CALLBACK, "--redirect-uri", LOOPBACK, *PERSONAL, "--scope", SCOPES),
    "robot": ("--confidential", "--grant", "client_credentials", "--scope", "notes:read notes:write"),
}
METHODS = {"posting": "client_secret_post", "signed": "private_key_jwt", "spa": "none"}
# One cheap hash, so that a run does not spend its time in argon2; and one address signs in all day.
SETTINGS = {
    "argon2_memory": 8,
    "argon2_time": 1,
    "named_network_failures": 100_000,
    "address_failures": 100_000,
    "client_requests": 100_000,
    "confirmed_address": "off",
}


def build(store: Store, folder: Path, server: PostgreSQL | None = None) -> Seed:
    """Make the data folder and the database once, by the commands that an operator has."""
    template = server.create() if server else ""
    leading = {"AUTHSERVER_DATABASE_URL": server.url(template)} if server else {}
    folder.mkdir(parents=True, exist_ok=True)
    key_set = signing_key(folder)
    people = [
        (("users", "add", person.email, "--name", person.name, *role, "--password-stdin"), person.password)
        for person, role in ((ADA, ("--owner",)), (BOB, ()))
    ]
    first = [("init",), *(("settings", "set", name, str(value)) for name, value in SETTINGS.items())]
    first.append(
        ("apis", "add", "Notes", "--identifier", API, "--scope", "notes:read", "--scope", "notes:write")
    )
    clients = [
        ("clients", "add", name.title(), "--id", name, *options, *key_set.get(name, ()), "--json")
        for name, options in CLIENTS.items()
    ]
    nothing: list[tuple[tuple[str, ...], str | None]] = [(command, None) for command in first]
    said = commands(folder, [*nothing, *people, *((command, None) for command in clients)], leading)
    secrets = {
        name: made.get("secret") or "" for name, made in zip(CLIENTS, said[-len(CLIENTS) :], strict=True)
    }
    (folder / "secrets.json").write_text(json.dumps(secrets))
    if server:
        server.freeze(template)
    return Seed(store=store, folder=folder, server=server, template=template)


def signing_key(folder: Path) -> dict[str, tuple[str, str]]:
    """Make the key of the client "signed"; the options that register its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public |= {"kid": "signed-1", "use": "sig", "alg": "ES256"}
    path = folder / "signed.jwks.json"
    path.write_text(json.dumps({"keys": [public]}))
    (folder / "signed.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"signed": ("--jwks", str(path))}


def party(deployment: Deployment, name: str = "web", **changed: Any) -> RelyingParty:
    """One of the clients above, as an app would hold it."""
    known: dict[str, Any] = {
        "issuer": deployment.issuer,
        "client_id": name,
        "secret": json.loads((deployment.data / "secrets.json").read_text())[name],
        "auth": METHODS.get(name, "client_secret_basic"),
        "now": deployment.clock.now,
    }
    if name == "signed":
        known["key"] = load_pem_private_key((deployment.data / "signed.pem").read_bytes(), None)
    return RelyingParty(**(known | changed))


def browser(deployment: Deployment, **changed: Any) -> Browser:
    """A new browser, whose cookies age by the deployment's clock."""
    return Browser(home=deployment.issuer, jar=CookieJar(now=deployment.clock.now), **changed)
