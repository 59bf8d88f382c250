"""Invitations that nobody took up yet."""

from authserver.store.database import Hot

INVITATION = "SELECT id, address, client_id, groups, made_by, made_at, expires_at FROM invitations"

FIND_INVITATION = Hot(f"{INVITATION} WHERE id = :id AND expires_at > :now")

INVITATIONS = Hot(f"{INVITATION} WHERE expires_at > :now ORDER BY made_at, id")

FORGET_INVITATION = Hot("DELETE FROM invitations WHERE id = :id RETURNING address")

FORGET_ADDRESS = Hot("DELETE FROM invitations WHERE address_key = :key")

KEEP_INVITATION = Hot(
    """INSERT INTO invitations (id, address, address_key, client_id, groups, made_by, made_at, expires_at)
       VALUES (:id, :address, :key, :client, :groups, :by, :now, :expires)"""
)
