"""Passkeys as a factor: beside a password, or the whole sign-in where they verified their person. PK-3, PK-4."""

from datetime import datetime
from importlib import import_module
from typing import Any, ClassVar

from authserver.audit.events import FactorAdded, PasskeyCopied
from authserver.authentication import Kind, Level, Proof, UserId
from authserver.errors import Refusal
from authserver.factors import ceremony, codes, passkeys
from authserver.factors.ceremony import Made, Mistrusted, Offered, Shown
from authserver.factors.contract import Account, Answer, Factor, Prompt, Refused, Right, Spent, Verdict
from authserver.factors.passkeys import NAME
from authserver.issuer import Issuer
from authserver.limits.codes import CodeBudget
from authserver.limits.passwords import Counter, account_key
from authserver.opaque import same
from authserver.store import Hot, Session
from authserver.store.locks import lock
from authserver.store.passkeys import HAS_PASSKEY
from authserver.transaction import Transaction
from authserver.vault import b64

KIND = "passkey"
FAILED = "This passkey did not work here. Try once more, or use another way."
NOT_TAKEN = "This passkey was not taken. Try once more."
LATE = "This page was open for too long. Try once more."
UNVERIFIED = "This passkey did not check that it is you, so it is good only after the password."
COPY = "This passkey says that it was copied. It is not taken any more; use another way."


class PasskeyFactor(Factor):
    name: ClassVar[str] = NAME
    held: ClassVar[Hot | None] = HAS_PASSKEY
    amr: ClassVar[tuple[str, ...]] = ("hwk",)
    kind: ClassVar[Kind] = Kind.POSSESSION
    alone: ClassVar[Level] = Level.PHR
    beside: ClassVar[Level] = Level.PHR
    begins: ClassVar[bool] = True
    prompt: ClassVar[Prompt] = Prompt(
        heading="Use your passkey",
        title="Passkey",
        label="Passkey",
        lead="Your device asks for your finger, your face or its PIN.",
        field="assertion",
    )

    def marks(self, db: Session, user: UserId) -> tuple[str, ...]:
        return tuple(f"{self.name} {each.id}" for each in passkeys.of_user(db, user))

    def last_used(self, db: Session, user: UserId) -> datetime | None:
        used = [each.last_used_at for each in passkeys.of_user(db, user) if each.last_used_at]
        return max(used, default=None)

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        """Whoever the credential belongs to: the person of this login, and the one that it says it is. PK-4."""
        offer = _checks().offered(answer.get(self.prompt.field, ""))
        found = None if isinstance(offer, Mistrusted) else passkeys.by_credential(db, offer.credential)
        user = found.user if found else None
        presented = "" if isinstance(offer, Mistrusted) else b64(offer.credential)
        counter = Counter(account=account_key(issuer.roots, user, presented), kind=KIND)
        budget = CodeBudget(failures=issuer.settings.code_failures)
        return Account(user=user, counter=counter, budget=budget, kept=(offer, found))

    def examine(self, issuer: Issuer, tx: Transaction, account: Account, answer: Answer) -> Any:
        offer, found = account.kept
        if isinstance(offer, Mistrusted):
            return offer
        if found is None:
            return Mistrusted("nobody has this credential")
        if problem := _foreign(tx, offer, found):
            return Mistrusted(problem)
        return _checks().shown(issuer, offer, found.public_key, binding(tx), ceremony.origins(issuer, tx))

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        if isinstance(finding, Mistrusted):
            return Refused(reason=finding.reason, shown=LATE if finding.late else FAILED)
        person = codes.standing(db, account)
        if isinstance(person, Refused):
            return person
        offer, found = account.kept
        if problem := _unworthy(tx, finding, found):
            return problem
        right = Right(user=person.user, epoch=person.epoch, proof=self.proven(issuer.clock(), finding))
        if not ceremony.spend(db, issuer, offer.challenge):
            refused = Refused(reason="the assertion was used already", shown=FAILED)
            return Spent(right=right, refused=refused)
        if not passkeys.use(db, issuer, found, finding):
            copied = PasskeyCopied(subject=person.user, passkey=found.id, label=found.label)
            return Refused(reason="the passkey's count went back", shown=COPY, events=(copied,))
        return right

    def proven(self, now: datetime, shown: Shown) -> Proof:
        """PK-8: what was there, and whether it verified the person."""
        word = "swk" if shown.backed_up else "hwk"
        if shown.verified:
            return self.proof(now)._replace(amr=(word, "user"))
        return self.proof(now)._replace(amr=(word,), alone=Level.PWD, beside=Level.MFA)


class PasskeyEnrolment(PasskeyFactor):
    """Making a passkey as a step of the login, for those who must have a second factor. TOTP-8, PK-5."""

    name: ClassVar[str] = "enrol-passkey"
    held: ClassVar[Hot | None] = None
    begins: ClassVar[bool] = False
    enrols: ClassVar[bool] = True
    prompt: ClassVar[Prompt] = Prompt(
        heading="Add a passkey",
        title="Passkey",
        label="Passkey",
        where="on this device, in your password manager or on a key that you plug in",
        field="assertion",
    )

    def marks(self, db: Session, user: UserId) -> tuple[str, ...]:
        return ()

    def whom(
        self, db: Session, issuer: Issuer, tx: Transaction, answer: Answer, device: bytes | None
    ) -> Account:
        return codes.account_of(issuer, tx)

    def examine(self, issuer: Issuer, tx: Transaction, account: Account, answer: Answer) -> Any:
        return made(issuer, answer.get(self.prompt.field, ""), binding(tx)), answer.get("label", "")

    def settle(self, db: Session, issuer: Issuer, tx: Transaction, account: Account, finding: Any) -> Verdict:
        """It counts at once, and proves what its browser said of its making."""
        person = codes.standing(db, account)
        if isinstance(person, Refused):
            return person
        found, label = finding
        if isinstance(found, Mistrusted):
            return Refused(reason=found.reason, shown=LATE if found.late else NOT_TAKEN)
        proof = PASSKEY.proven(issuer.clock(), _as_shown(found))
        added = FactorAdded(subject=person.user, factor=NAME)
        right = Right(user=person.user, epoch=person.epoch, proof=proof, events=(added,))
        lock(db, f"factors:{person.user}")
        try:
            passkeys.keep(db, issuer, person.user, found, label)
        except Refusal as refusal:
            refused = Refused(reason=refusal.public, shown=refusal.public)
            return Spent(right=right, refused=refused) if refusal.rule == passkeys.SPENT else refused
        return right


PASSKEY = PasskeyFactor()


def _as_shown(made: Made) -> Shown:
    return Shown(
        sign_count=made.sign_count, verified=made.verified, eligible=made.eligible, backed_up=made.backed_up
    )


def made(issuer: Issuer, text: str, binding: str) -> Made | Mistrusted:
    """Read a passkey that a browser made."""
    found: Made | Mistrusted = _checks().made(issuer, text, binding)
    return found


def _checks() -> Any:
    # The library costs a start 0.1 s, and most workers never see a passkey.
    return import_module("authserver.factors.webauthn")


def binding(tx: Transaction) -> str:
    """What a challenge of a login is bound to: the login and its browser. PK-1."""
    return f"{tx.id}\x1f{tx.browser.hex()}"


def _foreign(tx: Transaction, offer: Offered, found: passkeys.Passkey) -> str:
    """Why a credential is not this login's, though it may be genuine. PK-4."""
    if tx.user is not None and found.user != tx.user:
        return "the credential is somebody else's"
    if offer.handle and not same(offer.handle, found.handle):
        return "the credential's owner is not whom it says"
    if not offer.handle and tx.user is None:
        return "it does not say whose it is"
    return ""


def _unworthy(tx: Transaction, shown: Shown, found: passkeys.Passkey) -> Refused | None:
    if shown.eligible != found.eligible:
        return Refused(reason="whether it may be copied has changed", shown=FAILED)
    adds_to_session = tx.steps_up is not None and tx.user is not None
    if not shown.verified and not tx.proofs and not adds_to_session:
        return Refused(reason="it did not verify its person, and nothing else did", shown=UNVERIFIED)
    return None
