"""The answers to what a login asks beside proofs: each is one transaction, which goes on to the session. UP-9."""

from collections.abc import Callable
from dataclasses import dataclass

from authserver.audit import Actor
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.login import addresses, lacking
from authserver.login.completion import Entered, Visitor, entered_already
from authserver.login.requirements import ADDRESS, TERMS, Show
from authserver.login.steps import Moved, Proved, after, step_of
from authserver.login.transaction import find_row, skip
from authserver.sessions import limits
from authserver.store import Session, retrying
from authserver.transaction import Transaction
from authserver.users import find, terms


@dataclass(frozen=True, slots=True)
class WrongCode:
    """It is not the code that was mailed."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A code is on its way."""


Outcome = Entered | Proved | Moved | WrongCode | Sent
Act = Callable[[Session, Transaction, Actor], Transaction | WrongCode | Sent | None]


def accept_terms(issuer: Issuer, tx: Transaction, version: str, visitor: Visitor) -> Outcome:
    """Keep that they accept the version that they were shown; another one is shown first."""

    def act(db: Session, found: Transaction, by: Actor) -> Transaction | None:
        if found.user is None or version != terms.version(issuer):
            return None
        terms.accept(db, issuer, found.user, version, at=issuer.clock(), by=by)
        return found

    return _take(issuer, tx, TERMS, act, visitor)


def give_address(issuer: Issuer, tx: Transaction, text: str, visitor: Visitor) -> Outcome:
    """Mail a code there. TooMany says when to come again, a Refusal with `fields` what is wrong."""

    def act(db: Session, found: Transaction, by: Actor) -> Sent:
        if found.user is None:
            raise TypeError("somebody gives an address")
        addresses.begin(db, issuer, find.load(db, found.user), found.id, text, by=by)
        return Sent()

    return _take(issuer, tx, ADDRESS, act, visitor)


def confirm_address(issuer: Issuer, tx: Transaction, code: str, visitor: Visitor) -> Outcome:
    """Let the address count once its code was typed in this very login."""

    def act(db: Session, found: Transaction, by: Actor) -> Transaction | WrongCode:
        if found.user is None:
            raise TypeError("somebody confirms an address")
        return found if addresses.confirm(db, issuer, found.user, found.id, code, by=by) else WrongCode()

    return _take(issuer, tx, ADDRESS, act, visitor)


def skip_address(issuer: Issuer, tx: Transaction, visitor: Visitor) -> Outcome:
    """Go on without one; the next sign-in asks again."""

    def act(db: Session, found: Transaction, by: Actor) -> Transaction | None:
        if found.user is None or not lacking.may_skip(db, issuer, found.user):
            raise Refusal("An address is needed here.", rule="address.required", status=403)
        return skip(db, found)

    return _take(issuer, tx, ADDRESS, act, visitor)


def _take(issuer: Issuer, tx: Transaction, step: str, act: Act, visitor: Visitor) -> Outcome:
    return retrying(lambda: _attempt(issuer, tx, step, act, visitor))


def _attempt(issuer: Issuer, tx: Transaction, step: str, act: Act, visitor: Visitor) -> Outcome:
    with issuer.database.writing() as db:
        if tx.user is None:
            return Moved(show=None)
        # Of a double submit the second one waits here, and finds what the first one did.
        limits.hold(db, issuer, tx.user)
        row = find_row(db, tx.id, tx.browser)
        if row is None or row.tx.user != tx.user or row.is_over:
            return Moved(show=None)
        if row.tx.session is not None:
            return entered_already(db, issuer, row.tx, visitor) or Moved(show=None)
        now = step_of(db, issuer, row.tx, visitor)
        if not isinstance(now, Show) or now.step != step:
            return Moved(show=now if isinstance(now, Show) else None)
        done = act(db, row.tx, visitor.by._replace(kind="user", id=tx.user))
        if isinstance(done, WrongCode | Sent):
            return done
        return Moved(show=now) if done is None else after(db, issuer, done, visitor)
