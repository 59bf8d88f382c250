"""A whole installation inside the test: the real app, a real database, a clock in the hand.

    def test_somebody_signs_in(world):                          # the fixture: a fresh world for each test
        ada = world.add_user("ada@example.org")                 # a Person with a password, and `.id`
        web = world.add_client("web", scope="openid email")     # a RelyingParty, its secret known
        tokens = sign_in(world.browser(), web, ada)             # tests.oidc: real pages, verified tokens
        browser = world.signed_in(ada)                          # or past the pages
        world.clock.advance(minutes=6)                          # nothing sleeps
        world.set(refresh_grace=0)                              # settings, live at once
        reply = world.post("/oauth/revoke", {...}, headers)     # bare requests, no cookies, no redirects
        assert world.events("refresh_reused")                   # audit rows, oldest first
        assert world.explain(reply.json()["reference"]).rule == "…"
        with world.writing() as db: ...                         # domain functions; world.issuer is theirs
        with world.statements(3): web.refresh(tokens)           # a budget: at most so many statements

Browser and RelyingParty are those that talk to real servers (tests/agent.py, tests/oidc.py); here what they send to
world.url reaches the app without a socket. A test that opens a socket or hashes a password inside writing() fails.
`TEST_STORE=postgresql` runs the same tests on PostgreSQL. Another configuration: the fixture `make_world`.
"""

import io
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes, urlsplit

from jinja2.bccache import Bucket, BytecodeCache
from pydantic import SecretStr
from sqlalchemy import Dialect, event, select

from authserver.apis import edit as apis
from authserver.app import App, create_app
from authserver.audit import SYSTEM
from authserver.authentication import Proof, UserId
from authserver.cli.init import prepare
from authserver.clients import edit as clients
from authserver.config import Config
from authserver.factors.password import hash_password
from authserver.groups import edit as groups
from authserver.issuer import Issuer
from authserver.mail import outbox
from authserver.refusals import Explanation, find
from authserver.settings import secrets
from authserver.settings.values import SECRETS
from authserver.store import Hot, Session, bump
from authserver.store.records.operations import AuditEventRow, SettingRow
from authserver.upstream.find import live
from authserver.users import edit as users
from authserver.users.find import load as find_user
from authserver.work.deliver import Delivery
from authserver.work.tell_apps import TellApps
from tests import wire
from tests.agent import Browser, CookieJar
from tests.oidc import Person, RelyingParty
from tests.signing import signed_in
from tests.wire import Fields, Reply

START = datetime(2027, 1, 15, 12, tzinfo=UTC)
PASSWORD = "Analytical engines weave"
CALLBACK = "https://app.example/callback"
# Cheap hashes, no limit that a test meets unawares, and no question to people who came from providers.
QUICK = {
    "argon2_memory": 8,
    "argon2_time": 1,
    "address_failures": 100_000,
    "client_requests": 100_000,
    "confirmed_address": "off",
}


class Compiled(BytecodeCache):
    """Templates compiled once a run: a world is new for each test, the pages are not."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key + bucket.checksum in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


# So are SQLAlchemy's statements, which it keeps for each engine and dialect.
DIALECTS: dict[str, Dialect] = {}
STATEMENTS: dict[Any, Any] = {}


@dataclass(slots=True)
class HandClock:
    """The time, moved by hand."""

    time: datetime = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        """Let time pass: `advance(minutes=5)`, or any other word of timedelta."""
        self.time += timedelta(**by)

    def now(self) -> float:
        return self.time.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident(Person):
    """Somebody with an account here."""

    id: UserId
    subject: str


@dataclass(slots=True, kw_only=True)
class World:
    app: App
    clock: HandClock = field(default_factory=HandClock)
    ip: str = "192.0.2.1"

    @property
    def issuer(self) -> Issuer:
        return self.app.issuer

    @property
    def url(self) -> str:
        return self.issuer.url

    # What talks to it

    def browser(self, **changed: Any) -> Browser:
        """A new browser, whose cookies age by this world's clock."""
        return Browser(home=self.url, jar=CookieJar(now=self.clock.now), **changed)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("GET", self.url + path, headers or {}, None)

    def post(self, path: str, form: Fields, headers: Mapping[str, str] | None = None) -> Reply:
        return wire.post(self.url + path, form, headers)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """One request to the app, as a server would hand it over."""
        return self._ask(url, environ_of(method, url, headers, body))

    def ask(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """As send(), with a query that no client would write."""
        url = self.url + path
        return self._ask(url, environ_of(method, url, headers, body) | {"QUERY_STRING": query})

    def _ask(self, url: str, environ: dict[str, Any]) -> Reply:
        environ["REMOTE_ADDR"] = self.ip
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, found: list[tuple[str, str]], *_: Any) -> None:
            started.append((status, found))

        chunks = self.app(environ, start)
        content = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        (status, found), *more = started
        assert not more, "the app started two answers"
        return Reply(url=url, status=int(status[:3]), headers=tuple(found), body=content)

    # Who and what is in it

    def add_user(self, email: str = "ada@example.org", password: str = PASSWORD, **given: Any) -> Resident:
        """Somebody who can sign in; `given` as users.edit.add takes it."""
        about = {"email": email, "email_verified": True, "name": "Ada Lovelace", **given}
        phc = hash_password(self.issuer, password)
        with self.writing() as db:
            user = users.add(db, self.issuer, about, by=SYSTEM)
            users.set_password(db, self.issuer, user.id, phc, by=SYSTEM)
        return Resident(
            email=email,
            password=password,
            name=user.name,
            username=user.username or "",
            id=user.id,
            subject=user.subject,
        )

    def add_client(self, client_id: str = "web", *, public: bool = False, **given: Any) -> RelyingParty:
        """A client and the app that holds it; `given` as clients.edit.add takes it, and `scope` for the app."""
        scope = given.pop("scope", "openid profile email")
        about = {
            "client_id": client_id,
            "name": client_id.title(),
            "kind": "public" if public else "confidential",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": scope.split(),
            **given,
        }
        with self.writing() as db:
            made = clients.add(db, self.issuer, about, by=SYSTEM)
        return self.party(
            client_id,
            made.secret.reveal() if made.secret else "",
            scope=scope,
            redirect_uri=next(iter(about["redirect_uris"]), ""),
        )

    def edit_client(self, client_id: str, **changes: Any) -> None:
        with self.writing() as db:
            clients.edit(db, self.issuer, client_id, changes, by=SYSTEM)

    def add_api(self, identifier: str, **given: Any) -> None:
        """An API; `given` as apis.edit.add takes it."""
        with self.writing() as db:
            apis.add(db, self.issuer, {"identifier": identifier, "name": identifier, **given}, by=SYSTEM)

    def edit_api(self, identifier: str, **changes: Any) -> None:
        with self.writing() as db:
            apis.edit(db, self.issuer, identifier, changes, by=SYSTEM)

    def add_group(self, group: str, *people: Resident, **given: Any) -> None:
        """A group with these people in it."""
        with self.writing() as db:
            groups.add(db, self.issuer, {"name": group, **given}, by=SYSTEM)
            groups.add_members(db, self.issuer, group, [person.id for person in people], by=SYSTEM)

    def edit_group(self, group: str, **changes: Any) -> None:
        with self.writing() as db:
            groups.edit(db, self.issuer, group, changes, by=SYSTEM)

    def party(self, client_id: str, secret: str = "", **changed: Any) -> RelyingParty:
        """The app that holds a client."""
        auth = "client_secret_basic" if secret else "none"
        known: dict[str, Any] = {
            "client_id": client_id,
            "secret": secret,
            "auth": auth,
            "now": self.clock.now,
        }
        return RelyingParty(**({"issuer": self.url, **known} | changed))

    def signed_in(
        self, person: Resident, browser: Browser | None = None, proofs: Iterable[Proof] = ()
    ) -> Browser:
        """A browser in which somebody signed in just now, by password or these proofs, without the pages."""
        browser = browser or self.browser()
        with self.writing() as db:
            _, handle = signed_in(db, self.issuer, find_user(db, person.id), proofs)
        name = "__Host-as_session" if self.url.startswith("https") else "as_session"
        attributes = "Path=/; HttpOnly; SameSite=Lax" + "; Secure" * self.url.startswith("https")
        cookie = (("Set-Cookie", f"{name}={handle}; {attributes}"),)
        browser.jar.take(Reply(url=self.url, status=200, headers=cookie, body=b""))
        return browser

    def set(self, **values: Any) -> None:
        """Change settings, as an admin would."""
        with self.writing() as db:
            for name in SECRETS & values.keys():
                values[name] = secrets.seal(self.issuer.vault, name, SecretStr(values[name]))
            write_settings(db, values, self.clock())

    # What is mailed

    def mails(self, to: str = "") -> list[outbox.Kept]:
        """Mails as they were written, oldest first; `.written` has subject, text, html and link."""
        with self.reading() as db:
            found = outbox.readable(db, self.issuer, limit=1000)
        return [mail for mail in reversed(found) if to in {"", mail.to}]

    def deliver(self) -> int:
        """What the background does each second."""
        return Delivery(issuer=self.issuer).round()

    def tell_apps(self) -> int:
        """The same for apps that are told of the end of a session."""
        return TellApps(issuer=self.issuer).round()

    # What happened

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.issuer.database.reading() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction whose changes hold here at once."""
        with self.issuer.database.writing() as db:
            yield db
        self.issuer.revisions.forget()

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with self.reading() as db:
            found: list[tuple[Any, ...]] = db.hot(Hot(sql), values).fetchall()
        return found

    def events(self, name: str = "") -> list[AuditEventRow]:
        """What was audited, oldest first."""
        with self.reading() as db:
            rows = db.orm.scalars(select(AuditEventRow).order_by(AuditEventRow.id)).all()
        return [row for row in rows if not name or row.event == name]

    def explain(self, reference: str) -> Explanation:
        """What `authserver explain` would say."""
        self.issuer.refusals.flush()
        with self.reading() as db:
            found = find(db, reference)
        assert found is not None, f"nothing is known of {reference}"
        return found

    @contextmanager
    def statements(self, most: int) -> Iterator[list[str]]:
        """At most so many statements are asked of the database; the list holds them."""
        asked: list[str] = []
        database = self.issuer.database
        engine = database.mapping.engine

        def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        # The first look at the revisions is due every half second, whoever asks.
        self.issuer.revisions.look()
        live(self.issuer)
        database.counting = asked.append
        event.listen(engine, "before_cursor_execute", listen)
        try:
            yield asked
        finally:
            database.counting = None
            event.remove(engine, "before_cursor_execute", listen)
        assert len(asked) <= most, f"{len(asked)} statements, {most} allowed:\n" + "\n".join(asked)


def write_settings(db: Session, values: Mapping[str, Any], now: datetime) -> None:
    for name, value in values.items():
        db.orm.merge(SettingRow(name=name, value=value, updated_by="test", updated_at=now))
    bump(db, "settings")


def prepared(config: Config) -> None:
    """Make what an installation needs, with settings that keep tests quick."""
    prepare(config, HandClock())
    app = create_app(config, clock=HandClock())
    with app.issuer.database.writing() as db:
        write_settings(db, QUICK, START)
    app.close()


@contextmanager
def inhabited(config: Config) -> Iterator[World]:
    """A world on a prepared installation, reachable at its URL for as long as this lasts."""
    clock = HandClock()
    world = World(app=create_app(config, clock=clock), clock=clock)
    world.app.flask.jinja_env.bytecode_cache = Compiled()
    engine = world.issuer.database.mapping.engine
    engine.dialect = DIALECTS.setdefault(engine.name, engine.dialect)
    engine.update_execution_options(compiled_cache=STATEMENTS)
    wire.INSIDE[origin_of(world.url)] = world.send
    try:
        yield world
    finally:
        wire.INSIDE.pop(origin_of(world.url), None)
        world.app.close()


def copied(template: Path, to: Path, **given: Any) -> Config:
    """The configuration of a copy of a prepared data folder."""
    shutil.copytree(template, to)
    return Config(data_dir=to, **given)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def environ_of(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> dict[str, Any]:
    """The WSGI environment of a request; nothing in it is tidied up."""
    parts = urlsplit(url)
    found: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body or b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if body is not None:
        found["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        found[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return found
