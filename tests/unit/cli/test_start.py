"""What a start loads: what answers machines is ready at once, the rest is loaded while they are answered."""

import subprocess
import sys

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
