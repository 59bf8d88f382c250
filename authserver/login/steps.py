"""take(): one answer to one step, for every factor alike."""

from datetime import timedelta
from typing import Any, NamedTuple

from authserver.audit import record
from authserver.audit.events import PasswordClosed, SecondStepClosed, SignInFailed
from authserver.authentication import Level, UserId
from authserver.clients.client import Client
from authserver.clients.find import by_client_id
from authserver.errors import NotFound, TooMany
from authserver.factors.contract import Account, Answer, Factor, Refused, Right, Spent
from authserver.factors.registry import factors, known, ready_beside
from authserver.issuer import Issuer
from authserver.limits import passwords
from authserver.limits.codes import FOR_GOOD, CodeBudget
from authserver.limits.passwords import Counted, Try
from authserver.login import apps, trusted
from authserver.login.apps import Wish
from authserver.login.completion import Entered, Visitor, complete, entered_already, goes_on_in
from authserver.login.lacking import lacking
from authserver.login.requirements import TAKEOVER, Complete, Offer, Policy, Show, guarding, next_step
from authserver.login.rule import Rule, rule_for
from authserver.login.transaction import advance, find_row
from authserver.sessions import limits
from authserver.sessions.limits import Full
from authserver.sessions.sso import SsoSession
from authserver.store import Session, retrying
from authserver.store.sessions import FORGIVE_TRANSACTION, TRY_TRANSACTION
from authserver.transaction import Purpose, Transaction

APP_TRIES = 5  # wrong answers after which an app begins anew, whatever else is left. SU-1


class Begun(NamedTuple):
    """An answer that is counted already; `left` is how many more an app may get wrong in this login."""

    account: Account
    made: Try
    left: int | None = None


class Proved(NamedTuple):
    """The answer was right, and there is more to show."""

    tx: Transaction
    show: Show


class Wrong(NamedTuple):
    """The answer proved nothing; `reason` is for the record, `shown` for the page, with the tries that are `left`."""

    reason: str
    person: UserId | None
    shown: str = ""
    left: int | None = None


class Moved(NamedTuple):
    """It is not this step's turn: the login is elsewhere (`show`), or over."""

    show: Show | None


Outcome = Proved | Entered | Wrong | Moved


def take(issuer: Issuer, tx: Transaction, name: str, answer: Answer, visitor: Visitor) -> Outcome:
    """Take an answer: counted before it is looked at, examined with nothing open, settled once.

    Raises TooMany while the account or the address is closed, Unavailable while too many are asked at once.
    """
    factor = factors(issuer).get(name)
    if factor is None:
        raise NotFound("There is no such way to sign in.", detail=f"no factor {name!r}")
    refuse_busy_address(issuer, visitor)
    tx = facing(tx, visitor.session)
    begun = retrying(lambda: _begin(issuer, tx, factor, answer, visitor))
    if isinstance(begun, Moved):
        return begun
    try:
        finding = factor.examine(issuer, tx, begun.account, answer)
    except BaseException:
        retrying(lambda: _forgive(issuer, tx, begun))
        raise
    outcome = retrying(lambda: _settle(issuer, tx, factor, begun, finding, visitor))
    if isinstance(outcome, Wrong):
        issuer.limiter.failed(visitor.by.ip)
    return outcome


def facing(tx: Transaction, session: SsoSession | None) -> Transaction:
    """The login as this browser's session makes it: a step-up or a fresh proof is for whoever is signed in."""
    is_theirs = session is not None and (tx.steps_up == session.id or tx.purpose is Purpose.FRESH)
    if session is None or tx.user is not None or not is_theirs:
        return tx
    return tx._replace(user=session.user)


def step_of(db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor) -> Show | Complete:
    """Where a login stands. Whether there is room for its session is asked when nothing else is left to ask."""
    step, policy = _before_room(db, issuer, tx, visitor, wish_of(db, issuer, tx))
    own = visitor.session or visitor.idle
    if isinstance(step, Show) or tx.user is None or (own is not None and goes_on_in(tx, own)):
        return step
    full = limits.look(db, issuer, tx.user, besides=own.id if own is not None else None)
    return next_step(tx, policy._replace(full=full is not None))


def before_room(db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor) -> Show | Complete:
    """Where it stands as long as nobody asks whether there is room."""
    return _before_room(db, issuer, tx, visitor, wish_of(db, issuer, tx))[0]


def wish_of(db: Session, issuer: Issuer, tx: Transaction) -> Wish | None:
    """What an app that asks by itself may have for the person of its login."""
    return apps.wish(db, issuer, tx) if tx.purpose is Purpose.APP and tx.user is not None else None


def _before_room(
    db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor, wish: Wish | None
) -> tuple[Show | Complete, Policy]:
    """The step, by a policy with what the person still has to say, which is asked once everything is proved."""
    policy = policy_of(db, issuer, tx, visitor, wish)
    step = next_step(tx, policy)
    lacks = lacking(db, issuer, tx, wish.user if wish else None) if isinstance(step, Complete) else ()
    if lacks:
        policy = policy._replace(lacks=lacks)
        step = next_step(tx, policy)
    return step, policy


def policy_of(db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor, wish: Wish | None) -> Policy:
    """What holds for this login: a session that is proved again does not get weaker. SU-4.

    On a trusted device the rules ask for nothing more; what an app demands is asked all the same. SU-5.
    """
    here = known(issuer)
    if tx.user is None:
        return Policy(here.first)
    rule = rule_for(db, issuer, tx.user, wish.share.client if wish else client_of(issuer, tx))
    offers, session = offers_of(db, issuer, tx.user), visitor.session
    own = session if session is not None and session.user == tx.user else None
    if not tx.asks_anew and trusted.holds(db, issuer, tx.user, visitor.trust):
        rule = Rule.OFF
    return Policy(
        first=here.first,
        enrolled=guarding(offers) if tx.purpose is Purpose.FRESH else offers,
        required=own.authentication.level if own else wish.share.level if wish else Level.PWD,
        held=own.authentication.proofs if own and tx.steps_up == own.id else (),
        least=rule.least,
        # A change of the account asks whoever has a second factor for it, whatever sign-ins ask. PW-9.
        asks=rule is not Rule.OFF or tx.purpose is Purpose.FRESH,
        enrols=here.enrols,
        by_app=wish is not None,
        barred=wish is not None and not wish.share.is_open,
    )


def client_of(issuer: Issuer, tx: Transaction) -> Client | None:
    """The app that a login is for."""
    for_app = tx.purpose in {Purpose.AUTHORIZE, Purpose.APP}
    client_id = tx.request.get("client_id") if for_app else None
    return by_client_id(issuer, client_id) if client_id else None


def offers_of(db: Session, issuer: Issuer, user: UserId) -> tuple[Offer, ...]:
    """The second factors that somebody has: the one used last, then the strongest; what is in reserve at the end."""
    theirs = ready_beside(db, issuer, user)
    if not theirs:
        return ()
    used = {}
    if sum(not factor.reserve for factor in theirs) > 1:
        used = {factor.name: factor.last_used(db, user) for factor in theirs}

    def order(factor: Factor) -> tuple[bool, float, int]:
        at = used.get(factor.name)
        return factor.reserve, -at.timestamp() if at else 0, -max(factor.alone, factor.beside)

    return tuple(
        Offer(
            name=factor.name,
            kind=factor.kind,
            alone=factor.alone,
            beside=factor.beside,
            reserve=factor.reserve,
            guards=factor.guards,
            used_at=used.get(factor.name),
        )
        for factor in sorted(theirs, key=order)
    )


def refuse_busy_address(issuer: Issuer, visitor: Visitor) -> None:
    """RL-3: an address that failed too often waits; those that succeed are not counted."""
    wait = issuer.limiter.failures(visitor.by.ip)
    if wait is not None:
        raise TooMany(
            "Too many wrong tries came from your network.", retry_after=wait, rule="address_failures"
        )


def _begin(
    issuer: Issuer, tx: Transaction, factor: Factor, answer: Answer, visitor: Visitor
) -> Begun | Moved:
    # A power cut may forget a try that was under way, as docs/decisions/0020 has it of codes.
    with issuer.database.writing_fast() as db:
        step = step_of(db, issuer, tx, visitor)
        if not isinstance(step, Show) or not step.allows(factor.name):
            return Moved(show=step if isinstance(step, Show) else None)
        left = None
        if _is_of_app(tx):
            tried = db.one(TRY_TRANSACTION, {"id": tx.id, "most": APP_TRIES})
            if tried is None:
                return Moved(show=None)
            left = APP_TRIES - tried[0]
        account = factor.whom(db, issuer, tx, answer, visitor.device_digest)
        made = passwords.begin(db, account.counter, account.budget, issuer.clock())
        return Begun(account=account, made=made, left=left)


def _is_of_app(tx: Transaction) -> bool:
    """Whether what answers is the holder of a token, who could try until it ends."""
    return tx.purpose is Purpose.APP and tx.version > 0


def _forgive(issuer: Issuer, tx: Transaction, begun: Begun) -> None:
    with issuer.database.writing() as db:
        _uncount(db, tx, begun)


def _uncount(db: Session, tx: Transaction, begun: Begun) -> None:
    """The answer was not wrong, or was not looked at."""
    passwords.forgive(db, begun.made)
    _give_back(db, tx, begun)


def _give_back(db: Session, tx: Transaction, begun: Begun) -> None:
    """An app may be wrong once more in this login."""
    if begun.left is not None:
        db.hot(FORGIVE_TRANSACTION, {"id": tx.id}).close()


def _settle(
    issuer: Issuer,
    tx: Transaction,
    factor: Factor,
    begun: Begun,
    finding: Any,
    visitor: Visitor,
) -> Outcome:
    account = begun.account
    with issuer.database.writing() as db:
        decided = factor.settle(db, issuer, tx, account, finding)
        if isinstance(decided, Spent):
            late = _late_half(db, issuer, tx, decided.right, visitor)
            if late is not None:
                _uncount(db, tx, begun)
                return late
            decided = decided.refused
        if isinstance(decided, Refused):
            counted = count_wrong(db, issuer, account, begun.made, decided, visitor)
            left = min((each for each in (counted.left, begun.left) if each is not None), default=None)
            return Wrong(reason=decided.reason, person=account.user, shown=decided.shown, left=left)
        now = issuer.clock()
        for event in decided.events:
            record(db, event, by=visitor.by, at=now)
        advanced = advance(
            db, issuer, tx, user=decided.user, epoch=decided.epoch, proof=decided.proof, now=now
        )
        outcome = (
            _late(db, issuer, tx, decided, visitor)
            if advanced is None
            else after(db, issuer, advanced, visitor, begun.made)
        )
        # The end of a login forgives all tries of it.
        if advanced is None or not isinstance(outcome, Entered):
            passwords.forgive(db, begun.made)
        _give_back(db, tx, begun)
        return outcome


def after(
    db: Session, issuer: Issuer, tx: Transaction, visitor: Visitor, made: Try | None = None
) -> Entered | Proved | Moved:
    """What follows a proof: more to show, or the session, whose opening forgives the try that was `made` for it."""
    wish = wish_of(db, issuer, tx)
    step, _ = _before_room(db, issuer, tx, visitor, wish)
    if isinstance(step, Show):
        return Proved(tx=tx, show=step)
    done = complete(db, issuer, tx, visitor, wish=wish, made=made)
    if isinstance(done, Full):
        return Proved(tx=tx, show=Show(step=TAKEOVER))
    return done or Moved(show=None)


def _late(db: Session, issuer: Issuer, tx: Transaction, right: Right, visitor: Visitor) -> Outcome:
    """Somebody was first with this step: the other half of a double submit goes where that one went.

    A program submits nothing by a slip of the finger, and of two that have one token only the first is let in. SU-1.
    """
    if tx.purpose is Purpose.APP:
        return Moved(show=None)
    row = find_row(db, tx.id, tx.browser)
    if row is None or not row.person_stands or row.tx.user != right.user or not row.tx.proofs:
        return Moved(show=None)
    if row.tx.session is None:
        step = step_of(db, issuer, row.tx, visitor)
        return Proved(tx=row.tx, show=step) if isinstance(step, Show) else Moved(show=None)
    if row.tx.proofs[-1].factor != right.proof.factor:
        return Moved(show=None)
    return entered_already(db, issuer, row.tx, visitor) or Moved(show=None)


def _late_half(
    db: Session, issuer: Issuer, tx: Transaction, right: Right, visitor: Visitor
) -> Outcome | None:
    """What the other half of a double submit led to, if it was that one which spent the answer. AZ-14."""
    row = find_row(db, tx.id, tx.browser)
    if row is None or row.tx.version <= tx.version or row.tx.proofs[-1].factor != right.proof.factor:
        return None
    outcome = _late(db, issuer, tx, right, visitor)
    # An app that sent it twice is late as well, and has not guessed.
    is_lost = isinstance(outcome, Moved) and tx.purpose is not Purpose.APP
    return None if is_lost else outcome


def count_wrong(
    db: Session, issuer: Issuer, account: Account, made: Try, refused: Refused, visitor: Visitor
) -> Counted:
    """The answer was wrong: counted and audited, with what it closes."""
    now = issuer.clock()
    counted = passwords.count(db, made, account.budget, now)
    identifier = account.counter.account.hex()[:16]
    failed = SignInFailed(subject=account.user, reason=refused.reason, identifier=identifier)
    for event in (failed, *refused.events):
        record(db, event, by=visitor.by, at=now)
    if counted.closed is not None:
        event = _closed(account, counted.closed, identifier)
        record(db, event, by=visitor.by, at=now)
    return counted


def _closed(account: Account, closed: timedelta, identifier: str) -> PasswordClosed | SecondStepClosed:
    seconds = int(closed.total_seconds())
    if not isinstance(account.budget, CodeBudget):
        return PasswordClosed(subject=account.user, seconds=seconds, identifier=identifier)
    locked = closed >= FOR_GOOD
    return SecondStepClosed(
        subject=account.user, seconds=0 if locked else seconds, locked=locked, identifier=identifier
    )
