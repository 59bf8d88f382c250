"""What a login that comes back has done for the request that waited for it."""

from datetime import UTC, datetime, timedelta

from authserver.authentication import Authentication, Kind, Level, Proof, SessionId, UserId
from authserver.oauth.decide import Here
from authserver.oauth.paused import carry
from authserver.oauth.resume import Returned

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SESSION = SessionId("s1")
PASSWORD = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=NOW)
TOTP = Proof(factor="totp", amr=("otp",), kind=Kind.POSSESSION, at=NOW, beside=Level.MFA)
OLDER = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=NOW - timedelta(seconds=1))


def returned(*proofs: Proof, before: Here | None = None, of: SessionId = SESSION) -> Returned:
    request = carry({"client_id": "app"}, before, of) if before else {"client_id": "app"}
    return Returned(request=request, session=SESSION, proofs=proofs, level=Level.MFA)


def held(*proofs: Proof) -> Authentication:
    return Authentication(user=UserId("u1"), session=SESSION, at=proofs[0].at, proofs=proofs)


def test_a_whole_sign_in_counts_as_one() -> None:
    """AZ-11, AZ-12."""
    assert returned(PASSWORD, TOTP).here(held(PASSWORD, TOTP)) == Here(signed_in=True, asked=Level.MFA)


def test_a_step_up_is_no_sign_in() -> None:
    """SU-4: it moves no auth_time, so it meets neither prompt=login nor max_age."""
    assert returned(TOTP).here(held(OLDER, TOTP)) == Here(asked=Level.MFA)


def test_a_proof_of_another_login_is_not_this_ones() -> None:
    """AZ-14: somebody signed in once more in another tab."""
    assert not returned(OLDER).here(held(PASSWORD)).signed_in


def test_a_choice_shows_nothing_but_the_choice() -> None:
    """AZ-11."""
    assert returned().here(held(PASSWORD)) == Here(chose_account=True)


def test_a_step_up_keeps_what_was_done_before_in_the_same_session() -> None:
    """AZ-11: and in no other."""
    before = Here(signed_in=True, chose_account=True)
    assert returned(TOTP, before=before).here(held(OLDER, TOTP)) == Here(
        signed_in=True, chose_account=True, asked=Level.MFA
    )
    other = returned(TOTP, before=before, of=SessionId("s2"))
    assert other.here(held(OLDER, TOTP)) == Here(asked=Level.MFA)
