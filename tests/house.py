"""The app in this process: a database of its own, a clock in the hand, browsers that keep cookies."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from argon2 import PasswordHasher
from flask.testing import FlaskClient

from authserver.app import App, create_app
from authserver.audit import SYSTEM
from authserver.authentication import UserId
from authserver.cli.init import prepare
from authserver.config import Config
from authserver.issuer import Issuer
from authserver.store import Hot, bump
from authserver.store.operations import SettingRow
from authserver.users import edit
from authserver.users.user import User

BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHEAP = {"argon2_memory": 8, "argon2_time": 1, "address_failures": 100_000}
PASSWORD = "Analytical engines weave"


@dataclass(slots=True)
class HandClock:
    """The time that a test says it is."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(slots=True, kw_only=True)
class House:
    """One installation; `settings` beyond the cheap ones are given when it is built."""

    app: App
    clock: HandClock
    folder: Path
    browsers: list[FlaskClient] = field(default_factory=list)

    @property
    def issuer(self) -> Issuer:
        return self.app.issuer

    def browser(self) -> FlaskClient:
        """A browser that nobody has used."""
        made = self.app.flask.test_client()
        self.browsers.append(made)
        return made

    def person(self, email: str = "ada@example.org", *, password: str = PASSWORD, **more: Any) -> User:
        """Somebody with an account, whose address is verified."""
        given = {"email": email, "email_verified": True, "name": "Ada Lovelace", **more}
        with self.issuer.database.writing() as db:
            made = edit.add(db, self.issuer, given, by=SYSTEM)
            edit.set_password(db, self.issuer, made.id, hashed(password), by=SYSTEM)
        return made

    def change(self, act: Any, user: UserId, **more: Any) -> Any:
        """One act of an administrator: `house.change(edit.lock, ada.id)`."""
        with self.issuer.database.writing() as db:
            return act(db, self.issuer, user, by=SYSTEM, **more)

    def set(self, **settings: Any) -> None:
        """Live settings, as somebody with a console would change them."""
        with self.issuer.database.writing() as db:
            for name, value in settings.items():
                row = SettingRow(name=name, value=value, updated_by="test", updated_at=self.clock())
                db.orm.merge(row)
            db.orm.flush()
            bump(db, "settings")
        self.issuer.revisions.forget()

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with self.issuer.database.reading() as db:
            found: list[tuple[Any, ...]] = db.hot(Hot(sql), values).fetchall()
        return found

    def count(self, table: str, where: str = "1 = 1", **values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table} WHERE {where}", **values)[0][0])

    def close(self) -> None:
        self.app.close()


def build(folder: Path, *, settings: Mapping[str, Any] | None = None) -> House:
    """A house on a copy of the prepared folder."""
    shutil.copytree(template(), folder, dirs_exist_ok=True)
    clock = HandClock()
    house = House(app=create_app(config_at(folder), clock=clock), clock=clock, folder=folder)
    house.set(**CHEAP, **(settings or {}))
    return house


@cache
def template() -> Path:
    """A data folder with a migrated database, roots and keys, made once a run."""
    folder = Path(mkdtemp(prefix="authserver-house-"))
    prepare(config_at(folder), HandClock())
    return folder


@cache
def hashed(password: str) -> str:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


def config_at(folder: Path) -> Config:
    return Config(data_dir=folder, bind="127.0.0.1:8000")
