"""Exemptions: people of whom no second factor is demanded, by name, with a reason, for a time. AD-9."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.clock import moment
from authserver.errors import NotFound
from authserver.input import Form
from authserver.issuer import Issuer
from authserver.store import Session, records
from authserver.store.factors import END_EXEMPTION, EXEMPT, EXEMPTIONS, IS_EXEMPT
from authserver.users.rank import check_may_change

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class ExemptionForm(Form):
    reason: Reason = Field(description="Why; whoever reviews it reads this.")
    days: int | None = Field(None, ge=1, le=3_650, description="Days until it ends; null is no end.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    user: str
    reason: str
    made_by: str
    made_at: datetime
    until: datetime | None


def is_exempt(db: Session, issuer: Issuer, user_id: str) -> bool:
    """Whether no second factor is demanded of somebody: by name, or for now as an admin."""
    now = issuer.clock()
    row = db.one(IS_EXEMPT, {"user": user_id, "now": db.time(now)})
    if row is None:
        return False
    until = moment(issuer.settings.admins_exempt_until)
    return row[1] is not None or (row[0] is not None and until is not None and now < until)


def every(db: Session, issuer: Issuer) -> tuple[Exemption, ...]:
    """All that are in force, oldest first."""
    return _found(db, issuer, "")


def find(db: Session, issuer: Issuer, user_id: str) -> Exemption | None:
    return next(iter(_found(db, issuer, user_id)), None)


def exempt(db: Session, issuer: Issuer, user_id: str, form: ExemptionForm, *, by: Actor) -> Exemption:
    """Exempt somebody, in place of what was said of them before."""
    _hold(db, user_id, by)
    now = issuer.clock()
    until = None if form.days is None else now + timedelta(days=form.days)
    values = {
        "user": user_id,
        "reason": form.reason,
        "by": by.label[:255],
        "now": db.time(now),
        "until": None if until is None else db.time(until),
    }
    db.hot(EXEMPT, values).close()
    _audit(db, issuer, user_id, "exempted", {"reason": form.reason, "days": form.days}, by)
    found = find(db, issuer, user_id)
    if found is None:  # pragma: no cover
        raise LookupError("what was written just now is not there")
    return found


def end(db: Session, issuer: Issuer, user_id: str, *, by: Actor) -> bool:
    """The rules hold for somebody again, from their next sign-in or app on; True where they did not."""
    _hold(db, user_id, by)
    if db.one(END_EXEMPTION, {"user": user_id}) is None:
        return False
    _audit(db, issuer, user_id, "exemption_ended", None, by)
    return True


def _found(db: Session, issuer: Issuer, user_id: str) -> tuple[Exemption, ...]:
    rows = db.hot(EXEMPTIONS, {"user": user_id, "now": db.time(issuer.clock())}).fetchall()
    read = db.database.read_time
    return tuple(
        Exemption(
            user=row[0],
            reason=row[1],
            made_by=row[2],
            made_at=read(row[3]),
            until=read(row[4]) if row[4] else None,
        )
        for row in rows
    )


def _hold(db: Session, user_id: str, by: Actor) -> None:
    row = records.users.locked_user(db, user_id)
    if row is None or row.status == "deleted":
        raise NotFound("There is no such person.", detail=f"no user {user_id!r}")
    check_may_change(by, user_id, row.role)
    row.version += 1
    db.orm.flush()


def _audit(
    db: Session, issuer: Issuer, user_id: str, act: str, about: dict[str, Any] | None, by: Actor
) -> None:
    event = Changed(subject=user_id, kind="user", id=user_id, act=act, fields=about)
    record(db, event, by=by, at=issuer.clock())
