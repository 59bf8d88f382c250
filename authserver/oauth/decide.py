"""What an authorization request leads to: a code, a question to the person, or a refusal. Pure; no I/O."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from authserver.apis.allow import Dropped
from authserver.authentication import Authentication, Kind, Level
from authserver.clients.redirects import is_native
from authserver.clock import seconds
from authserver.errors import Refusal
from authserver.oauth.authorize import AuthorizeRequest
from authserver.oauth.claims_request import AcrWish
from authserver.oauth.prompts import Prompt
from authserver.users.user import User


class Person(NamedTuple):
    """Who is signed in, and what is true of them at this client.

    `scope` is what client and person both may have of what was asked, `dropped` the rest and why; `agreed` what
    they allowed before; `reachable` the highest level that their ways to sign in can prove, `least` what every
    sign-in of theirs must reach here.
    """

    user: User
    authentication: Authentication
    scope: tuple[str, ...]
    dropped: tuple[Dropped, ...] = ()
    agreed: frozenset[str] = frozenset()
    reachable: Level = Level.PWD
    least: Level = Level.PWD


class Here(NamedTuple):
    """What happened for this very request, and no other: proofs are not recognized by comparing times.

    What waited on one of our pages has the `page` that it is spent with, by the one code that comes of it.
    """

    page: str = ""
    signed_in: bool = False  # the first factor was shown
    asked: Level = Level.PWD  # the level that the login was told to reach
    chose_account: bool = False
    gave_way: bool = False  # the sign-in of this browser ended to make room for another device
    agreed: frozenset[str] | None = None  # the consent page was answered with yes to these scopes


class Case(NamedTuple):
    request: AuthorizeRequest
    person: Person
    here: Here
    now: datetime


class Issue(NamedTuple):
    """A code for this scope."""

    scope: tuple[str, ...]


class AskLogin(NamedTuple):
    """They must sign in, up to this level; `anew`: a provider that remembers them is no answer."""

    reason: str
    level: Level
    anew: bool = False


class AskRegistration(NamedTuple):
    """They are to make an account, and to sign in with it, up to this level."""

    reason: str
    level: Level


class AskRoom(NamedTuple):
    """They must sign in, and choose which of their devices gives way: this one gave way to another. SS-5."""

    reason: str
    level: Level


class AskStepUp(NamedTuple):
    """They are signed in, and must prove more."""

    reason: str
    level: Level


class AskAccount(NamedTuple):
    """They must say which account."""

    reason: str


class AskConsent(NamedTuple):
    """They must allow this scope; `new` is what they have not allowed before."""

    reason: str
    scope: tuple[str, ...]
    new: frozenset[str]


class NotAllowed(NamedTuple):
    """They may not use this app, and are told whom to ask."""

    reason: str


class Refuse(NamedTuple):
    """The app is told that there is no code."""

    refusal: Refusal


UNMET = "unmet_authentication_requirements"
Outcome = AskLogin | AskRegistration | AskRoom | AskStepUp | AskAccount | AskConsent | NotAllowed | Refuse
Decision = Issue | Outcome
Check = Callable[[Case], Outcome | None]


def decide(request: AuthorizeRequest, person: Person | None, here: Here, now: datetime) -> Decision:
    """Give the first objection of CHECKS, in their order, or the code."""
    if Prompt.CREATE in request.prompts and not here.signed_in:
        # Whoever is signed in already may be the one who wants another account.
        return _silent(request, AskRegistration(reason="prompt=create", level=wanted(request)))
    if person is None:
        if here.gave_way:
            return _silent(request, AskRoom(reason="another device took over", level=wanted(request)))
        return _silent(request, AskLogin(reason="nobody is signed in", level=wanted(request)))
    case = Case(request=request, person=person, here=here, now=now)
    for check in CHECKS:
        if outcome := check(case):
            return _silent(request, outcome)
    return Issue(scope=person.scope)


def wanted(request: AuthorizeRequest) -> Level:
    """The level to ask of somebody whom we do not know yet."""
    required = request.requires(request.scope).level
    return max(required, request.acr.levels[0] if request.acr.levels else Level.PWD)


def is_hinted_person(case: Case) -> Outcome | None:
    """SS-9: somebody else is meant."""
    if case.request.hinted <= {case.person.user.subject}:
        return None
    if case.here.signed_in:
        return _refuse("login_required", "Somebody else signed in than the app asked for.", "hint.other")
    return AskLogin(reason="the app asks for another person", level=wanted(case.request))


def signs_in_again(case: Case) -> Outcome | None:
    """AZ-11: prompt=login is met by a proof made for this request."""
    if Prompt.LOGIN not in case.request.prompts or case.here.signed_in:
        return None
    return AskLogin(reason="prompt=login", level=_kept(case))


def is_recent(case: Case) -> Outcome | None:
    """AZ-12, SU-3: max_age, 0 being the same as prompt=login, and the age that client, APIs and scopes take."""
    asked, required = case.request.max_age, case.request.requires(case.person.scope).max_age
    limit = min((age for age in (asked, required) if age is not None), default=None)
    if limit is None or case.here.signed_in:
        return None
    age = seconds(case.now) - case.person.authentication.auth_time
    if limit > 0 and age <= limit:
        return None
    return AskLogin(reason=f"max_age={limit}, signed in {age} s ago", level=_kept(case))


def chose_account(case: Case) -> Outcome | None:
    """AZ-11: prompt=select_account is met by a choice, or a sign-in, made for this request."""
    done = case.here.chose_account or case.here.signed_in
    if Prompt.SELECT_ACCOUNT not in case.request.prompts or done:
        return None
    return AskAccount(reason="prompt=select_account")


def is_allowed(case: Case) -> Outcome | None:
    """Only these groups may sign in to this client."""
    allowed = case.request.client.allowed_groups
    if allowed is None or not frozenset(allowed).isdisjoint(case.person.user.groups):
        return None
    return NotAllowed(reason=f"in none of the groups {', '.join(allowed) or '(none)'}")


def has_some_scope(case: Case) -> Outcome | None:
    if case.person.scope:
        return None
    return _refuse("access_denied", "Nothing of what was asked is open to this person.", "scope.person")


def reaches_level(case: Case) -> Outcome | None:
    """SU-3, SU-6: what client and APIs require, then what the request wishes."""
    wish = case.request.acr
    if wish.essential and not wish.levels:
        return _refuse(UNMET, "No acr that is asked for is known here.", "acr.unknown")
    person = case.person
    required = case.request.requires(person.scope).level
    needed = max(required, person.least, _wished(wish, person))
    if person.authentication.reaches(needed):
        return _is_stale(case, max(required, min(wish.levels, default=Level.PWD)))
    if needed > person.reachable or needed <= case.here.asked:
        return _refuse(
            UNMET,
            "The assurance that is asked for cannot be reached by this person.",
            "acr",
            value=person.reachable.acr,
            nearest=needed.acr,
        )
    return AskStepUp(reason=f"{needed.acr} is needed", level=needed)


def agrees(case: Case) -> Outcome | None:
    """AZ-15: asked once for each client and scope set; never for first-party clients. RT-10, AZ-16."""
    person, here, client = case.person, case.here, case.request.client
    asked = frozenset(person.scope)
    if here.agreed is not None and here.agreed >= asked:
        return None
    new = asked - person.agreed
    if Prompt.CONSENT in case.request.prompts:
        reason = "prompt=consent"
    elif new and not client.first_party:
        reason = "they have not allowed this before"
    elif _could_be_anybody(case.request) and not _acted(here):
        reason = "another program could be asking"
    else:
        return None
    return AskConsent(reason=reason, scope=person.scope, new=new)


CHECKS: tuple[Check, ...] = (
    is_hinted_person,
    signs_in_again,
    is_recent,
    chose_account,
    is_allowed,
    has_some_scope,
    reaches_level,
    agrees,
)
SILENT: Mapping[type[Outcome], tuple[str, str]] = {
    AskLogin: ("login_required", "The person must sign in."),
    AskRegistration: ("interaction_required", "The person must make an account."),
    AskRoom: ("interaction_required", "The person must choose where to be signed in."),
    AskStepUp: ("interaction_required", "The person must prove more."),
    AskAccount: ("account_selection_required", "The person must choose an account."),
    AskConsent: ("consent_required", "The person must allow this."),
    NotAllowed: ("access_denied", "This person may not use this app."),
}


def _silent(request: AuthorizeRequest, outcome: Outcome) -> Outcome:
    """AZ-10: prompt=none turns every question into its error."""
    if Prompt.NONE not in request.prompts or isinstance(outcome, Refuse):
        return outcome
    code, public = SILENT[type(outcome)]
    return _refuse(code, public, f"prompt.none.{code}", detail=outcome.reason)


def _is_stale(case: Case, demanded: Level) -> Outcome | None:
    """SU-3: a second factor that is demanded, and was proved too long ago, is proved anew with the whole sign-in."""
    limit, proved = case.request.mfa_max_age, case.person.authentication
    # What was shown here was shown just now; what a provider says may be of long before. UP-11.
    is_new = case.here.signed_in and all(proof.kind is not Kind.UPSTREAM for proof in proved.proofs)
    if demanded is Level.PWD or limit is None or is_new:
        return None
    age = seconds(case.now) - seconds(proved.since(demanded))
    if age <= limit:
        return None
    return AskLogin(reason=f"{demanded.acr} was proved {age} s ago", level=_kept(case), anew=True)


def _wished(wish: AcrWish, person: Person) -> Level:
    """The level that would satisfy the wish: none more, the first within reach, or one that is not."""
    if not wish.levels or person.authentication.level >= min(wish.levels):
        return Level.PWD
    return next((level for level in wish.levels if level <= person.reachable), min(wish.levels))


def _kept(case: Case) -> Level:
    """A sign-in that is repeated proves again what it had, so that a session never gets weaker. SU-4."""
    return max(wanted(case.request), case.person.authentication.level)


def _could_be_anybody(request: AuthorizeRequest) -> bool:
    """AZ-16: a public client that is answered on this computer or by a private scheme proves nothing."""
    return request.client.is_public and is_native(request.to.redirect_uri)


def _acted(here: Here) -> bool:
    return here.signed_in or here.chose_account or here.asked > Level.PWD


def _refuse(
    code: str, public: str, rule: str, *, detail: str = "", value: str = "", nearest: str = ""
) -> Refuse:
    return Refuse(refusal=Refusal(public, code=code, rule=rule, detail=detail, value=value, nearest=nearest))
