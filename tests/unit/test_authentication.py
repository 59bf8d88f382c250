"""What proofs are worth: the whole table, in any order in which they may have been made."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.authentication import (
    Authentication,
    Kind,
    Level,
    Proof,
    SessionId,
    UserId,
    amr_of,
    from_json,
    level_of,
    short,
)
from authserver.clock import seconds
from tests.sign_ins import AT, MAILED, PWD, TABLE, TOTP, UPSTREAM, VERIFIED, SignIn

EVERY = sorted({proof for row in TABLE.values() for proof in row.proofs}, key=repr)


def of(*proofs: Proof) -> Authentication:
    return Authentication(user=UserId("u1"), session=SessionId("s1"), at=AT, proofs=proofs)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_sign_in(row: SignIn) -> None:
    """ID-4: amr and acr exactly as the table says, kept as they are."""
    found = from_json(of(*row.proofs).text)
    assert list(found.amr) == row.words
    assert found.acr == row.acr
    assert list(short(found.amr)) == row.short_words


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_the_order_of_proofs_makes_nobody_surer(row: SignIn) -> None:
    """ID-4."""
    for proofs in permutations(row.proofs):
        assert level_of(proofs).acr == row.acr
        assert set(amr_of(proofs)) == set(row.words)


@given(st.lists(st.sampled_from(EVERY), min_size=1, max_size=4).map(tuple))
def test_mfa_is_said_exactly_from_mfa_low_on(proofs: tuple[Proof, ...]) -> None:
    """ID-4: whatever was proved; and the short form says no more than the long one."""
    found = of(*proofs)
    assert ("mfa" in found.amr) == (found.level >= Level.MFA_LOW)
    assert set(short(found.amr)) <= set(found.amr)
    assert ("mfa" in short(found.amr)) == ("mfa" in found.amr)
    if found.amr[0] == "pwd":
        assert short(found.amr) in {("pwd",), ("pwd", "mfa")}


@given(
    st.lists(
        st.builds(
            Proof,
            factor=st.sampled_from(["pwd", 'upstream:"at":"', 'x","at":"2026"}]}', "zoë\\", "{}"])
            | st.text(),
            amr=st.lists(st.sampled_from(["pwd", "mfa", "otp", '"at":"', "é"]) | st.text(), max_size=3).map(
                tuple
            ),
            kind=st.sampled_from(Kind),
            at=st.datetimes(timezones=st.just(UTC)),
            alone=st.sampled_from(Level),
            beside=st.sampled_from(Level),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_read_back_is_what_was_proved(proofs: tuple[Proof, ...], at: datetime) -> None:
    """ID-4: whatever words there are, and also where another record was worth the same at another time."""
    of(*proofs)
    found = from_json(Authentication(user=UserId("u2"), session=SessionId("s2"), at=at, proofs=proofs).text)
    assert found.proofs == proofs
    assert (found.user, found.session, found.at, found.auth_time) == ("u2", "s2", at, seconds(at))
    assert (found.level, found.acr) == (level_of(proofs), level_of(proofs).acr)
    assert found.amr == amr_of(proofs)


def test_other_proofs_are_worth_what_they_are_worth() -> None:
    """ID-4: with them, amr and acr are exchanged too, and neither of them alone."""
    assert of(PWD)._replace(proofs=(PWD, TOTP)) == of(PWD, TOTP)
    with pytest.raises(TypeError):
        of(PWD)._replace(acr="mfa")


def test_since_when_a_level_holds() -> None:
    """SU-3: a proof that was added counts from when it was made, and moves nothing else."""
    later = AT + timedelta(hours=3)
    found = of(PWD, MAILED).stepped_up(TOTP._replace(at=later))
    assert found == of(PWD, MAILED, TOTP._replace(at=later))
    assert found.at == AT
    assert found.since(Level.PWD) == AT
    assert found.since(Level.MFA) == later
    assert of(PWD, TOTP).since(Level.MFA) == AT
    assert of(VERIFIED).since(Level.PHR) == AT
    assert of(UPSTREAM).since(Level.MFA) == AT
