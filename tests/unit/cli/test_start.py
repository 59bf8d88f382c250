"""What a start loads: what answers machines is ready at once, the rest is loaded while they are answered."""

import subprocess
import sys

import pytest

ON_REQUEST = ("sqlalchemy", "alembic", "lxml", "signxml", "ldap3", "webauthn", "psycopg", "redis", "requests")
LATER = ("flask", "werkzeug", *ON_REQUEST)


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_first_answer_waits_for_neither_the_site_nor_the_orm() -> None:
    """OPS-2: each of these would be a fifth of the start, or more."""
    loaded = python(f"import authserver.cli.serve, sys; print([n for n in {LATER} if n in sys.modules])")
    assert loaded.stdout.strip() == "[]", loaded.stderr


def test_the_site_is_loaded_without_what_few_of_its_requests_need() -> None:
    """Each of these is loaded by the first that asks for it: the ORM alone is a quarter of a worker."""
    site = "import authserver.web.site, authserver.work.background, authserver.users.notices, sys"
    loaded = python(f"{site}; print([n for n in {ON_REQUEST} if n in sys.modules])")
    assert loaded.stdout.strip() == "[]", loaded.stderr


def test_a_worker_whose_site_cannot_be_built_says_so_and_ends() -> None:
    """A worker without its pages is not left to answer."""
    ended = python(
        """
from authserver.cli import serve

class Broken:
    issuer = None
    @property
    def site(self):
        raise LookupError("no page of this name")

serve._complete(None, Broken())
"""
    )
    assert (ended.returncode, "no page of this name" in ended.stderr) == (1, True), ended.stderr


@pytest.mark.parametrize(
    ("begun_as", "becomes"), [("SCHED_OTHER", "SCHED_BATCH"), ("SCHED_IDLE", "SCHED_IDLE")]
)
def test_the_threads_of_a_worker_keep_to_their_slices(begun_as: str, becomes: str) -> None:
    """What somebody chose for the server stays as it is."""
    said = python(
        f"""
import os, threading
from authserver.cli import serve

os.sched_setscheduler(0, os.{begun_as}, os.sched_param(0))
serve._keep_to_slices()
thread = threading.Thread(target=lambda: print(os.sched_getscheduler(0) == os.{becomes}))
thread.start()
thread.join()
"""
    )
    assert said.stdout.strip() == "True", said.stderr


def test_a_worker_works_where_it_may_not_choose_how_it_is_scheduled() -> None:
    """A sandbox may forbid it: that is no reason not to start."""
    said = python(
        """
import os
from authserver.cli import serve

def forbidden(*_args):
    raise PermissionError

os.sched_setscheduler = forbidden
serve._keep_to_slices()
"""
    )
    assert said.returncode == 0, said.stderr
