"""From a reference to the reason: what was checked, what was given, what would have been accepted."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from authserver.refusals.batch import LETTERS
from authserver.store import Hot, Session

FIND = Hot(
    "SELECT reference, rule, detail, count, first_at, last_at FROM refusals WHERE reference = :reference"
)
MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
SPELLED = re.compile(f"[{LETTERS}]{{12}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`count` is how often this cause was met between `first_at` and `last_at`."""

    reference: str
    step: str
    rule: str
    code: str | None
    public: str | None
    detail: str
    value: str | None
    nearest: str | None
    client: str | None
    person: str | None
    request_id: str | None
    count: int
    first_at: datetime
    last_at: datetime


def read(text: str) -> str | None:
    """A reference as somebody typed or read it out, or None if it cannot be one."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(MISREAD)
    return "-".join((plain[:4], plain[4:8], plain[8:])) if SPELLED.fullmatch(plain) else None


def find(db: Session, text: str) -> Explanation | None:
    """What is known of a reference; None for one that was never given, or is older than a week."""
    reference = read(text)
    row = db.one(FIND, {"reference": reference}) if reference else None
    if row is None:
        return None
    _, rule, detail, count, first_at, last_at = row
    told = json.loads(detail)
    when = db.database.read_time
    return Explanation(
        reference=str(row[0]),
        step=told["step"],
        rule=rule,
        code=told["code"],
        public=told["public"],
        detail=told["detail"],
        value=told["value"],
        nearest=told["nearest"],
        client=told["client"],
        person=told["person"],
        request_id=told["request_id"],
        count=count,
        first_at=when(first_at),
        last_at=when(last_at),
    )
