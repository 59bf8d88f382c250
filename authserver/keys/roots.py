"""Purpose roots: random secrets in the database, sealed under the master key, one purpose each."""

from authserver.store import Session
from authserver.store.keys import HeldRoot, held_roots
from authserver.vault import Place, Root, Roots, Vault

PURPOSES = (
    "csrf", "transaction", "refresh", "ticket", "identifier", "audit", "reference", "recovery", "passkey",
)  # fmt: skip
TOPIC = "roots"


def load(db: Session, vault: Vault) -> Roots:
    """The roots in force: the current one of each purpose, and the retired ones that still verify."""
    return Roots(_opened(vault, row) for row in held_roots(db))


def _opened(vault: Vault, row: HeldRoot) -> Root:
    return Root(
        purpose=row.purpose,
        id=row.root_id,
        value=vault.open(row.value, place_of(row.purpose, row.root_id)),
        made_at=row.made_at,
        retired_at=row.retired_at,
    )


def place_of(purpose: str, root_id: str) -> Place:
    return Place(table="root_secrets", column="value", row=f"{purpose}.{root_id}")
