"""A trial sign-in by a provider, also a draft: it makes nothing, and shows what came back and its mapping."""

from collections.abc import Iterator

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from authserver.errors import NotFound
from authserver.login import arrival, directory, trip
from authserver.login.trip import Errand
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.upstream import linking
from authserver.upstream.contract import Distrusted, Down, Identity, PasswordUpstream
from authserver.upstream.find import load
from authserver.upstream.mapping import makes_account, said
from authserver.upstream.provider import Provider
from authserver.users import find
from authserver.users.access import SCOPES, reaches
from authserver.web import cookies, csrf
from authserver.web.context import issuer
from authserver.web.guards import Guard, demands
from authserver.web.language import gettext
from authserver.web.login import upstream, visit
from authserver.web.pages import render
from authserver.web.pages_upstream import Told, TrialDone, TrialStart

blueprint = Blueprint("trials", __name__, url_prefix="/login/upstream")


@blueprint.get("/<slug>/trial")
@demands(Guard.FRESH)
def ask(slug: str) -> Response:
    return render(_start(_provider(slug)))


@blueprint.post("/<slug>/trial")
@demands(Guard.FRESH)
def begin(slug: str) -> Response:
    provider = _provider(slug)
    if isinstance(provider.kind, PasswordUpstream):
        return _asked_here(provider)
    carrier = visit.sign_in(visit.ACCOUNT)
    left = trip.new_trip(
        issuer(),
        provider,
        Errand.TRIAL,
        tx=carrier.value,
        tx_id=carrier.tx.id,
        browser=cookies.browser()[1],
        user=_session().user,
    )
    return upstream.depart(provider, left)


@blueprint.get("/<slug>/trial/done")
@demands(Guard.SESSION)
def done(slug: str) -> Response:
    """What came back, once."""
    provider, asked, browser = _provider(slug), issuer(), cookies.browser()[1]
    refused = request.args.get("why", "")[:500]
    if refused:
        return render(_refused(provider, refused))
    tx_id = request.args.get("tx", "")
    with asked.database.writing() as db:
        found = arrival.waiting(db, asked, tx_id, browser)
        is_theirs = found is not None and found.errand is Errand.TRIAL and found.user == _session().user
        if found is None or not is_theirs or not arrival.take(db, asked, tx_id, browser):
            return visit.go(_again(slug))
        page = _seen(db, provider, found.identity)
    return render(page)


def _asked_here(provider: Provider) -> Response:
    """A directory is asked with what was typed on the trial's own page."""
    asked = issuer()
    name, password = request.form.get("username", ""), request.form.get("password", "")
    if not name.strip() or not password:
        return render(_start(provider))
    try:
        found = directory.examine(asked, provider, name, password, visit.visitor())
    except (Down, Distrusted) as error:
        return render(_refused(provider, getattr(error, "detail", "") or str(error)))
    if isinstance(found, directory.Wrong):
        return render(_refused(provider, found.detail))
    with asked.database.reading() as db:
        return render(_seen(db, provider, found))


def _start(provider: Provider) -> TrialStart:
    return TrialStart(
        csrf_token=csrf.token(),
        action=_again(provider.slug),
        title=provider.title,
        asks_here=isinstance(provider.kind, PasswordUpstream),
    )


def _refused(provider: Provider, why: str) -> TrialDone:
    return TrialDone(title=provider.title, again_url=_again(provider.slug), refused=why[:500])


def _seen(db: Session, provider: Provider, identity: Identity) -> TrialDone:
    return TrialDone(
        title=provider.title,
        again_url=_again(provider.slug),
        outcome=_outcome(db, provider, identity),
        facts=tuple(_facts(provider, identity)),
        values=tuple(_values(db, provider, identity)),
    )


def _outcome(db: Session, provider: Provider, identity: Identity) -> str:
    if linking.of_identity(db, provider, identity) is not None:
        return gettext("They would sign in to the account that is connected to this.")
    if linking.by_address(db, provider, identity) is not None:
        return gettext(
            "They would sign in to the account that has this address, and the two would be connected."
        )
    if provider.rules.link_only:
        return gettext("They would be told to connect it in their account first.")
    if makes_account(provider, identity):
        return gettext("They would be asked whether they are new, and could make an account.")
    return gettext(
        "They would be asked to sign in to the account that they have; no new one is made for them."
    )


def _facts(provider: Provider, identity: Identity) -> Iterator[Told]:
    known = identity.authentication
    proof = arrival.proof_of(provider, identity, issuer().clock())
    yield Told(name="issuer", value=identity.issuer)
    yield Told(name="subject", value=identity.subject)
    yield Told(name="shown as", value=identity.shown)
    yield Told(
        name="signed in there at",
        value=known.at.isoformat(timespec="seconds") if known.at else "not said",
        becomes="" if known.at else "A fresh sign-in cannot be shown by it.",
    )
    yield Told(name="acr", value=known.acr or "not said")
    yield Told(
        name="amr",
        value=" ".join(known.amr) or "not said",
        becomes=f"amr {' '.join(proof.amr)}, acr {proof.alone.acr}",
    )


def _values(db: Session, provider: Provider, identity: Identity) -> Iterator[Told]:
    found = linking.mapping_of(db, provider, identity)
    ours: dict[str, list[str]] = {}
    for name in found.attributes:
        ours.setdefault(provider.rules.attributes.get(name, name), []).append(name)
    for name, value in said(identity).items():
        becomes = ", ".join(ours.get(name, ()))
        if name == "email" and found.email:
            becomes = "e-mail, believed" if found.email_believed else "e-mail, to be verified"
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield Told(name=name, value=shown[:500], becomes=becomes)
    for name, why in found.left_out.items():
        yield Told(name=name, value="-", becomes=why)
    if identity.groups:
        yield Told(
            name="groups",
            value=", ".join(identity.groups)[:2000],
            becomes=", ".join(found.groups or ()) or "none here",
        )
    if found.role:
        yield Told(name="role", value=found.role)


def _provider(slug: str) -> Provider:
    """For whoever may change providers; to everybody else there is nothing here."""
    asked = issuer()
    with asked.database.reading() as db:
        user = find.load(db, _session().user)
        if not reaches(user.role, SCOPES["providers:write"].role):
            raise NotFound("There is nothing at this address.", detail=f"{user.id} may not try providers")
        return load(db, asked, slug)


def _again(slug: str) -> str:
    return f"/login/upstream/{slug}/trial"


def _session() -> SsoSession:
    session: SsoSession = g.session
    return session
