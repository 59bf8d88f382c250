"""The endpoints of the JSON sign-in: each takes one step of the login that the pages take, too."""

import json
import re
from datetime import datetime, timedelta

from authserver.authentication import Level
from authserver.errors import TooMany
from authserver.factors.email_code import EmailCode
from authserver.factors.passkey import PasskeyFactor
from authserver.factors.password import Password
from authserver.factors.registry import factors
from authserver.issuer import Issuer
from authserver.jose import CONFLICT, PENDING
from authserver.login import apps, room
from authserver.login.completion import Entered
from authserver.login.providers import of_address
from authserver.login.requirements import Show
from authserver.login.room import Over
from authserver.login.steps import Moved, Outcome, Proved, Wrong, step_of, take
from authserver.oauth.errors import Closed, OAuthRefusal, invalid_request
from authserver.oauth.json_login import answers
from authserver.oauth.json_login.answers import METHODS
from authserver.oauth.json_login.asked import Asked, Held, holding, of_app, over
from authserver.oauth.request import Answer, OAuthRequest, json_answer
from authserver.opaque import new_id
from authserver.sessions.limits import Full
from authserver.store import retrying
from authserver.transaction import Purpose, Transaction

SESSION_ID = re.compile(r"[0-9a-f]{32}")


def login(issuer: Issuer, request: OAuthRequest) -> Answer:
    """Name and password."""
    asked = of_app(issuer, request)
    username, password = asked.text("username"), asked.text("password")
    tx = _begun(issuer, asked)
    if of_address(issuer, tx, username) is not None:
        return answers.interaction(issuer, answers.SIGN_IN, "this address signs in by a provider")
    given = {"username": username, "password": password}
    outcome = take(issuer, tx, Password.name, given, asked.visitor)
    if isinstance(outcome, Wrong):
        return answers.wrong_credentials()
    return _after(issuer, asked, outcome)


def mfa(issuer: Issuer, request: OAuthRequest) -> Answer:
    """One more proof. The token lives until the login ends, or five answers were wrong."""
    held = holding(issuer, request, PENDING, "mfa_token")
    show, method = _asks(issuer, held), held.asked.text("method")
    methods = answers.open_methods(issuer, held.tx, show)
    if method not in METHODS or not show.allows(method):
        raise OAuthRefusal(
            "this method is not open here",
            code="invalid_request",
            rule="method",
            value=method[:50],
            members={"methods": list(methods)},
        )
    try:
        outcome = take(issuer, held.tx, method, _answer(held.asked, method), held.asked.visitor)
    except TooMany as closed:
        others = [name for name in methods if name != method]
        raise Closed(closed, members={"methods": others}) from closed
    if isinstance(outcome, Wrong):
        return answers.wrong_code(outcome.left)
    return _after(issuer, held.asked, outcome)


def send(issuer: Issuer, request: OAuthRequest) -> Answer:
    """Mail a code, or another one; each address waits a minute. EOTP-2."""
    held = holding(issuer, request, PENDING, "mfa_token")
    factor, tx, now = factors(issuer)[EmailCode.name], held.tx, issuer.clock()
    if factor.name not in answers.open_methods(issuer, tx, _asks(issuer, held)):
        raise invalid_request("no code can be mailed here", rule="method", value=factor.name)

    def attempt() -> None:
        with issuer.database.writing() as db:
            factor.send(db, issuer, tx, by=held.asked.visitor.by)

    retrying(attempt)
    with issuer.database.reading() as db:
        sending = factor.sending(db, issuer, tx)
    if sending is None:
        raise over("the address went meanwhile", rule="address_gone")
    told = {
        "sent_to": sending.to,
        "expires_in": _left(sending.ends_at, now),
        "resend_in": _left(sending.again_at, now),
    }
    return json_answer(200, told)


def start(issuer: Issuer, request: OAuthRequest) -> Answer:
    """Go on where there is room by now."""
    return _chosen(issuer, holding(issuer, request, CONFLICT, "conflict_token"), "")


def takeover(issuer: Issuer, request: OAuthRequest) -> Answer:
    """End the chosen session and go on, both or neither. SS-5."""
    held = holding(issuer, request, CONFLICT, "conflict_token")
    chosen = held.asked.text("session_id")
    if not SESSION_ID.fullmatch(chosen):
        raise invalid_request("session_id is the id of a session", rule="session_id")
    return _chosen(issuer, held, chosen)


def _begun(issuer: Issuer, asked: Asked) -> Transaction:
    """A login for this app: written down with its first proof, as every one."""
    scope, now = asked.text("scope") if "scope" in asked.members else "", issuer.clock()
    if "scope" in asked.members and not scope.split():
        raise invalid_request("scope is empty", rule="scope_empty")
    apps.asked(issuer, asked.client, scope)
    wanted = {"client_id": asked.client.client_id, "scope": scope, "origin": asked.origin}
    return Transaction(
        id=new_id(),
        purpose=Purpose.APP,
        request={name: value for name, value in wanted.items() if value},
        browser=asked.visitor.browser,
        created_at=now,
        expires_at=now + timedelta(seconds=issuer.settings.login_lifetime),
        level=Level.PWD,
    )


def _asks(issuer: Issuer, held: Held) -> Show:
    """What the login asks for now; its token is spent where that is nothing that an app could answer."""
    with issuer.database.reading() as db:
        show = step_of(db, issuer, held.tx, held.asked.visitor)
    if not isinstance(show, Show) or not {show.step, *show.others} & set(METHODS):
        raise over("no more proof is asked for", rule="mfa_token_spent")
    return show


def _answer(asked: Asked, method: str) -> dict[str, str]:
    """The one answer that came: a code, or what the authenticator said."""
    if method != PasskeyFactor.name:
        if "assertion" in asked.members:
            raise invalid_request("there is more than one answer", rule="answers")
        return {"code": asked.text("code")}
    assertion = asked.members.get("assertion")
    if not isinstance(assertion, dict) or "code" in asked.members:
        raise invalid_request("assertion is missing, or no object, or not alone", rule="answers")
    return {PasskeyFactor.prompt.field: json.dumps(assertion)}


def _after(issuer: Issuer, asked: Asked, outcome: Outcome) -> Answer:
    match outcome:
        case Entered():
            return answers.tokens(issuer, asked, outcome)
        case Proved(tx=tx, show=show):
            return answers.missing(issuer, asked, tx, show)
        case Moved() | Wrong():
            raise over("another request of this login was first", rule="login_moved")


def _chosen(issuer: Issuer, held: Held, chosen: str) -> Answer:
    match room.choose(issuer, held.tx, chosen, held.asked.visitor):
        case Entered() as entered:
            return answers.tokens(issuer, held.asked, entered)
        case Full():
            return answers.conflict(issuer, held.asked, held.tx)
        case Over():
            raise over(
                "another request of this login was first, or the choice took too long", rule="conflict_over"
            )


def _left(at: datetime | None, now: datetime) -> int:
    return max(0, round((at - now).total_seconds())) if at is not None else 0
