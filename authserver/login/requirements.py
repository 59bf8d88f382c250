"""What must still be shown for a login: pure, one place for every way in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from authserver.authentication import Kind, Level, Proof, level_of
from authserver.transaction import Transaction

# What is asked of somebody whose proofs are all made: each has a page of its own.
TERMS, ADDRESS, TAKEOVER = "terms", "address", "takeover"
ELSEWHERE = "elsewhere"  # what an app cannot do by itself: a page of ours can


class Offer(NamedTuple):
    """A factor that this person has, and what it is worth beside another; see Factor for `reserve` and `guards`."""

    name: str
    kind: Kind
    alone: Level
    beside: Level
    reserve: bool = False
    guards: bool = True
    used_at: datetime | None = None


class Policy(NamedTuple):
    """What holds for this login: who may begin, what the person has, what must be reached.

    `held` are the proofs of the session that this login only adds to. `least` is what every sign-in must reach;
    `enrols` are the steps by which somebody who has nothing for that gets it, and which cannot be left. TOTP-8.
    Whoever has a second factor is asked for one, unless not even `asks` holds. `lacks` is what
    is still to be said beside all proofs. `full`: they are signed in on as many devices as they may be. `by_app`:
    no page is shown; `barred`: the app is not for this person.
    """

    first: tuple[str, ...]
    enrolled: tuple[Offer, ...] = ()
    required: Level = Level.PWD
    held: tuple[Proof, ...] = ()
    least: Level = Level.PWD
    asks: bool = True
    enrols: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    full: bool = False
    by_app: bool = False
    barred: bool = False


class Show(NamedTuple):
    """What is asked now; `others` would do as well. `open`: of several the person has used none yet, so they choose."""

    step: str
    others: tuple[str, ...] = ()
    open: bool = False
    last: str = ""  # the one that they used last, where there are several

    def allows(self, step: str) -> bool:
        return step == self.step or step in self.others


@dataclass(frozen=True, slots=True)
class Complete:
    """Everything that can be asked was proved."""


COMPLETE = Complete()


def next_step(tx: Transaction, policy: Policy) -> Show | Complete:
    """The one way from a login's start to its end. SU-2.

    Only whoever has proved everything accepts terms, gives an address, learns where else they are signed in, and
    chooses what ends there. SS-5, UP-9.
    """
    step = _next_proof(tx, policy)
    if policy.by_app and tx.proofs and _is_for_pages(tx, policy, step):
        return Show(step=ELSEWHERE)
    if isinstance(step, Show):
        return step
    after = (*policy.lacks, *((TAKEOVER,) if policy.full else ()))
    return Show(step=after[0]) if after else step


def _next_proof(tx: Transaction, policy: Policy) -> Show | Complete:
    """What is still to be proved.

    A proof that cannot begin a sign-in counts beside one that can: a step-up whose session is gone begins anew.
    When a level is out of reach the login still ends, at what was proved: the request that wanted more says so
    itself. What every sign-in must reach is never out of reach while there is a way to get it.
    """
    proofs = (*policy.held, *tx.proofs) if policy.held else tx.proofs
    if not proofs:
        return _show(policy.first)
    if not any(proof.factor in policy.first or proof.kind is Kind.UPSTREAM for proof in proofs):
        return _show(policy.first)
    asked = Level.MFA_LOW if policy.enrolled and policy.asks else Level.PWD
    needed = max(policy.required, policy.least, tx.level, asked)
    reached = level_of(proofs)
    if reached >= needed:
        return COMPLETE
    raising = [offer for offer in policy.enrolled if _with(proofs, offer) > reached]
    enough = [offer for offer in raising if _with(proofs, offer) >= needed]
    if raising:
        return _offered(enough or raising)
    return _show(policy.enrols) if policy.enrols and reached < policy.least else COMPLETE


def _is_for_pages(tx: Transaction, policy: Policy, step: Show | Complete) -> bool:
    """Whether no answer that an app could bring leads to the end: said before more is asked. TOTP-8, SU-3."""
    best = max([level_of(tx.proofs), *(_with(tx.proofs, offer) for offer in policy.enrolled)])
    if best < max(policy.required, policy.least, tx.level):
        return True
    if not isinstance(step, Complete):
        return False
    return policy.barred or level_of(tx.proofs) < max(policy.required, policy.least, tx.level)


def guarding(offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """Those that may prove the right to change the account: an e-mailed code where there is nothing else. EOTP-4."""
    others = tuple(offer for offer in offers if offer.guards)
    return others if any(not offer.reserve for offer in others) else offers


def reachable(offers: Iterable[Offer]) -> Level:
    """The highest level that somebody with these and a password can prove. SU-3."""
    return max((level for offer in offers for level in (offer.alone, offer.beside)), default=Level.PWD)


def _show(names: Iterable[str]) -> Show:
    step, *others = names
    return Show(step=step, others=tuple(others))


def _offered(offers: list[Offer]) -> Show:
    first = [offer for offer in offers if not offer.reserve]
    open_ = len(first) > 1 and all(offer.used_at is None for offer in first)
    names = [offer.name for offer in offers]
    used = {offer.used_at: offer.name for offer in first if offer.used_at}
    return Show(step=names[0], others=tuple(names[1:]), open=open_, last=used[max(used)] if used else "")


def _with(proofs: tuple[Proof, ...], offer: Offer) -> Level:
    """The level that this factor would bring."""
    proof = Proof(
        factor=offer.name,
        amr=(),
        kind=offer.kind,
        at=proofs[-1].at,
        alone=offer.alone,
        beside=offer.beside,
    )
    return level_of((*proofs, proof))
