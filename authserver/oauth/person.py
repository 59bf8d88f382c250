"""What an authorization request has to know of the person who is signed in."""

from authserver.apis.allow import Dropped, allow
from authserver.apis.find import catalogue
from authserver.authentication import Level, level_of
from authserver.errors import Refusal
from authserver.factors.registry import ready
from authserver.groups.attributes import scopes
from authserver.issuer import Issuer
from authserver.login import trusted
from authserver.login.rule import rule_for
from authserver.login.trusted import Presented
from authserver.oauth.authorize import AuthorizeRequest
from authserver.oauth.decide import Person
from authserver.sessions.sso import SsoSession
from authserver.sessions.visit import Visit
from authserver.store import Session
from authserver.users.user import User


def of(
    db: Session, issuer: Issuer, request: AuthorizeRequest, visit: Visit, trust: Presented | None = None
) -> Person:
    """Gather what decide() asks about, and no more than this request needs."""
    client, session, user = request.client, visit.session, visit.user
    scope, dropped = _scope(issuer, request, user)
    least = request.least if request.least is not None else rule_for(db, issuer, user.id, client).least
    if least > Level.PWD and not request.asks_anew and trusted.holds(db, issuer, user.id, trust):
        least = Level.PWD
    required = max(request.requires(scope).level, *request.acr.levels, least)
    return Person(
        user=user,
        authentication=session.authentication,
        scope=scope,
        dropped=dropped,
        agreed=frozenset() if client.first_party else visit.agreed,
        reachable=_reachable(db, issuer, session, required, least),
        least=least,
    )


def _scope(
    issuer: Issuer, request: AuthorizeRequest, user: User
) -> tuple[tuple[str, ...], tuple[Dropped, ...]]:
    if request.allowed is not None:
        return request.allowed.scope, request.allowed.dropped
    found = allow(
        request.client,
        catalogue(issuer),
        identity=scopes(issuer),
        scope=request.scope,
        resources=request.asked.get("resource", "").split(),
        groups=user.groups,
    )
    if isinstance(found, Refusal):  # the catalogue changed since the request was read
        raise found
    return found.scope, found.dropped


def _reachable(db: Session, issuer: Issuer, session: SsoSession, required: Level, least: Level) -> Level:
    """The highest level that this person can prove; asked only where more is required than they did."""
    has = session.authentication.level
    if has >= required:
        return has
    now = issuer.clock()
    provable = tuple(factor.proof(now) for factor in ready(db, issuer, session.user))
    # Who has nothing for what they must reach gets an app on the way.
    return max(has, level_of(provable), Level.MFA if least > Level.PWD else least)
