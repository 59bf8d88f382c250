"""Somebody signs in without the pages: by the functions that the pages end in."""

from collections.abc import Iterable
from datetime import timedelta

from authserver.audit import SYSTEM
from authserver.authentication import Kind, Proof
from authserver.issuer import Issuer
from authserver.login.transaction import advance
from authserver.opaque import new_id
from authserver.sessions import opening
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.transaction import Purpose, Transaction
from authserver.users.user import User


def signed_in(
    db: Session, issuer: Issuer, user: User, proofs: Iterable[Proof] = ()
) -> tuple[SsoSession, str]:
    """The session that these proofs open, or a password's alone, and its handle."""
    now = issuer.clock()
    login = Transaction(
        id=new_id(),
        purpose=Purpose.SIGN_IN,
        request={},
        browser=b"browser",
        created_at=now,
        expires_at=now + timedelta(minutes=30),
    )
    password = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=now)
    for proof in tuple(proofs) or (password,):
        moved = advance(db, issuer, login, user=user.id, epoch=user.epoch, proof=proof, now=now)
        assert moved
        login = moved
    opened = opening.open(db, issuer, login, by=SYSTEM)
    assert isinstance(opened, tuple)
    return opened
