"""One's own second factors, for an app: what there is, setting up an authenticator app, and giving it up."""

from typing import Any

from flask import Blueprint, Response, g, jsonify
from werkzeug.wrappers import Response as AnyResponse

from authserver.errors import Refusal
from authserver.factors import recovery_code
from authserver.factors.contract import Refused
from authserver.factors.email_code import EmailCode, mailbox
from authserver.factors.password import Password
from authserver.factors.recovery_code import RecoveryCode
from authserver.factors.registry import factors
from authserver.factors.totp import Totp
from authserver.login import again, enrolment
from authserver.login.completion import Visitor
from authserver.login.enrolment import Made
from authserver.login.steps import Wrong
from authserver.oauth.errors import OAuthRefusal
from authserver.oauth.json_login import answers
from authserver.sessions.sso import SsoSession
from authserver.store import Session, retrying
from authserver.users import find
from authserver.web import holder
from authserver.web.api import reading
from authserver.web.context import actor, issuer
from authserver.web.guards import Guard, demands
from authserver.web.qr import qr

blueprint = Blueprint("own_factors", __name__, url_prefix="/api/users/me/mfa")
APP_PAGE = "/account/factors/totp"


@blueprint.get("")
@demands(Guard.OWN)
def show() -> AnyResponse:
    """What there is, since when, and how many recovery codes are left."""
    return _status()


@blueprint.post("/enroll")
@demands(Guard.OWN)
def enroll() -> AnyResponse:
    """A secret for an authenticator app: it and the recovery codes count once a code confirms it. TOTP-1, RC-1."""
    holder.check_fresh()
    if _text(reading.members(), "method") != Totp.name:
        raise Refusal("The method is totp.", rule="method", nearest=Totp.name)
    asked, session = issuer(), _session()

    def attempt() -> dict[str, Any]:
        with asked.database.writing() as db:
            user = find.load(db, session.user)
            enrolment.check_offered(db, asked, user.id)
            made = enrolment.set_up(db, asked, user, session.id)
            codes = enrolment.promise_codes(db, asked, session)
        return {"secret": made.secret, "otpauth_uri": made.uri, "recovery_codes": list(codes)}

    told = retrying(attempt)
    return jsonify({**told, "qr_svg": str(qr(told["otpauth_uri"]))})


@blueprint.post("/confirm")
@demands(Guard.OWN)
def confirm() -> AnyResponse:
    """The app counts from its first code on, and with it the recovery codes that were shown. TOTP-1, TOTP-3."""
    holder.check_fresh()
    asked, session, code = issuer(), _session(), _text(reading.members(), "code")

    def attempt() -> Made | Refused:
        with asked.database.writing() as db:
            return enrolment.confirm_promised(db, asked, session, code, by=actor(session))

    if isinstance(retrying(attempt), Refused):
        raise OAuthRefusal("this is not the code of the new app", code="invalid_code", rule="totp_confirm")
    return _status()


@blueprint.post("/disable")
@demands(Guard.OWN)
def disable() -> AnyResponse:
    """Give the app up, for the password and a code of it, or a recovery code. TOTP-7, TOTP-8, PW-1."""
    asked, session, given = issuer(), _session(), reading.members()
    password, (method, code) = _text(given, "password"), _second(given)
    with asked.database.reading() as db:
        user = find.load(db, session.user)
        if enrolment.ways(db, asked, user).app is None:
            raise Refusal("There is no authenticator app.", rule="no_app", status=409)
        if enrolment.stays(db, asked, user, Totp.name):
            raise Refusal(
                "A second step is required here, so the last one stays.", rule="last_factor", status=409
            )
        needs_password = enrolment.needs_password(db, asked, user, Totp.name)
    if needs_password:
        url = f"{asked.url}{APP_PAGE}/remove"
        raise OAuthRefusal(
            "the password is too short to stand alone; a new one is chosen on a page",
            code="interaction_required",
            status=403,
            rule="password_length",
            members={"url": url},
        )
    for name, answer in ((Password.name, {"password": password}), (method, {"code": code})):
        wrong = again.prove(asked, session.user, name, answer, _visitor(session))
        if wrong is not None:
            return _refused(name, wrong)

    def attempt() -> None:
        with asked.database.writing() as db:
            enrolment.remove(db, asked, session, Totp.name, None, by=actor(session))

    retrying(attempt)
    return _status()


@blueprint.post("/recovery-codes")
@demands(Guard.OWN)
def new_codes() -> AnyResponse:
    """Ten new ones, in this answer alone; all that were before end. RC-4."""
    holder.check_fresh()
    reading.nothing()
    asked, session = issuer(), _session()

    def attempt() -> tuple[str, ...]:
        with asked.database.writing() as db:
            return enrolment.new_codes(db, asked, find.load(db, session.user), by=actor(session))

    return jsonify({"recovery_codes": list(retrying(attempt))})


def _status() -> AnyResponse:
    asked, session = issuer(), _session()
    with asked.database.reading() as db:
        found = _ways(db, session)
    return jsonify(found)


def _ways(db: Session, session: SsoSession) -> dict[str, Any]:
    asked = issuer()
    user = find.load(db, session.user)
    ways = enrolment.ways(db, asked, user)
    methods: list[dict[str, Any]] = []
    if ways.app is not None:
        methods.append(_method(Totp.name, set_up_at=ways.app.set_up_at, last_used_at=ways.app.last_used_at))
    for each in ways.passkeys:
        times = {"set_up_at": each.set_up_at, "last_used_at": each.last_used_at}
        methods.append(_method("passkey", id=each.id, name=each.label, **times))
    mailed = mailbox(db, user.id) if factors(asked)[EmailCode.name].ready(db, asked, user.id) else None
    if mailed is not None:
        methods.append(_method(EmailCode.name, sent_to=mailed.masked, last_used_at=mailed.used_at))
    codes = ways.codes
    return {
        "enabled": ways.app is not None or bool(ways.passkeys),
        "required": ways.required,
        "methods": methods,
        "recovery_codes": {
            "left": codes.left,
            "of": codes.of,
            "made_at": answers.moment(codes.made_at) if codes.made_at else None,
        },
    }


def _method(method: str, /, **about: Any) -> dict[str, Any]:
    told = {
        key: answers.moment(value) if key.endswith("_at") and value else value for key, value in about.items()
    }
    return {"method": method, **told}


def _second(given: dict[str, Any]) -> tuple[str, str]:
    """A code of the app, or a recovery code, by what it looks like."""
    code = _text(given, "recovery_code" if "recovery_code" in given else "code")
    if "recovery_code" in given and "code" in given:
        raise Refusal("Send one code.", rule="answers")
    is_recovery = "recovery_code" in given or recovery_code.normal("".join(code.split())) is not None
    return (RecoveryCode.name if is_recovery else Totp.name), code


def _refused(name: str, wrong: Wrong) -> Response:
    found = answers.wrong_credentials() if name == Password.name else answers.wrong_code(wrong.left)
    return Response(found.body, found.status, headers=list(found.headers))


def _visitor(session: SsoSession) -> Visitor:
    return Visitor(browser=b"", device=None, session=session, by=actor(session))


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise Refusal(f"{name} is missing, or no text.", rule="member", value=name)
    return value


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
