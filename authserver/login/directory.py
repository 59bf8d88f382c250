"""Name and password typed here for a directory elsewhere: one source per attempt, and never another after it. LD-4."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from authserver.audit import record
from authserver.audit.events import SignInFailed
from authserver.errors import TooMany
from authserver.issuer import Issuer
from authserver.limits import passwords
from authserver.limits.codes import CodeBudget
from authserver.limits.passwords import STRANGER, Counter, Try, account_key
from authserver.login.arrival import Arrival, hold
from authserver.login.completion import Visitor
from authserver.login.trip import Errand, Turned
from authserver.store import retrying
from authserver.transaction import Transaction
from authserver.upstream.contract import Denied, Identity, PasswordUpstream, Why
from authserver.upstream.exchange import exchange
from authserver.upstream.identity import cleaned
from authserver.upstream.provider import Provider
from authserver.users import names

# Below what directories themselves lock at: nobody locks somebody else out there from here.
BUDGET = CodeBudget(failures=3)
LONGEST = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Nobody is let in. `public` is a sentence for the person, empty where it reads as any wrong password. LD-7.

    `detail` is why, for admins.
    """

    public: str = ""
    detail: str = ""


def check(
    issuer: Issuer, provider: Provider, tx: Transaction, username: str, password: str, visitor: Visitor
) -> Wrong | Turned | None:
    """Ask the directory; None when whoever is right waits for the next page. Raises TooMany and Down."""
    found = examine(issuer, provider, username, password, visitor)
    if isinstance(found, Wrong):
        return found
    arrival = Arrival(
        provider=provider, identity=found, errand=Errand.SIGN_IN, remembered=tx.remembered, user=None
    )

    def attempt() -> Turned | None:
        with issuer.database.writing() as db:
            return hold(db, issuer, arrival, tx_id=tx.id, browser=visitor.browser)

    return retrying(attempt)


def examine(
    issuer: Issuer, provider: Provider, username: str, password: str, visitor: Visitor
) -> Identity | Wrong:
    """Whose name and password these are there; every try counts until it was right. Raises TooMany and Down."""
    kind: PasswordUpstream[Any] = _kind(provider)
    wait = issuer.limiter.failures(visitor.by.ip)
    if wait is not None:
        raise TooMany(
            "Too many wrong tries came from your network.", retry_after=wait, rule="address_failures"
        )
    key = f"{provider.id}:{one_spelling(username)}"
    counter = Counter(account=account_key(issuer.roots, None, key), kind=STRANGER)
    made = retrying(lambda: _begin(issuer, counter))
    try:
        with exchange(issuer, provider):
            found = kind.check(provider.config, username, password, issuer.clock())
            found = cleaned(found, provider.id) if isinstance(found, Identity) else found
    except BaseException:
        retrying(lambda: _forgive(issuer, made))
        raise
    if isinstance(found, Denied):
        return _denied(issuer, provider, made, found, visitor)
    retrying(lambda: _forgive(issuer, made))
    return found


def one_spelling(username: str) -> str:
    """What is counted: one for all spellings that some directory takes for the same name. PW-5.

    Case and width make no difference there, nor blanks; at Active Directory neither accents nor what nobody sees.
    """
    plain = unicodedata.normalize("NFKD", names.key(username[:LONGEST]))
    return "".join(char for char in plain if unicodedata.category(char)[0] not in "MCZ")


def _denied(issuer: Issuer, provider: Provider, made: Try, denied: Denied, visitor: Visitor) -> Wrong:
    def attempt() -> None:
        with issuer.database.writing() as db:
            now = issuer.clock()
            if denied.why is Why.CLOSED:
                passwords.forgive(db, made)
            else:
                passwords.count(db, made, BUDGET, now)
            reason = f"{provider.slug}: {denied.detail}"[:500]
            identifier = made.counter.account.hex()[:16]
            record(db, SignInFailed(reason=reason, identifier=identifier), by=visitor.by, at=now)

    retrying(attempt)
    if denied.why is not Why.CLOSED:
        issuer.limiter.failed(visitor.by.ip)
    return Wrong(public=denied.public if denied.why is Why.CLOSED else "", detail=denied.detail)


def _begin(issuer: Issuer, counter: Counter) -> Try:
    with issuer.database.writing() as db:
        return passwords.begin(db, counter, BUDGET, issuer.clock())


def _forgive(issuer: Issuer, made: Try) -> None:
    with issuer.database.writing() as db:
        passwords.forgive(db, made)


def _kind(provider: Provider) -> PasswordUpstream[Any]:
    if not isinstance(provider.kind, PasswordUpstream):
        raise TypeError(f"{provider.slug} is no directory")
    return provider.kind
