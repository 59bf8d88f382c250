"""The answers of the JSON sign-in: tokens, or what is missing, each refusal with its code in `error`."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from authserver.agents import network, plain
from authserver.authentication import UserId
from authserver.clients.find import by_client_id
from authserver.factors import ceremony, passkeys
from authserver.factors.email_code import EmailCode
from authserver.factors.passkey import PasskeyFactor, binding
from authserver.factors.recovery_code import RecoveryCode
from authserver.factors.registry import factors
from authserver.factors.totp import Totp
from authserver.issuer import Issuer
from authserver.jose import CONFLICT, PENDING
from authserver.login import apps, room
from authserver.login.completion import Entered
from authserver.login.requirements import ADDRESS, ELSEWHERE, TAKEOVER, TERMS, Show
from authserver.metrics import count
from authserver.oauth.errors import OAuthRefusal
from authserver.oauth.json_login.asked import Asked, over
from authserver.oauth.request import Answer, json_answer
from authserver.oauth.server import body
from authserver.sessions import limits, sso
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.tokens import pending
from authserver.tokens.issue import issue_tokens, login_token
from authserver.transaction import Transaction
from authserver.users import find

METHODS = (Totp.name, EmailCode.name, PasskeyFactor.name, RecoveryCode.name)
LASTS = timedelta(minutes=5)
FACTORS, SIGN_IN = "/account/factors", "/login"


def tokens(issuer: Issuer, asked: Asked, entered: Entered) -> Answer:
    """Signed in."""
    if entered.ready is None:
        raise TypeError("an app's login ends with a grant")
    generation = 0 if "refresh_token" in asked.client.grant_types else None
    issued = issue_tokens(issuer, entered.ready, generation=generation)
    count("tokens_issued", grant="json_login")
    return json_answer(200, body(issued))


def missing(issuer: Issuer, asked: Asked, tx: Transaction, show: Show) -> Answer:
    """What the person still has to do, here or on a page. Only whoever proved a first factor learns of it."""
    match show.step:
        case step if step == TAKEOVER:
            return conflict(issuer, asked, tx)
        case step if step != ELSEWHERE:
            methods = open_methods(issuer, tx, show)
            if methods:
                return _mfa_required(issuer, asked, tx, methods)
    if tx.user is not None:
        with issuer.database.reading() as db:
            if not apps.wish(db, issuer, tx).share.is_open:
                raise OAuthRefusal(
                    "this person may not use this app", code="access_denied", status=403, rule="groups"
                )
    path = SIGN_IN if show.step in {TERMS, ADDRESS} else FACTORS
    return interaction(issuer, path, "a step of this sign-in is done on a page")


def interaction(issuer: Issuer, path: str, words: str) -> Answer:
    return refused(403, "interaction_required", words, {"url": issuer.url + path})


def open_methods(issuer: Issuer, tx: Transaction, show: Show) -> tuple[str, ...]:
    """The ways that an app can ask for, of those that are open to the person now."""
    known, offered = factors(issuer), [name for name in (show.step, *show.others) if name in METHODS]
    if tx.user is None:
        return ()
    with issuer.database.reading() as db:
        return tuple(name for name in offered if not known[name].locked(db, issuer, tx.user))


def conflict(issuer: Issuer, asked: Asked, tx: Transaction) -> Answer:
    """Everything is proved, and one of these must end first; the choice is open for five minutes. SS-5."""
    now = issuer.clock()
    with issuer.database.reading() as db:
        until = room.open_until(db, issuer, tx)
        if tx.user is None or until <= now:
            raise over("the choice took too long", rule="conflict_late")
        full = limits.look(db, issuer, tx.user)
        standing = sorted(full.standing if full else (), key=lambda each: each.last_seen_at)
        found = [session(db, issuer, each) for each in standing]
        token = login_token(issuer, CONFLICT, _about(db, asked, tx, tx.user), expires_at=until)
    members = {
        "conflict_token": token,
        "expires_in": math.ceil((until - now).total_seconds()),
        "sessions": found,
    }
    return refused(409, "session_conflict", "the person is signed in in too many places", members)


def wrong_credentials() -> Answer:
    """One answer, whoever was named and whatever was wrong. PW-4."""
    return refused(401, "invalid_credentials", "name or password is wrong")


def wrong_code(left: int | None) -> Answer:
    return refused(401, "invalid_code", "this is not right", {"tries_left": left or 0})


def session(db: Session, issuer: Issuer, found: SsoSession) -> dict[str, Any]:
    """A session as its owner recognizes it; the id is no secret and no cookie. SS-5, SS-8."""
    clients = (by_client_id(issuer, each) for each in sso.clients_of(db, found.id))
    return {
        "id": found.id,
        "kind": found.kind,
        "device": plain(found.user_agent),
        "ip": found.ip,
        "place": issuer.places.name(found.ip, "en") or network(found.ip),
        "apps": [client.name for client in clients if client is not None],
        "started_at": moment(found.created_at),
        "last_seen_at": moment(found.last_seen_at),
    }


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def refused(status: int, code: str, words: str, members: Mapping[str, Any] | None = None) -> Answer:
    """An answer that is no mistake of anybody's, so that it needs no reference to look up."""
    return json_answer(status, {"error": code, "error_description": words, **(members or {})})


def _mfa_required(issuer: Issuer, asked: Asked, tx: Transaction, methods: Iterable[str]) -> Answer:
    if tx.user is None:
        raise TypeError("a second factor is asked of somebody")
    until = min(issuer.clock() + LASTS, tx.expires_at)
    with issuer.database.reading() as db:
        token = login_token(issuer, PENDING, _about(db, asked, tx, tx.user), expires_at=until)
        theirs = [each.credential for each in passkeys.of_user(db, tx.user)]
    members: dict[str, Any] = {
        "mfa_token": token,
        "expires_in": math.ceil((until - issuer.clock()).total_seconds()),
        "methods": list(methods),
    }
    if PasskeyFactor.name in members["methods"]:
        members["passkey"] = json.loads(ceremony.request_options(issuer, theirs, binding(tx)))
    return refused(403, "mfa_required", "a second factor is needed", members)


def _about(db: Session, asked: Asked, tx: Transaction, user: UserId) -> pending.About:
    subject = find.load(db, user).subject
    return pending.About(client_id=asked.client.client_id, subject=subject, login=tx.id)
