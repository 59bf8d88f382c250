"""One proof more of somebody who is signed in, for a change that asks for it beside the session.

Counted and spent like those of a sign-in, and by the same counters; it makes no session, and none stronger. TOTP-6.
"""

from datetime import timedelta
from typing import Any

from authserver.audit import record
from authserver.authentication import UserId
from authserver.errors import NotFound
from authserver.factors.contract import Answer, Factor, Refused, Spent
from authserver.factors.registry import factors
from authserver.issuer import Issuer
from authserver.limits import passwords
from authserver.login.completion import Visitor
from authserver.login.steps import Begun, Wrong, count_wrong, refuse_busy_address
from authserver.opaque import new_id
from authserver.store import retrying
from authserver.transaction import Purpose, Transaction

LASTS = timedelta(minutes=1)


def prove(issuer: Issuer, user: UserId, name: str, answer: Answer, visitor: Visitor) -> Wrong | None:
    """None when the answer was right, and is spent. Raises TooMany while the account or the address is closed."""
    factor = factors(issuer).get(name)
    if factor is None:
        raise NotFound("There is no such way to prove it.", detail=f"no factor {name!r}")
    refuse_busy_address(issuer, visitor)
    now = issuer.clock()
    tx = Transaction(
        id=new_id(),
        purpose=Purpose.FRESH,
        request={},
        browser=visitor.browser,
        created_at=now,
        expires_at=now + LASTS,
        user=user,
    )
    begun = retrying(lambda: _begin(issuer, tx, factor, answer))
    try:
        finding = factor.examine(issuer, tx, begun.account, answer)
    except BaseException:
        retrying(lambda: _forgive(issuer, begun))
        raise
    wrong = retrying(lambda: _settle(issuer, tx, factor, begun, finding, visitor))
    if wrong is not None:
        issuer.limiter.failed(visitor.by.ip)
    return wrong


def _begin(issuer: Issuer, tx: Transaction, factor: Factor, answer: Answer) -> Begun:
    with issuer.database.writing() as db:
        account = factor.whom(db, issuer, tx, answer, None)
        made = passwords.begin(db, account.counter, account.budget, issuer.clock())
        return Begun(account=account, made=made)


def _forgive(issuer: Issuer, begun: Begun) -> None:
    with issuer.database.writing() as db:
        passwords.forgive(db, begun.made)


def _settle(
    issuer: Issuer, tx: Transaction, factor: Factor, begun: Begun, finding: Any, visitor: Visitor
) -> Wrong | None:
    with issuer.database.writing() as db:
        decided = factor.settle(db, issuer, tx, begun.account, finding)
        decided = decided.refused if isinstance(decided, Spent) else decided
        if isinstance(decided, Refused):
            counted = count_wrong(db, issuer, begun.account, begun.made, decided, visitor)
            return Wrong(
                reason=decided.reason, person=begun.account.user, shown=decided.shown, left=counted.left
            )
        passwords.forgive(db, begun.made)
        for event in decided.events:
            record(db, event, by=visitor.by, at=issuer.clock())
        return None
