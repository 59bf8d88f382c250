"""Where secrets live: private keys sealed to their kid, apps to their person, mails and providers to their rows.

An HSM would take the place of this file.
"""

from authserver.jose import Signer
from authserver.vault import Place, Vault


def place(kid: str) -> Place:
    return Place(table="signing_keys", column="private", row=kid)


def totp_place(user_id: str) -> Place:
    return Place(table="totp_devices", column="secret", row=user_id)


def outbox_place(id_: str) -> Place:
    return Place(table="outbox", column="payload", row=id_)


def upstream_place(row_id: str) -> Place:
    return Place(table="upstreams", column="secrets", row=row_id)


def keep(vault: Vault, kid: str, private: bytes) -> bytes:
    """A private key as its row holds it."""
    return vault.seal(private, place(kid))


def signer(vault: Vault, kid: str, sealed: bytes) -> Signer:
    """The signer that a row holds; CannotOpen if the row was changed or holds another row's key."""
    return Signer.load(vault.open(sealed, place(kid)))


def reseal(vault: Vault, kid: str, sealed: bytes) -> bytes:
    return keep(vault, kid, vault.open(sealed, place(kid)))
