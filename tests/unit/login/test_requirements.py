"""What must still be shown: a table of what was proved against what the person has and what is required."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.authentication import Kind, Level, Proof, level_of
from authserver.login.requirements import TAKEOVER, Complete, Offer, Policy, Show, next_step, reachable
from authserver.transaction import Purpose, Transaction

AT = datetime(2027, 1, 1, tzinfo=UTC)
PASSWORD = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=AT)
TOTP = Offer(name="totp", kind=Kind.POSSESSION, alone=Level.PWD, beside=Level.MFA)
MAIL = Offer(name="mail", kind=Kind.POSSESSION, alone=Level.PWD, beside=Level.MFA_LOW)
PASSKEY = Offer(name="passkey", kind=Kind.POSSESSION, alone=Level.PHR, beside=Level.PHR)
ALL = (PASSKEY, TOTP, MAIL)
TX = Transaction(id="0" * 32, purpose=Purpose.SIGN_IN, request={}, browser=b"b", created_at=AT, expires_at=AT)


def proof(offer: Offer) -> Proof:
    return Proof(
        factor=offer.name, amr=("otp",), kind=offer.kind, at=AT, alone=offer.alone, beside=offer.beside
    )


def step(
    *proved: Proof, has: tuple[Offer, ...] = (), needs: Level = Level.PWD, held: tuple[Proof, ...] = ()
) -> Show | Complete:
    policy = Policy(first=("password", "passkey"), enrolled=has, required=needs, held=held)
    return next_step(TX._replace(proofs=proved), policy)


@pytest.mark.parametrize("proved", [(), (PASSWORD,), (PASSWORD, proof(TOTP))], ids=len)
def test_only_who_has_proved_everything_is_asked_to_make_room(proved: tuple[Proof, ...]) -> None:
    """SS-5: whoever lacks a proof learns nothing of other devices."""
    policy = Policy(first=("password",), enrolled=(TOTP,), full=True)
    step = next_step(TX._replace(proofs=proved), policy)
    assert isinstance(step, Show)
    assert step.step == ("password", "totp", TAKEOVER)[len(proved)]
    assert step.others == ()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(step(), ("password", "passkey"), id="nothing-yet"),
        pytest.param(step(has=ALL), ("password", "passkey"), id="what-one-has-does-not-show-before"),
        pytest.param(step(PASSWORD), None, id="password-is-enough"),
        pytest.param(step(PASSWORD, has=(TOTP,)), ("totp",), id="who-has-one-is-asked"),
        pytest.param(step(PASSWORD, has=ALL), ("passkey", "totp", "mail"), id="strongest-first"),
        pytest.param(step(PASSWORD, proof(TOTP), has=ALL), None, id="two-are-enough"),
        pytest.param(step(proof(PASSKEY), has=ALL), None, id="a-passkey-alone"),
        pytest.param(step(PASSWORD, has=ALL, needs=Level.MFA), ("passkey", "totp"), id="a-weak-one-will-not-do"),
        pytest.param(step(PASSWORD, proof(MAIL), has=ALL, needs=Level.MFA), ("passkey", "totp"), id="one-more"),
        pytest.param(step(PASSWORD, proof(TOTP), has=(TOTP,), needs=Level.PHR), None, id="out-of-reach-ends"),
        pytest.param(step(PASSWORD, has=(), needs=Level.MFA), None, id="nothing-to-ask-ends"),
        pytest.param(step(PASSWORD, has=(MAIL,), needs=Level.MFA), ("mail",), id="as-near-as-one-can"),
        pytest.param(step(has=(TOTP,), held=(PASSWORD,)), ("totp",), id="a-step-up-asks-what-is-missing"),
        pytest.param(step(proof(TOTP), has=(TOTP,), held=(PASSWORD,)), None, id="a-step-up-ends"),
        pytest.param(step(proof(TOTP), has=ALL), ("password", "passkey"), id="a-step-up-whose-session-is-gone"),
    ],
)  # fmt: skip
def test_the_next_step(found: Show | Complete, expected: tuple[str, ...] | None) -> None:
    """SU-2: one function says what comes next."""
    assert ((found.step, *found.others) if isinstance(found, Show) else None) == expected


def test_the_requests_own_level_counts_too() -> None:
    """SU-3: an app that wants more."""
    tx = TX._replace(proofs=(PASSWORD,), level=Level.MFA)
    assert next_step(tx, Policy(first=("password",), enrolled=(TOTP, MAIL))) == Show(step="totp")


OFFERS = st.lists(st.sampled_from(ALL), unique=True).map(tuple)


@given(has=OFFERS, needs=st.sampled_from(Level), choice=st.integers(0, 5))
def test_every_walk_ends_and_reaches_what_can_be_reached(
    has: tuple[Offer, ...], needs: Level, choice: int
) -> None:
    """SU-2: whichever of the offered steps one takes."""
    proved: tuple[Proof, ...] = (PASSWORD,)
    for _ in range(len(has) + 1):
        found = step(*proved, has=has, needs=needs)
        if isinstance(found, Complete):
            break
        names = (found.step, *found.others)
        offer = next(offer for offer in has if offer.name == names[choice % len(names)])
        assert offer.name not in {each.factor for each in proved}
        proved = (*proved, proof(offer))
    else:
        raise AssertionError("it never ends")
    assert level_of(proved) >= min(max(needs, Level.MFA_LOW if has else Level.PWD), reachable(has))
