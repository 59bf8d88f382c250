"""T-1: codes, links and steps of a sign-in, each tried by 32 threads of two processes at the same moment."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pyotp
import pytest

from authserver.app import create_app
from authserver.audit import SYSTEM
from authserver.authentication import UserId
from authserver.config import Config
from authserver.factors import recovery_code, totp
from authserver.factors.email_code import EmailCode
from authserver.issuer import Issuer
from authserver.login import recovery
from authserver.mail import outbox
from authserver.opaque import new_id
from authserver.store import Hot
from authserver.users import edit
from tests.conftest import STORES
from tests.races.contest import Contest, contest, login
from tests.races.volley import ROUNDS, THREADS
from tests.serve import Seed, Store

ENROLLING = "e" * 32
CODE = re.compile(r"\d{3} \d{3}")
FORGOTTEN = Hot("DELETE FROM outbox")
HASH = Hot("SELECT hash FROM passwords WHERE user_id = :user")
ANEW = Hot("UPDATE totp_devices SET last_step = 0 WHERE user_id = :user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """An installation on each database, somebody in it with both factors, and contestants on it."""

    issuer: Issuer
    contest: Contest
    user: UserId
    key: pyotp.TOTP


@pytest.fixture(scope="module", params=STORES)
def ground(
    request: pytest.FixtureRequest, seed_of: Callable[[Store], Seed], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    with ExitStack() as stack:
        data = tmp_path_factory.mktemp(f"factors-{request.param}") / "data"
        leading = stack.enter_context(seed_of(request.param).copied(data))
        config = Config(data_dir=data, database_url=leading.get("AUTHSERVER_DATABASE_URL", ""))  # type: ignore[arg-type]
        app = create_app(config)
        stack.callback(app.close)
        issuer = app.issuer
        with issuer.database.writing() as db:
            about = {"username": "racer", "email": "racer@example.org", "email_verified": True}
            user = edit.add(db, issuer, about, by=SYSTEM).id
        key = begun(issuer, user)
        with issuer.database.writing() as db:
            assert isinstance(
                totp.confirm(db, issuer, user, ENROLLING, key.at(issuer.clock())), totp.Confirmed
            )
        yield Ground(issuer=issuer, contest=stack.enter_context(contest(data, leading)), user=user, key=key)


def begun(issuer: Issuer, user: UserId) -> pyotp.TOTP:
    """An app that waits for its first code."""
    with issuer.database.writing() as db:
        totp.begin(db, issuer, user, ENROLLING)
        device = totp.pending(db, issuer, user, ENROLLING)
    assert device
    return device.key(issuer.vault)


def test_one_of_32_has_the_code_of_an_app(ground: Ground) -> None:
    """T-1, TOTP-3: the others learn that it was used."""
    for _ in range(ROUNDS):
        with ground.issuer.database.writing() as db:
            db.hot(ANEW, {"user": ground.user}).close()
        code = ground.key.at(ground.issuer.clock())
        results = Counter(ground.contest.round("prove", factor="totp", user=ground.user, code=code))
        assert results == {"Right": 1, "Spent": THREADS - 1}


def test_one_of_32_spends_a_recovery_code(ground: Ground) -> None:
    """T-1, RC-2: one winner, and nine codes are left."""
    for _ in range(ROUNDS):
        with ground.issuer.database.writing() as db:
            code, *_ = recovery_code.make(db, ground.issuer, ground.user, by=SYSTEM)
        results = Counter(ground.contest.round("prove", factor="recovery", user=ground.user, code=code))
        assert results == {"Right": 1, "Spent": THREADS - 1}
        with ground.issuer.database.reading() as db:
            assert recovery_code.left(db, ground.user).left == recovery_code.COUNT - 1


def test_one_of_32_has_the_code_that_was_mailed(ground: Ground) -> None:
    """T-1, EOTP-1: in one login, since a code is good in no other."""
    tx, factor = login(ground.issuer, {"user": ground.user}, "racer"), EmailCode()
    given = {"factor": "email", "user": ground.user, "login": tx.id}
    for _ in range(ROUNDS):
        with ground.issuer.database.writing() as db:
            db.hot(FORGOTTEN, {}).close()
            factor.send(db, ground.issuer, tx, by=SYSTEM)
            (mail,) = outbox.readable(db, ground.issuer)
        assert mail.written
        code = CODE.search(mail.written.text)
        assert code
        results = Counter(ground.contest.round("prove", **given, code=code[0]))
        assert results == {"Right": 1, "Spent": THREADS - 1}


def test_one_of_32_has_a_code_sent(ground: Ground) -> None:
    """T-1, EOTP-2: the others are told to wait, and one mail is written."""
    for _ in range(ROUNDS):
        with ground.issuer.database.writing() as db:
            db.hot(FORGOTTEN, {}).close()
        results = Counter(ground.contest.round("send", factor="email", user=ground.user))
        assert results == {"sent": 1, "TooMany": THREADS - 1}
        with ground.issuer.database.reading() as db:
            assert len(outbox.kept(db)) == 1


def test_one_of_32_confirms_an_app(ground: Ground) -> None:
    """T-1, TOTP-1, TOTP-3: one app counts, and its first code is spent."""
    with ground.issuer.database.writing() as db:
        user = edit.add(db, ground.issuer, {"username": "beginner"}, by=SYSTEM).id
    for _ in range(ROUNDS):
        code = begun(ground.issuer, user).at(ground.issuer.clock() + timedelta(seconds=1))
        results = Counter(ground.contest.round("set_up", user=user, enrolling=ENROLLING, code=code))
        assert results == {"Confirmed": 1, "Refused": THREADS - 1}


def test_one_of_32_takes_a_step_of_a_login(ground: Ground) -> None:
    """T-1, SU-1, SU-2, AZ-14: whether it makes the row or moves it on; the others load what stands."""
    for _ in range(ROUNDS):
        given = {"user": ground.user, "login": new_id()}
        for version in (0, 1, 2):
            results = Counter(ground.contest.round("step", **given, version=version))
            assert results == {version + 1: 1, None: THREADS - 1}


def test_one_of_32_sets_a_password_by_a_link(ground: Ground) -> None:
    """T-1, PW-7: what the one chose holds; to the others the link is over."""
    with ground.issuer.database.writing() as db:
        about = {"email": "forgetful@example.org", "email_verified": True}
        user = edit.add(db, ground.issuer, about, by=SYSTEM).id
    for _ in range(ROUNDS):
        with ground.issuer.database.writing() as db:
            db.hot(FORGOTTEN, {}).close()
        recovery.ask(ground.issuer, "forgetful@example.org", by=SYSTEM)
        with ground.issuer.database.reading() as db:
            (mail,) = outbox.readable(db, ground.issuer)
        assert mail.written
        _, _, ticket = mail.written.link.rpartition("/")
        results = ground.contest.round("reset", ticket=ticket, stands="alone")
        (won,) = [phc for phc in results if phc]
        with ground.issuer.database.reading() as db:
            assert db.one(HASH, {"user": user}) == (won,)
