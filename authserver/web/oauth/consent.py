"""The consent page: it asks whether this app may have that."""

from dataclasses import replace

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authserver.errors import Refusal
from authserver.oauth import paused
from authserver.oauth.authorize import AuthorizeRequest, Rejected
from authserver.oauth.decide import AskConsent, Person
from authserver.oauth.paused import Paused
from authserver.oauth.respond import form_target
from authserver.web import cookies, csrf, headers, pages
from authserver.web.account.apps import OFFLINE, sentences
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.oauth.asking import app_of, oauth_request, person_of
from authserver.web.oauth.flow import decided, follow, proceed, read_again, refuse

blueprint = Blueprint("consent", __name__)
PATH = "/oauth/consent"


@blueprint.get(PATH)
@demands(Guard.OPEN)
def show() -> Response:
    """Ask, if there is still something to ask."""
    tx = request.args.get("tx", "")
    waiting = paused.open_sealed(issuer(), tx, cookies.browser()[1])
    if waiting is None:
        return pages.render(pages.ExpiredSignIn())
    found = read_again(waiting.request)
    if isinstance(found, Rejected):
        return proceed(found)
    judged = decided(found, waiting.done)
    asks = judged.decision
    if judged.person is None or not isinstance(asks, AskConsent) or asks.scope != waiting.scope:
        return follow(judged)
    return _page(found, judged.person, asks, tx)


@blueprint.post(PATH)
@demands(Guard.BROWSER_POST)
def answer() -> Response:
    """Take the answer. A yes is for what the page showed, by the person who is signed in still."""
    form = oauth_request().form
    waiting = paused.open_sealed(issuer(), form.get("tx", ""), cookies.browser()[1])
    if waiting is None:
        return pages.render(pages.ExpiredSignIn())
    found = read_again(waiting.request)
    if isinstance(found, Rejected):
        return proceed(found)
    if form.get("choice") == "allow":
        agreed = replace(waiting, here=waiting.here._replace(agreed=frozenset(waiting.scope)))
        return proceed(found, agreed.done)
    return _denied(found, waiting)


def _denied(found: AuthorizeRequest, waiting: Paused) -> Response:
    judged = decided(found, waiting.done)
    refusal = Refusal("The person did not allow it.", code="access_denied", rule="consent.denied")
    return refuse(refusal, found.to, judged)


def _page(found: AuthorizeRequest, person: Person, asks: AskConsent, tx: str) -> Response:
    client = found.client
    headers.allow_form_action(form_target(found.to.redirect_uri))
    return pages.render(
        pages.Consent(
            csrf_token=csrf.token(),
            tx=tx,
            action=PATH,
            app=app_of(client, found.to.redirect_uri),
            person=person_of(person.user),
            asks=tuple(
                pages.Asked(sentence=sentence, is_new=bool(person.agreed) and scope in asks.new)
                for scope in asks.scope
                if scope != OFFLINE  # the page says it in words of its own
                for sentence in sentences(issuer(), (scope,))
            ),
            offline=OFFLINE in asks.scope,
            growing=bool(person.agreed) and bool(asks.new),
            policy_url=client.policy_uri,
            tos_url=client.tos_uri,
            site_url=client.client_uri,
        )
    )
