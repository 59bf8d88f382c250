"""A running server with mail, registration and an app that demands a second factor; people come new with each test."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

import pyotp
from playwright.sync_api import CDPSession, Locator, Page, expect

from authserver.audit import SYSTEM
from authserver.clients import edit as clients
from authserver.factors import recovery_code, totp
from authserver.factors.codes import typed
from authserver.factors.password import hash_password
from authserver.issuer import Issuer
from authserver.sessions import sso
from authserver.users import edit as users
from authserver.users import find
from tests import live, seeds
from tests.oidc import Person, RelyingParty
from tests.peers.process import wait_until
from tests.peers.smtp import MailServer, text_of
from tests.serve import Deployment

ENROLLING = "e" * 32
NUMBERS = count(1)
CODE = re.compile(r"\d{3} \d{3}")
DEMANDING = "demanding"
LEVEL = "level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest(Person):
    """Somebody with an account of their own for one test."""

    id: str


@dataclass(slots=True, kw_only=True)
class House:
    """The server, and this process beside it as one more node that takes no requests."""

    deployment: Deployment
    issuer: Issuer
    mail: MailServer

    @classmethod
    @contextmanager
    def opened(cls, deployment: Deployment, mail: MailServer) -> Iterator[Self]:
        with deployment.opened() as issuer:
            house = cls(deployment=deployment, issuer=issuer, mail=mail)
            for client_id, rule in ((DEMANDING, {"second_factor": "required"}), (LEVEL, {})):
                house.add_app(client_id, **rule)
            told = {
                "registration": "open",
                "confirmed_address": "required",
                "support_contact": "help@id.example",
            }
            live.settle(deployment, house.party("robot"), **told, **mail.settings())
            yield house

    @property
    def url(self) -> str:
        return self.deployment.issuer

    def add_app(self, client_id: str, **given: Any) -> None:
        about = {
            "client_id": client_id,
            "name": client_id.title(),
            "kind": "confidential",
            "redirect_uris": [seeds.CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": seeds.SCOPES.split(),
            "first_party": True,
            **given,
        }
        with self.issuer.database.writing() as db:
            made = clients.add(db, self.issuer, about, by=SYSTEM)
        assert made.secret
        file = self.deployment.data / "secrets.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {client_id: made.secret.reveal()}))

    def party(self, name: str) -> RelyingParty:
        return seeds.party(self.deployment, name)

    @contextmanager
    def settings(self, **values: Any) -> Iterator[None]:
        """These settings hold on every worker while this lasts."""
        with live.settings(self.deployment, self.party("robot"), **values):
            yield

    def guest(self, name: str = "Grace Hopper", **given: Any) -> Guest:
        """Somebody new, with a password and a verified address, or with a user name in its place."""
        email, password = f"guest{next(NUMBERS)}@example.org", "Compilers talk to machines"
        known = {} if "username" in given else {"email": email, "email_verified": True}
        about = {**known, "name": name, **given}
        phc = hash_password(self.issuer, password)
        with self.issuer.database.writing() as db:
            user = users.add(db, self.issuer, about, by=SYSTEM)
            users.set_password(db, self.issuer, user.id, phc, by=SYSTEM)
        return Guest(email=given.get("username", email), password=password, name=name, id=user.id)

    def app_of(self, guest: Guest) -> pyotp.TOTP:
        """Their authenticator app, set up half a minute ago."""
        with self.issuer.database.writing() as db:
            totp.begin(db, self.issuer, guest.id, ENROLLING)
            device = totp.pending(db, self.issuer, guest.id, ENROLLING)
            assert device
            key = device.key(self.issuer.vault)
            before = typed({"code": key.at(self.issuer.clock(), counter_offset=-1)})
            assert isinstance(totp.confirm(db, self.issuer, guest.id, ENROLLING, before), totp.Confirmed)
        return key

    def codes_of(self, guest: Guest) -> tuple[str, ...]:
        with self.issuer.database.writing() as db:
            return recovery_code.make(db, self.issuer, guest.id, by=SYSTEM)

    def code(self, key: pyotp.TOTP, steps: int = 0) -> str:
        """What the app shows now, or so many steps later: it works already, and not twice."""
        return key.at(self.issuer.clock(), counter_offset=steps)

    def mailed(self, to: str, words: str) -> str:
        """The text of the newest mail to somebody that says this, once the mail server has it."""

        def found() -> list[str]:
            return [" ".join(text_of(mail).split()) for mail in self.mail.mails if mail["To"] == to]

        wait_until(lambda: any(words in text for text in found()), f"a mail to {to} that says {words!r}")
        return [text for text in found() if words in text][-1]

    def mailed_code(self, to: str) -> str:
        code = CODE.search(self.mailed(to, "code"))
        assert code
        return code[0]

    def sessions(self, email: str) -> int:
        """How many sessions somebody has open."""
        with self.issuer.database.reading() as db:
            user = find.by_identifier(db, email)
            assert user
            return len(sso.of_user(db, self.issuer, user.id, self.issuer.clock()))


def give_code(page: Page, code: str) -> None:
    page.get_by_label(re.compile("^(Code|Type the code)")).fill(code)
    page.get_by_role("button", name=re.compile("^(Continue|Confirm the app|Confirm my address)$")).click()


def other_way(page: Page, name: str) -> None:
    page.get_by_text("Use another way").click()
    page.get_by_role("link", name=re.compile(name)).click()


def is_headed(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def has_focus(page: Page, name: str) -> None:
    """The focus is in this field: Chromium moves it there with the first frame of a page that it draws."""
    expect(page.locator(f"[name={name}]")).to_be_focused()


def cookies(page: Page) -> set[str]:
    """The names of what this browser keeps of the server."""
    return {cookie["name"].removeprefix("__Host-") for cookie in page.context.cookies()}


@dataclass(slots=True)
class Authenticator:
    """A device with passkeys, played by Chromium itself; `verifies` says whether it asks for finger, face or PIN."""

    cdp: CDPSession
    id: str

    @classmethod
    def of(cls, page: Page, *, verifies: bool = True) -> "Authenticator":
        cdp = page.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "transport": "internal" if verifies else "usb",
            "hasResidentKey": verifies,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(cdp, made["authenticatorId"])

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found

    def is_at_hand(self, value: bool) -> None:
        """Whether anybody touches it when it is asked."""
        given = {"authenticatorId": self.id, "enabled": value}
        self.cdp.send("WebAuthn.setAutomaticPresenceSimulation", given)


def tab(page: Page) -> Page:
    """One more of the same browser: where the first is, an app would be that does not exist."""
    made = page.context.new_page()
    made.set_default_timeout(10_000)
    return made


def row(page: Page, words: str) -> Locator:
    return page.locator("li", has_text=words)
