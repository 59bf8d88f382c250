"""Where an authorization request leads: one row per clause."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from authserver.authentication import Authentication, Kind, Level, Proof, SessionId, UserId
from authserver.clients.client import Client
from authserver.oauth.authorize import AuthorizeRequest
from authserver.oauth.claims_request import AcrWish
from authserver.oauth.decide import (
    AskAccount,
    AskConsent,
    AskLogin,
    AskRegistration,
    AskRoom,
    AskStepUp,
    Decision,
    Here,
    Issue,
    NotAllowed,
    Person,
    Refuse,
    decide,
)
from authserver.oauth.prompts import Prompt
from authserver.oauth.respond import ReturnAddress
from authserver.tokens.required import Requirement
from authserver.users.user import User

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = Proof(factor="password", amr=("pwd",), kind=Kind.KNOWLEDGE, at=NOW)
TOTP = Proof(factor="totp", amr=("otp",), kind=Kind.POSSESSION, at=NOW, beside=Level.MFA)
ANA = User(
    id=UserId("u1"),
    subject="sub-ana",
    username="ana",
    name="Ana",
    email=None,
    email_verified=False,
    locale=None,
    status="active",
    role=None,
    epoch=0,
    groups=("staff",),
    attributes={},
    created_at=NOW,
    updated_at=NOW,
    last_sign_in_at=None,
    max_sessions=None,
    version=1,
)
APP = Client(
    id="1",
    client_id="app",
    name="App",
    kind="confidential",
    auth_method="client_secret_basic",
    first_party=True,
)
THIRD = replace(APP, first_party=False)
NATIVE = replace(APP, kind="public", auth_method="none")
WEB = ReturnAddress(redirect_uri="https://app.example.org/callback")
LOOPBACK = ReturnAddress(redirect_uri="http://127.0.0.1:5000/callback")
PRIVATE = ReturnAddress(redirect_uri="com.example.app:/callback")
SCOPE = ("openid", "profile")
HERE = Here()
SIGNED_IN = Here(signed_in=True)


def asks(client: Client = APP, to: ReturnAddress = WEB, **more: object) -> AuthorizeRequest:
    request = AuthorizeRequest(client=client, to=to, scope=SCOPE)
    return request._replace(**more)  # type: ignore[arg-type]


def person(**more: object) -> Person:
    """Ana, who signed in with her password a minute ago."""
    authentication = Authentication(
        user=ANA.id, session=SessionId("s1"), at=NOW - timedelta(minutes=1), proofs=(PASSWORD,)
    )
    return Person(user=ANA, authentication=authentication, scope=SCOPE)._replace(**more)  # type: ignore[arg-type]


def proved(*proofs: Proof) -> Authentication:
    return person().authentication._replace(proofs=proofs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    request: AuthorizeRequest
    person: Person | None
    here: Here = HERE
    expected: Decision | type | str


def wishes(*levels: Level, essential: bool = False) -> AcrWish:
    return AcrWish(levels=levels, essential=essential, named=True)


OLD = (PASSWORD, TOTP._replace(at=NOW - timedelta(minutes=1)))
STRONG = person(authentication=proved(PASSWORD, TOTP), reachable=Level.MFA)
PRESENT = person(reachable=Level.MFA)
TABLE = {
    "nobody-signed-in": Row(request=asks(), person=None, expected=AskLogin),
    "ss5-this-device-gave-way": Row(request=asks(), person=None, here=Here(gave_way=True), expected=AskRoom),
    "first-party-is-issued": Row(request=asks(), person=person(), expected=Issue(scope=SCOPE)),
    # Initiating User Registration
    "create-opens-registration": Row(
        request=asks(prompts=frozenset({Prompt.CREATE})), person=None, expected=AskRegistration
    ),
    "create-asks-somebody-signed-in-too": Row(
        request=asks(prompts=frozenset({Prompt.CREATE})), person=person(), expected=AskRegistration
    ),
    "create-is-met-by-a-sign-in-made-here": Row(
        request=asks(prompts=frozenset({Prompt.CREATE})), person=person(), here=SIGNED_IN, expected=Issue
    ),
    # AZ-11
    "az11-prompt-login": Row(
        request=asks(prompts=frozenset({Prompt.LOGIN})), person=person(), expected=AskLogin
    ),
    "az11-prompt-login-met-by-a-proof-made-here": Row(
        request=asks(prompts=frozenset({Prompt.LOGIN})), person=person(), here=SIGNED_IN, expected=Issue
    ),
    "az11-prompt-login-not-met-by-a-step-up-alone": Row(
        request=asks(prompts=frozenset({Prompt.LOGIN})),
        person=STRONG,
        here=Here(asked=Level.MFA),
        expected=AskLogin,
    ),
    "az11-prompt-consent-asks-even-first-party": Row(
        request=asks(prompts=frozenset({Prompt.CONSENT})), person=person(), expected=AskConsent
    ),
    "az11-prompt-consent-asks-what-was-allowed-before": Row(
        request=asks(THIRD, prompts=frozenset({Prompt.CONSENT})),
        person=person(agreed=frozenset(SCOPE)),
        expected=AskConsent,
    ),
    "az11-prompt-consent-met-by-an-answer-made-here": Row(
        request=asks(prompts=frozenset({Prompt.CONSENT})),
        person=person(),
        here=Here(agreed=frozenset(SCOPE)),
        expected=Issue,
    ),
    "az11-select-account": Row(
        request=asks(prompts=frozenset({Prompt.SELECT_ACCOUNT})), person=person(), expected=AskAccount
    ),
    "az11-select-account-met-by-choosing": Row(
        request=asks(prompts=frozenset({Prompt.SELECT_ACCOUNT})),
        person=person(),
        here=Here(chose_account=True),
        expected=Issue,
    ),
    "az11-select-account-met-by-signing-in": Row(
        request=asks(prompts=frozenset({Prompt.SELECT_ACCOUNT})),
        person=person(),
        here=SIGNED_IN,
        expected=Issue,
    ),
    # AZ-12
    "az12-young-enough": Row(request=asks(max_age=60), person=person(), expected=Issue),
    "az12-too-old": Row(request=asks(max_age=59), person=person(), expected=AskLogin),
    "az12-zero-always-asks": Row(
        request=asks(max_age=0),
        person=person(authentication=person().authentication._replace(at=NOW)),
        expected=AskLogin,
    ),
    "az12-zero-met-by-a-proof-made-here": Row(
        request=asks(max_age=0), person=person(), here=SIGNED_IN, expected=Issue
    ),
    "az12-a-slow-sign-in-is-not-asked-twice": Row(
        request=asks(max_age=1), person=person(), here=SIGNED_IN, expected=Issue
    ),
    # SS-9
    "ss9-hint-of-this-person": Row(
        request=asks(hinted=frozenset({"sub-ana"})), person=person(), expected=Issue
    ),
    "ss9-hint-of-another": Row(
        request=asks(hinted=frozenset({"sub-ben"})), person=person(), expected=AskLogin
    ),
    "ss9-another-signed-in-than-was-hinted": Row(
        request=asks(hinted=frozenset({"sub-ben"})),
        person=person(),
        here=SIGNED_IN,
        expected="login_required",
    ),
    "ss9-two-hints-nobody-can-meet": Row(
        request=asks(hinted=frozenset({"sub-ana", "sub-ben"})), person=person(), expected=AskLogin
    ),
    # allowed_groups
    "groups-in-one": Row(
        request=asks(replace(APP, allowed_groups=("staff", "board"))), person=person(), expected=Issue
    ),
    "groups-in-none": Row(
        request=asks(replace(APP, allowed_groups=("board",))), person=person(), expected=NotAllowed
    ),
    "groups-empty-list-is-nobody": Row(
        request=asks(replace(APP, allowed_groups=())), person=person(), expected=NotAllowed
    ),
    # scope
    "scope-a-part-is-left": Row(
        request=asks(), person=person(scope=("openid",)), expected=Issue(scope=("openid",))
    ),
    "scope-nothing-is-left": Row(request=asks(), person=person(scope=()), expected="access_denied"),
    # SU-3, SU-6
    "su6-required-is-reached": Row(
        request=asks(required=Requirement(level=Level.MFA)), person=STRONG, expected=Issue
    ),
    "su6-required-steps-up": Row(
        request=asks(required=Requirement(level=Level.MFA)),
        person=PRESENT,
        expected=AskStepUp(reason="mfa is needed", level=Level.MFA),
    ),
    "su6-required-out-of-reach": Row(
        request=asks(required=Requirement(level=Level.MFA)),
        person=person(),
        expected="unmet_authentication_requirements",
    ),
    "su3-wish-is-met-by-more": Row(request=asks(acr=wishes(Level.MFA_LOW)), person=STRONG, expected=Issue),
    "su3-wish-steps-up-to-the-first-within-reach": Row(
        request=asks(acr=wishes(Level.PHR, Level.MFA)),
        person=PRESENT,
        expected=AskStepUp(reason="mfa is needed", level=Level.MFA),
    ),
    "su3-any-listed-level-satisfies": Row(
        request=asks(acr=wishes(Level.PHR, Level.PWD)), person=PRESENT, expected=Issue
    ),
    "su3-known-wishes-all-out-of-reach": Row(
        request=asks(acr=wishes(Level.PHR)), person=STRONG, expected="unmet_authentication_requirements"
    ),
    "su3-unknown-wishes-are-ignored": Row(request=asks(acr=wishes()), person=person(), expected=Issue),
    "su3-essential-unknown": Row(
        request=asks(acr=wishes(essential=True)),
        person=STRONG,
        expected="unmet_authentication_requirements",
    ),
    "su3-essential-steps-up": Row(
        request=asks(acr=wishes(Level.MFA, essential=True)), person=PRESENT, expected=AskStepUp
    ),
    "su3-essential-out-of-reach": Row(
        request=asks(acr=wishes(Level.PHR, essential=True)),
        person=PRESENT,
        expected="unmet_authentication_requirements",
    ),
    "su3-a-step-up-that-gave-nothing-is-not-asked-again": Row(
        request=asks(required=Requirement(level=Level.MFA)),
        person=PRESENT,
        here=Here(asked=Level.MFA),
        expected="unmet_authentication_requirements",
    ),
    "su3-a-second-factor-of-long-ago-is-asked-anew": Row(
        request=asks(acr=wishes(Level.MFA), mfa_max_age=59),
        person=STRONG._replace(authentication=STRONG.authentication._replace(proofs=OLD)),
        expected=AskLogin(reason="mfa was proved 60 s ago", level=Level.MFA, anew=True),
    ),
    "su3-a-second-factor-young-enough": Row(
        request=asks(required=Requirement(level=Level.MFA), mfa_max_age=60),
        person=STRONG._replace(authentication=STRONG.authentication._replace(proofs=OLD)),
        expected=Issue,
    ),
    "su3-one-that-was-added-since-counts-from-then": Row(
        request=asks(acr=wishes(Level.MFA), mfa_max_age=59), person=STRONG, expected=Issue
    ),
    "su3-nobody-demands-it-so-its-age-is-nothing": Row(
        request=asks(acr=wishes(Level.PHR, Level.PWD), mfa_max_age=1),
        person=STRONG._replace(authentication=STRONG.authentication._replace(proofs=OLD)),
        expected=Issue,
    ),
    "su3-required-age-is-met": Row(
        request=asks(required=Requirement(max_age=60)), person=person(), expected=Issue
    ),
    "su3-required-age-is-not-met": Row(
        request=asks(required=Requirement(max_age=59)), person=person(), expected=AskLogin
    ),
    "su3-the-app-cannot-widen-a-required-age": Row(
        request=asks(required=Requirement(max_age=59), max_age=600), person=person(), expected=AskLogin
    ),
    "su3-nor-does-a-required-age-widen-what-the-app-asks": Row(
        request=asks(required=Requirement(max_age=600), max_age=59), person=person(), expected=AskLogin
    ),
    "su6-a-scope-requires-more": Row(
        request=asks(of_scopes={"profile": Requirement(level=Level.MFA)}),
        person=PRESENT,
        expected=AskStepUp(reason="mfa is needed", level=Level.MFA),
    ),
    "su6-a-scope-requires-an-age": Row(
        request=asks(of_scopes={"profile": Requirement(max_age=30)}), person=person(), expected=AskLogin
    ),
    "su6-a-scope-that-this-person-may-not-have-requires-nothing": Row(
        request=asks(of_scopes={"profile": Requirement(level=Level.PHR, max_age=0)}),
        person=person(scope=("openid",)),
        expected=Issue(scope=("openid",)),
    ),
    "ad9-the-house-rule-steps-up": Row(
        request=asks(),
        person=PRESENT._replace(least=Level.MFA_LOW),
        expected=AskStepUp(reason="mfa-low is needed", level=Level.MFA_LOW),
    ),
    # AZ-15
    "az15-third-party-asks": Row(
        request=asks(THIRD),
        person=person(),
        expected=AskConsent(reason="they have not allowed this before", scope=SCOPE, new=frozenset(SCOPE)),
    ),
    "az15-remembered": Row(
        request=asks(THIRD), person=person(agreed=frozenset({*SCOPE, "email"})), expected=Issue
    ),
    "az15-asked-again-for-more": Row(
        request=asks(THIRD),
        person=person(agreed=frozenset({"openid"})),
        expected=AskConsent(
            reason="they have not allowed this before", scope=SCOPE, new=frozenset({"profile"})
        ),
    ),
    "az15-an-answer-counts-only-for-what-was-shown": Row(
        request=asks(THIRD),
        person=person(),
        here=Here(agreed=frozenset({"openid"})),
        expected=AskConsent,
    ),
    "az15-signing-in-is-not-allowing": Row(
        request=asks(THIRD), person=person(), here=SIGNED_IN, expected=AskConsent
    ),
    # AZ-16
    "az16-loopback-is-never-silent": Row(
        request=asks(NATIVE, LOOPBACK), person=person(), expected=AskConsent
    ),
    "az16-private-scheme-is-never-silent": Row(
        request=asks(NATIVE, PRIVATE), person=person(agreed=frozenset(SCOPE)), expected=AskConsent
    ),
    "az16-remembered-is-not-enough": Row(
        request=asks(replace(NATIVE, first_party=False), PRIVATE),
        person=person(agreed=frozenset(SCOPE)),
        expected=AskConsent,
    ),
    "az16-having-signed-in-here-is": Row(
        request=asks(NATIVE, LOOPBACK), person=person(), here=SIGNED_IN, expected=Issue
    ),
    "az16-having-allowed-here-is": Row(
        request=asks(NATIVE, LOOPBACK), person=person(), here=Here(agreed=frozenset(SCOPE)), expected=Issue
    ),
    "az16-a-web-app-may-be": Row(request=asks(NATIVE, WEB), person=person(), expected=Issue),
    "az16-a-secret-proves-the-app-on-a-developers-machine": Row(
        request=asks(APP, LOOPBACK), person=person(), expected=Issue
    ),
}


def check(decision: Decision, expected: Decision | type | str) -> None:
    match expected:
        case str():
            assert isinstance(decision, Refuse)
            assert decision.refusal.code == expected
        case type():
            assert isinstance(decision, expected)
        case _:
            assert decision == expected


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_clause(row: Row) -> None:
    """AZ-11, AZ-12, AZ-15, AZ-16, SS-9, SU-3, SU-6."""
    check(decide(row.request, row.person, row.here, NOW), row.expected)


SILENT = {
    AskLogin: "login_required",
    AskRegistration: "interaction_required",
    AskRoom: "interaction_required",
    AskStepUp: "interaction_required",
    AskAccount: "account_selection_required",
    AskConsent: "consent_required",
    NotAllowed: "access_denied",
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_prompt_none_turns_each_question_into_its_error(row: Row) -> None:
    """AZ-10: with every clause, and never a page."""
    loud = decide(row.request, row.person, row.here, NOW)
    silent = decide(
        row.request._replace(prompts=row.request.prompts | {Prompt.NONE}), row.person, row.here, NOW
    )
    if type(loud) in SILENT:
        assert isinstance(silent, Refuse)
        assert silent.refusal.code == SILENT[type(loud)]
    else:
        assert type(silent) is type(loud)


def test_the_login_is_told_the_level_at_once() -> None:
    """SU-3: nobody is asked for a password, and then for a code on a second trip."""
    request = asks(required=Requirement(level=Level.MFA_LOW), acr=wishes(Level.MFA))
    decision = decide(request, None, HERE, NOW)
    assert isinstance(decision, AskLogin)
    assert decision.level is Level.MFA


def test_signing_in_again_never_weakens_a_session() -> None:
    """SU-4: the level that the session has is asked for again."""
    decision = decide(asks(prompts=frozenset({Prompt.LOGIN})), STRONG, HERE, NOW)
    assert isinstance(decision, AskLogin)
    assert decision.level is Level.MFA


@pytest.mark.parametrize(
    ("prompts", "max_age", "first_party"),
    tuple(
        product(
            (frozenset(), frozenset({Prompt.LOGIN}), frozenset({Prompt.CONSENT}), frozenset(Prompt)),
            (None, 0, 30),
            (True, False),
        )
    ),
)
def test_answering_every_question_always_ends_in_a_code(
    prompts: frozenset[Prompt], max_age: int | None, first_party: bool
) -> None:
    """No request sends a person round in circles: each question is asked once at most."""
    request = asks(replace(APP, first_party=first_party), prompts=prompts - {Prompt.NONE}, max_age=max_age)
    here, who = HERE, None
    for _ in range(4):
        decision = decide(request, who, here, NOW)
        match decision:
            case AskLogin() | AskRegistration():
                here, who = here._replace(signed_in=True), person()
            case AskAccount():
                here = here._replace(chose_account=True)
            case AskConsent(scope=scope):
                here = here._replace(agreed=frozenset(scope))
            case _:
                break
    assert decision == Issue(scope=SCOPE)
