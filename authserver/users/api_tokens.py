"""API tokens: what programs administer this server with. A digest is kept, the text is shown once. AD-4."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.errors import NotFound, Refusal
from authserver.input import Form, invalid
from authserver.issuer import Issuer
from authserver.opaque import digest, new_id, new_secret
from authserver.store import Session, records
from authserver.store.api_tokens import BY_DIGEST, TOUCH, revoke_family
from authserver.users.access import beyond, reaches
from authserver.users.form import Line
from authserver.users.rank import RANKS

PREFIX = "as_api_"
TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
LONGEST_LIFE = timedelta(days=365)
USED_EVERY = timedelta(minutes=1)
State = Literal["active", "expired", "revoked"]


class TokenForm(Form):
    """What an API token is asked for with."""

    name: Line = Field(min_length=1, max_length=80, description="What it is for, as the list shows it.")
    role: Literal["owner", "admin", "support", "auditor"] = Field(
        "auditor", description="It may do nothing that this role may not."
    )
    scopes: list[str] = Field(min_length=1, max_length=50, description="What it may do.")
    days: int = Field(90, ge=1, le=365, description="Days until it ends.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """`made_by` is the person, `made_with` the token that made it; both None for the command line."""

    id: str
    name: str
    role: str
    scopes: tuple[str, ...]
    made_by: str | None
    made_with: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> State:
        if self.revoked_at is not None:
            return "revoked"
        return "active" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A token that is not taken; the reason is not for whoever sent it."""

    rule: str
    reason: str


def make(  # noqa: PLR0913
    db: Session,
    issuer: Issuer,
    *,
    name: str,
    role: str,
    scopes: Iterable[str],
    expires_at: datetime,
    by: Actor,
) -> tuple[ApiToken, str]:
    """Make a token, and give its text this once. One made with another is no wider, and ends with it."""
    now, wanted = issuer.clock(), tuple(dict.fromkeys(scopes))
    parent = _parent(db, by, now)
    wrong = _wrong(name, role, wanted, expires_at - now) or (
        _wider(parent, role, wanted, expires_at) if parent else {}
    )
    if wrong:
        raise invalid(wrong)
    if not parent and not reaches(by.role, role):
        raise _above(by, role)
    text = PREFIX + new_secret()
    row = records.operations.ApiTokenRow(
        id=new_id(),
        name=name,
        digest=digest(text),
        role=role,
        scopes=list(wanted),
        made_by=parent.made_by if parent else by.id if by.kind == "user" else None,
        made_with=parent.id if parent else None,
        created_at=now,
        expires_at=expires_at,
    )
    db.orm.add(row)
    db.orm.flush()
    about = {"name": name, "role": role, "scopes": list(wanted), "expires_at": expires_at.isoformat()}
    record(db, Changed(kind="api_token", id=row.id, act="added", fields=about), by=by, at=now)
    return _token(row), text


def find(db: Session, text: str, now: datetime) -> ApiToken | Unusable:
    """The token with this text, while it may be used: also not longer than the person who made it may."""
    if not TOKEN.fullmatch(text):
        return Unusable(rule="api_token.form", reason="this is not an API token of ours")
    found = db.one(BY_DIGEST, {"digest": digest(text)})
    row = records.api_tokens.token_row(db, found[0]) if found else None
    if found is None or row is None:
        return Unusable(rule="api_token.unknown", reason="there is no such API token")
    token = _token(row)
    state = token.state(now)
    if state != "active":
        return Unusable(rule=f"api_token.{state}", reason=f"the API token {token.id} is {state}")
    if token.made_by is not None and not (found[1] and reaches(found[3], token.role)):
        return Unusable(rule="api_token.maker", reason=f"who made {token.id} may not do this any more")
    return token


def every(db: Session) -> tuple[ApiToken, ...]:
    return tuple(map(_token, records.api_tokens.all_tokens(db)))


def load(db: Session, token_id: str) -> ApiToken:
    row = records.api_tokens.token_row(db, token_id)
    if row is None:
        raise NotFound("There is no such API token.", detail=f"no API token {token_id!r}")
    return _token(row)


def revoke(db: Session, issuer: Issuer, token_id: str, *, by: Actor) -> ApiToken:
    """End a token and those made with it; one that ended already stays as it is."""
    row = records.api_tokens.locked_token(db, token_id)
    if row is None:
        raise NotFound("There is no such API token.", detail=f"no API token {token_id!r}")
    if not reaches(by.role, row.role):
        raise _above(by, row.role)
    now = issuer.clock()
    for ended in revoke_family(db, token_id, now):
        record(db, Changed(kind="api_token", id=ended, act="revoked"), by=by, at=now)
    return load(db, token_id)


def is_used_now(token: ApiToken, now: datetime) -> bool:
    """Whether a use is to be noted: a minute after the last one that was."""
    return token.last_used_at is None or now - token.last_used_at >= USED_EVERY


def note_use(db: Session, token: ApiToken, now: datetime) -> None:
    values = {"id": token.id, "now": db.time(now), "before": db.time(now - USED_EVERY)}
    db.hot(TOUCH, values).close()


def _parent(db: Session, by: Actor, now: datetime) -> ApiToken | None:
    if by.kind != "api_token":
        return None
    row = records.api_tokens.locked_token(db, by.id)
    token = _token(row) if row else None
    if token is None or token.state(now) != "active":
        raise Refusal("The API token is not valid.", code="invalid_token", status=401, rule="api_token.ended")
    return token


def _wrong(name: str, role: str, scopes: tuple[str, ...], life: timedelta) -> dict[str, str]:
    wrong = {}
    if not name.strip() or len(name) > 80 or not name.isprintable():  # noqa: PLR2004
        wrong["name"] = "A name has 1 to 80 characters."
    if role not in RANKS:
        wrong["role"] = f"This must be one of: {', '.join(RANKS)}."
    elif not scopes:
        wrong["scopes"] = "Name at least one scope."
    elif strange := beyond(role, scopes):
        wrong["scopes"] = f"The role {role} cannot hold {', '.join(strange)[:200]}."
    if not timedelta(0) < life <= LONGEST_LIFE:
        wrong["days"] = "A token lives for at most a year."
    return wrong


def _wider(parent: ApiToken, role: str, scopes: tuple[str, ...], expires_at: datetime) -> dict[str, str]:
    wrong = {}
    if not reaches(parent.role, role):
        wrong["role"] = "This is more than the token has that asks."
    if strange := [scope for scope in scopes if scope not in parent.scopes]:
        wrong["scopes"] = f"The token that asks does not have {', '.join(strange)[:200]}."
    if expires_at > parent.expires_at:
        wrong["days"] = "This is longer than the token lives that asks."
    return wrong


def _above(by: Actor, role: str) -> Refusal:
    return Refusal(
        "Somebody with a higher role must do this.",
        code="forbidden",
        status=403,
        rule="rank",
        detail=f"{by.label} with role {by.role}: an API token of role {role}",
    )


def _token(row: "records.operations.ApiTokenRow") -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        role=row.role,
        scopes=tuple(row.scopes),
        made_by=row.made_by,
        made_with=row.made_with,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
