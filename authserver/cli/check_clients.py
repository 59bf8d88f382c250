"""What `authserver doctor` finds out about clients: those that people's passwords are given to."""

from collections.abc import Iterator

from authserver.cli.checks import Finding
from authserver.clients import find
from authserver.issuer import Issuer


def client_findings(issuer: Issuer) -> Iterator[Finding]:
    """Look at every client of the JSON sign-in that proves nothing of itself."""
    with issuer.database.reading() as db:
        clients = find.every(db)
    for client in clients:
        if client.active and client.json_login and client.is_public:
            yield Finding(
                about=f"client {client.client_id}",
                level="warning",
                what="It is public and signs people in by JSON: outside of a browser any program can pass for it.",
                remedy="Let its server ask with a secret (--confidential), or let it send people to our pages.",
            )
