"""From a request that was read to its answer: decide, then do what was decided."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from authserver.authentication import Level, SessionId
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.login import transaction
from authserver.oauth import paused
from authserver.oauth.authorize import NAMES, Asked, AuthorizeRequest, Rejected, read
from authserver.oauth.decide import (
    AskAccount,
    AskConsent,
    AskLogin,
    AskRegistration,
    AskRoom,
    AskStepUp,
    Decision,
    Issue,
    NotAllowed,
    Refuse,
    wanted,
)
from authserver.oauth.judge import Done, Judged, answer, judge, nothing
from authserver.oauth.paused import Paused, carry
from authserver.oauth.prompts import Prompt
from authserver.oauth.respond import Posted, Redirect, ReturnAddress, form_target, with_error
from authserver.sessions.visit import Visit
from authserver.transaction import ANEW, Purpose
from authserver.web import cookies, headers, here, pages, sessions, trust
from authserver.web.context import actor, issuer
from authserver.web.language import prefer
from authserver.web.oauth.asking import app_of, away, note, person_of, to

NOBODY = SessionId("")


def read_again(values: Mapping[str, str]) -> AuthorizeRequest | Rejected:
    """Read a request that was sealed: its client may have been changed meanwhile."""
    if not NAMES.issuperset(values):
        values = {name: value for name, value in values.items() if name in NAMES}
    return read(issuer(), Asked(values=values))


def decided(asked: AuthorizeRequest, done: Done = nothing) -> Judged:
    """Decide, for whoever is signed in in this browser."""
    here.kept()["client"] = asked.client.client_id
    if asked.ui_locales:
        prefer(" ".join(asked.ui_locales))
    judged = judge(issuer(), asked, sessions.handle(), done, trust=trust.presented())
    sessions.met(judged.met.session if isinstance(judged.met, Visit) else judged.met)
    if Prompt.NONE not in asked.prompts:
        # An app that asks in silence is nobody's input; everything else keeps the session from going idle.
        sessions.current()
    return judged


def proceed(found: AuthorizeRequest | Rejected, done: Done = nothing) -> Response:
    """Decide, and do it."""
    if isinstance(found, Rejected):
        return refuse(found.refusal, found.to, found)
    return follow(decided(found, done))


def follow(judged: Judged) -> Response:
    """Do what was decided."""
    return FOLLOW[type(judged.decision)](judged, judged.decision)


def refuse(refusal: Refusal, address: ReturnAddress, of: Rejected | Judged) -> Response:
    """Tell the app why there is no code, with the reference that its makers can look up."""
    client = of.client if isinstance(of, Rejected) else of.request.client
    person = None if isinstance(of, Rejected) or of.person is None else of.person.user.id
    reference = note(refusal, client, person)
    words = f"{refusal.public} (reference {reference})"
    return travel(
        with_error(refusal.code, words, address, issuer().url), app_of(client, address.redirect_uri)
    )


def give_up(values: Mapping[str, str], refusal: Refusal) -> Response:
    """Tell the app whose request waited for a login why it does not come to its end."""
    found = read_again(values)
    if isinstance(found, Rejected):
        return refuse(found.refusal, found.to, found)
    return refuse(refusal, found.to, decided(found))


def travel(answer: Redirect | Posted, app: pages.App) -> Response:
    """Send an answer on its way to the app."""
    if isinstance(answer, Redirect):
        return away(answer.url)
    headers.allow_form_action(form_target(answer.action))
    is_refusal = any(name == "error" for name, _ in answer.fields)
    return pages.render(
        pages.FormPost(action=answer.action, fields=answer.fields, app=app, is_refusal=is_refusal)
    )


def sealed_for_login(
    asked: AuthorizeRequest,
    level: Level,
    steps_up: SessionId | None = None,
    values: Mapping[str, str] | None = None,
) -> str:
    """Seal a request that waits for a login, bound to this browser; `values` hold more than its parameters."""
    return _sealed(issuer(), cookies.browser()[1], asked, level, steps_up, values)


def sealed_for_anybody(
    asked: Issuer, browser: bytes, request: AuthorizeRequest, decision: AskLogin | AskRoom
) -> str:
    """The same for whoever signs in: it waits for nobody's session."""
    anew = isinstance(decision, AskLogin) and decision.anew
    values = {**request.asked, ANEW: ""} if anew else None
    return _sealed(asked, browser, request, decision.level, values=values)


def _sealed(
    issuer: Issuer,
    browser: bytes,
    asked: AuthorizeRequest,
    level: Level,
    steps_up: SessionId | None = None,
    values: Mapping[str, str] | None = None,
) -> str:
    return transaction.seal(
        issuer,
        purpose=Purpose.AUTHORIZE,
        request={**(values or asked.asked), **({ANEW: ""} if asked.asks_anew else {})},
        browser=browser,
        now=issuer.clock(),
        level=level,
        steps_up=steps_up,
    )


def _issue(judged: Judged, decision: Issue) -> Response:
    asked, session, person = judged.request, judged.session, judged.person
    if session is None or person is None:
        raise TypeError("a code is issued for somebody")
    for dropped in person.dropped:
        left_out = Refusal(
            "A scope was left out.",
            code="scope_left_out",
            rule=dropped.rule,
            value=dropped.scope,
            detail=dropped.reason,
        )
        note(left_out, asked.client, person.user.id)
    ready = answer(issuer(), judged, by=actor(session))
    if ready is None:
        # What stood a moment ago stands no more, and whoever looks again sees that.
        sessions.forget()
        return proceed(asked)
    return travel(ready, app_of(asked.client, asked.to.redirect_uri))


def _ask_login(judged: Judged, decision: AskLogin | AskRoom) -> Response:
    return to("/login", {"tx": sealed_for_anybody(issuer(), cookies.browser()[1], judged.request, decision)})


def _ask_registration(judged: Judged, decision: AskRegistration) -> Response:
    return to("/register", {"tx": sealed_for_login(judged.request, decision.level)})


def _ask_step_up(judged: Judged, decision: AskStepUp) -> Response:
    if judged.session is None:
        raise TypeError("somebody steps up")
    session = judged.session.id
    values = carry(judged.request.asked, judged.here, session)
    return to("/login", {"tx": sealed_for_login(judged.request, decision.level, session, values)})


def _ask_account(judged: Judged, decision: AskAccount) -> Response:
    return to("/login/account", {"tx": sealed_for_login(judged.request, wanted(judged.request))})


def _ask_consent(judged: Judged, decision: AskConsent) -> Response:
    return to("/oauth/consent", {"tx": _pause(judged, decision.scope)})


def _not_allowed(judged: Judged, decision: NotAllowed) -> Response:
    asked, person = judged.request, judged.person
    if person is None:
        raise TypeError("somebody is not allowed")
    refusal = Refusal(
        "This person may not use this app.", code="access_denied", rule="groups", detail=decision.reason
    )
    reference = note(refusal, asked.client, person.user.id)
    answer = with_error("access_denied", refusal.public, asked.to._replace(mode="query"), issuer().url)
    tx = sealed_for_login(asked, wanted(asked))
    headers.allow_form_action(form_target(asked.to.redirect_uri))
    return pages.render(
        pages.NotAllowed(
            app=app_of(asked.client, asked.to.redirect_uri),
            person=person_of(person.user),
            reference=reference,
            back_url=answer.url if isinstance(answer, Redirect) else "",
            switch_url=f"/login?tx={tx}",
        )
    )


def _refuse(judged: Judged, decision: Refuse) -> Response:
    return refuse(decision.refusal, judged.request.to, judged)


def _pause(judged: Judged, scope: tuple[str, ...]) -> str:
    waiting = Paused(
        request=judged.request.asked,
        session=judged.session.id if judged.session is not None else NOBODY,
        here=judged.here,
        scope=scope,
    )
    return paused.seal(issuer(), waiting, cookies.browser()[1])


FOLLOW: Mapping[type[Decision], Callable[[Judged, Any], Response]] = {
    Issue: _issue,
    AskLogin: _ask_login,
    AskRegistration: _ask_registration,
    AskRoom: _ask_login,
    AskStepUp: _ask_step_up,
    AskAccount: _ask_account,
    AskConsent: _ask_consent,
    NotAllowed: _not_allowed,
    Refuse: _refuse,
}
