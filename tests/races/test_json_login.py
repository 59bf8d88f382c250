"""T-1: what an app holds between the steps of a sign-in, brought by 32 threads to every process at once."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyotp
import pytest

from authserver.audit import SYSTEM
from authserver.authentication import UserId
from authserver.clients import edit as clients
from authserver.clients import find as clients_of
from authserver.factors import recovery_code, totp
from authserver.issuer import Issuer
from authserver.login.steps import APP_TRIES
from authserver.sessions import keeping_out
from authserver.store import Hot, Session
from authserver.users.find import by_identifier
from tests.races.volley import THREADS, Shot, volley
from tests.seeds import BOB
from tests.serve import Deployment
from tests.wire import Reply

ENROLLING = "e" * 32
TIMES = 5  # what it is made of has its 20 rounds elsewhere
ANEW = Hot("UPDATE totp_devices SET last_step = 0 WHERE user_id = :user")
NO_LIMIT = Hot("UPDATE users SET max_sessions = :most WHERE id = :user")
FORGOTTEN = Hot("DELETE FROM totp_devices WHERE user_id = :user")


def shot(path: str, **members: Any) -> Shot:
    return Shot(
        method="POST",
        path=path,
        headers={"Content-Type": "application/json"},
        body=json.dumps({"client_id": "field-notes", **members}).encode(),
    )


@pytest.fixture
def ground(playground: Deployment) -> Iterator[tuple[Deployment, Issuer, UserId, pyotp.TOTP]]:
    """Bob, with an authenticator app, and an app that signs him in; as he was before in the end."""
    with playground.opened() as issuer:
        with issuer.database.writing() as db:
            found = by_identifier(db, BOB.email)
            assert found
            user = found.id
            registered(issuer, db)
            totp.begin(db, issuer, user, ENROLLING)
            device = totp.pending(db, issuer, user, ENROLLING)
            assert device
            key = device.key(issuer.vault)
            assert isinstance(
                totp.confirm(db, issuer, user, ENROLLING, key.at(issuer.clock())), totp.Confirmed
            )
        yield playground, issuer, user, key
        with issuer.database.writing() as db:
            db.hot(FORGOTTEN, {"user": user}).close()
            db.hot(NO_LIMIT, {"user": user, "most": None}).close()
            keeping_out.end_all(db, issuer, user, by=SYSTEM)
            db.hot(Hot("DELETE FROM recovery_codes WHERE user_id = :user"), {"user": user}).close()


def registered(issuer: Issuer, db: Session) -> None:
    if clients_of.find(db, "field-notes") is None:
        about = {"client_id": "field-notes", "name": "Notes", "kind": "public", "first_party": True}
        clients.add(db, issuer, {**about, "json_login": True}, by=SYSTEM)


def asked(deployment: Deployment) -> dict[str, Any]:
    """The answer to name and password."""
    (reply,) = volley(deployment, [shot("/api/login", username=BOB.email, password=BOB.password)])
    found: dict[str, Any] = reply.json()
    return found


@contextmanager
def one_more_session(deployment: Deployment, user: UserId) -> Iterator[None]:
    """One session and one family of tokens come of it."""
    counts = "SELECT (SELECT count(*) FROM sso_sessions WHERE kind = 'app'), (SELECT count(*) FROM grants)"
    ((sessions, grants),) = deployment.rows(counts)
    yield
    assert deployment.rows(counts) == [(sessions + 1, grants + 1)]


def one_won(replies: list[Reply], losing: set[tuple[int, str]]) -> Reply:
    won = [reply for reply in replies if reply.status == 200]
    lost = Counter((reply.status, reply.json()["error"]) for reply in replies if reply.status != 200)
    assert len(won) == 1, lost
    assert set(lost) <= losing, lost
    return won[0]


LATE = {(401, "invalid_token"), (429, "too_many_attempts"), (400, "invalid_request")}


def test_one_of_32_gets_tokens_for_one_code(
    ground: tuple[Deployment, Issuer, UserId, pyotp.TOTP],
) -> None:
    """T-1, SU-1, TOTP-3: one token, one code; and who was late has not guessed."""
    deployment, issuer, user, key = ground
    for _ in range(TIMES):
        with issuer.database.writing() as db:
            db.hot(ANEW, {"user": user}).close()
        token = asked(deployment)["mfa_token"]
        mfa = shot("/api/login/mfa", mfa_token=token, method="totp", code=key.at(issuer.clock()))
        with one_more_session(deployment, user):
            one_won(volley(deployment, [mfa] * THREADS), LATE)
    assert deployment.rows("SELECT count(*) FROM failures WHERE kind = 'code' AND counted") in (
        [(0,)],
        [(False,)],
    )


def test_one_of_32_gets_tokens_for_one_token(
    ground: tuple[Deployment, Issuer, UserId, pyotp.TOTP],
) -> None:
    """T-1, SU-1: each with another right answer."""
    deployment, issuer, user, key = ground
    for _ in range(TIMES):
        with issuer.database.writing() as db:
            db.hot(ANEW, {"user": user}).close()
            codes = recovery_code.make(db, issuer, user, by=SYSTEM)
        token = asked(deployment)["mfa_token"]
        shots = [shot("/api/login/mfa", mfa_token=token, method="recovery", code=code) for code in codes]
        shots.append(shot("/api/login/mfa", mfa_token=token, method="totp", code=key.at(issuer.clock())))
        with one_more_session(deployment, user):
            one_won(volley(deployment, shots), LATE)


def test_one_of_32_has_one_code_in_logins_of_their_own(
    ground: tuple[Deployment, Issuer, UserId, pyotp.TOTP],
) -> None:
    """T-1, TOTP-3: the step is the person's, whatever token it comes with."""
    deployment, issuer, user, key = ground
    with issuer.database.writing() as db:
        db.hot(ANEW, {"user": user}).close()
    tokens = [asked(deployment)["mfa_token"] for _ in range(4)]
    code = key.at(issuer.clock())
    shots = [shot("/api/login/mfa", mfa_token=token, method="totp", code=code) for token in tokens]
    with one_more_session(deployment, user):
        one_won(volley(deployment, shots * 2), {*LATE, (401, "invalid_code")})
    with issuer.database.writing() as db:
        db.hot(Hot("DELETE FROM failures"), {}).close()


def test_32_guesses_by_one_token_are_five(ground: tuple[Deployment, Issuer, UserId, pyotp.TOTP]) -> None:
    """T-1, SU-1: of every kind together, however many come at once; then not even a right one is taken."""
    deployment, issuer, user, _ = ground
    with issuer.database.writing() as db:
        code, *_ = recovery_code.make(db, issuer, user, by=SYSTEM)
    token = asked(deployment)["mfa_token"]
    guesses = [
        shot("/api/login/mfa", mfa_token=token, method="totp", code="12345"),
        shot("/api/login/mfa", mfa_token=token, method="recovery", code="AAAA-AAAA-AAAA-AAAA"),
    ]
    before = deployment.rows("SELECT count(*) FROM sso_sessions")
    said = Counter(
        (reply.status, reply.json()["error"]) for reply in volley(deployment, guesses * (THREADS // 2))
    )
    assert said[401, "invalid_code"] == APP_TRIES
    assert set(said) <= {(401, "invalid_code"), *LATE}
    (late,) = volley(deployment, [shot("/api/login/mfa", mfa_token=token, method="recovery", code=code)])
    assert (late.status, late.json()["error"]) == (401, "invalid_token")
    assert deployment.rows("SELECT count(*) FROM sso_sessions") == before
    with issuer.database.writing() as db:
        db.hot(Hot("DELETE FROM failures"), {}).close()


def test_one_of_32_makes_the_choice(ground: tuple[Deployment, Issuer, UserId, pyotp.TOTP]) -> None:
    """T-1, SS-5: one takeover by one token, and one session in the end."""
    deployment, issuer, user, _ = ground
    with issuer.database.writing() as db:
        db.hot(FORGOTTEN, {"user": user}).close()
        keeping_out.end_all(db, issuer, user, by=SYSTEM)
        db.hot(NO_LIMIT, {"user": user, "most": 1}).close()
    assert "access_token" in asked(deployment)
    for _ in range(TIMES):
        full = asked(deployment)
        token, chosen = full["conflict_token"], full["sessions"][0]["id"]
        shots = [
            shot("/api/session/takeover", conflict_token=token, session_id=chosen),
            shot("/api/session/start", conflict_token=token),
        ]
        with one_more_session(deployment, user):
            one_won(
                volley(deployment, shots * (THREADS // 2)),
                {(401, "invalid_token"), (409, "session_conflict")},
            )
        alive = "SELECT count(*) FROM sso_sessions WHERE user_id = ? AND ended_at IS NULL"
        assert deployment.rows(alive, user) == [(1,)]
