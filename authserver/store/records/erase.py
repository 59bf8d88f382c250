"""What goes when a person or a client is removed."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, update

from authserver.store.database import Session
from authserver.store.records.factors import ExemptionRow, RecoveryCodeRow, TotpRow
from authserver.store.records.grants import ConsentRow, GrantRow
from authserver.store.records.outbox import OutboxRow
from authserver.store.records.passkeys import PasskeyRow
from authserver.store.records.sessions import DeviceRow, SsoSessionRow
from authserver.store.records.terms import TermsAcceptedRow
from authserver.store.records.upstreams import UpstreamLinkRow
from authserver.store.records.users import MembershipRow, PasswordRow, SeenPlaceRow, UserEmailRow


def erase_person(db: Session, user_id: str, now: datetime) -> None:
    """Delete what is kept of a person beside the row itself, and end what they were signed in to."""
    of_person = (UserEmailRow, PasswordRow, MembershipRow, DeviceRow)
    for kept in (
        *of_person,
        TotpRow,
        PasskeyRow,
        RecoveryCodeRow,
        ExemptionRow,
        UpstreamLinkRow,
        SeenPlaceRow,
        TermsAcceptedRow,
    ):
        db.orm.execute(delete(kept).where(kept.user_id == user_id))
    # What still waits is what tells them that they were removed.
    db.orm.execute(delete(OutboxRow).where(OutboxRow.user_id == user_id, OutboxRow.state != "waiting"))
    theirs = update(SsoSessionRow).where(SsoSessionRow.user_id == user_id)
    db.orm.execute(theirs.values(user_agent="", ip=""))
    db.orm.execute(
        theirs.where(SsoSessionRow.ended_at.is_(None)).values(ended_at=now, end_reason="user_removed")
    )
    end_grants(db, GrantRow.user_id == user_id, now, "user_removed")


def erase_client(db: Session, client_id: str, now: datetime) -> None:
    """Forget what people allowed a client and end what came of it: its id may be given again some day."""
    db.orm.execute(delete(ConsentRow).where(ConsentRow.client_id == client_id))
    end_grants(db, GrantRow.client_id == client_id, now, "client_removed")


def end_grants(db: Session, which: ColumnElement[bool], now: datetime, reason: str) -> None:
    living = update(GrantRow).where(which, GrantRow.revoked_at.is_(None))
    db.orm.execute(living.values(revoked_at=now, revoke_reason=reason))
