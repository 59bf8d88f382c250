"""What an app of the JSON sign-in asks: its members, who it is, and the login that its token names."""

from collections.abc import Mapping
from typing import NamedTuple

from authserver.clients.client import Client
from authserver.clients.redirects import origins_of
from authserver.issuer import Issuer
from authserver.jose import BadToken, Expected, Kind, claimant, verify
from authserver.login.completion import Visitor
from authserver.login.steps import APP_TRIES
from authserver.login.transaction import ID, Row, find_row
from authserver.oauth.client_auth import authenticate
from authserver.oauth.errors import OAuthRefusal, invalid_request, unauthorized_client
from authserver.oauth.request import OAuthRequest
from authserver.oauth.server import admit
from authserver.opaque import digest
from authserver.tokens import pending
from authserver.transaction import Transaction
from authserver.users import find


class Asked(NamedTuple):
    """A request whose app is authenticated, and what it is known by in its logins."""

    client: Client
    visitor: Visitor
    members: Mapping[str, object]
    origin: str

    def text(self, name: str) -> str:
        """A member that must be there, as text."""
        value = self.members.get(name)
        if not isinstance(value, str):
            raise invalid_request(f"{name} is missing, or no text", rule="member", value=name)
        return value


class Held(NamedTuple):
    """A login under way, as the token of its app names it."""

    asked: Asked
    tx: Transaction


def of_app(issuer: Issuer, request: OAuthRequest, named: str = "") -> Asked:
    """Authenticate the app as it is registered; a browser may bring the request only from an origin of the app's.

    `named` is whom its token names, for an app that is public and says no client_id beside it.
    """
    if request.query:
        raise invalid_request("parameters belong in the body", rule="query_parameters")
    if named and "client_id" not in request.form and request.authorization is None:
        request = request._replace(form={**request.form, "client_id": named})
    client = authenticate(issuer, request)
    admit(issuer, client)
    if not client.json_login:
        raise unauthorized_client("the client may not use the JSON sign-in", rule="json_login")
    if request.origin is not None and request.origin not in origins_of(client):
        raise OAuthRefusal(
            "this origin is not registered for the client",
            code="unauthorized_client",
            status=403,
            rule="origin",
            value=request.origin[:200],
            nearest=" ".join(sorted(origins_of(client)))[:200],
        )
    visitor = Visitor(
        browser=browser_of(client),
        device=None,
        session=None,
        by=request.actor._replace(kind="stranger"),
        app=client.client_id,
    )
    return Asked(client=client, visitor=visitor, members=request.members, origin=request.origin or "")


def browser_of(client: Client) -> bytes:
    """What stands for the browser in an app's login: no cookie has this digest, for none holds such a character."""
    return digest(f"app\x1f{client.client_id}")


def holding(issuer: Issuer, request: OAuthRequest, kind: Kind, member: str) -> Held:
    """The login that a token names, to the app that it was given to, while it goes on. SU-1."""
    token = request.form.get(member, "")
    try:
        asked = of_app(issuer, request, claimant(token, claim="client_id"))
        claims = verify(
            kind,
            token,
            keys=issuer.keyring.verifying,
            now=issuer.clock(),
            expect=Expected(
                issuer=issuer.url,
                audience=frozenset({pending.audience(issuer.url, kind)}),
                client=asked.client.client_id,
            ),
        )
    except BadToken as error:
        raise over(error.detail, rule=f"{member}_{error.rule}") from error
    login = claims.text("jti")
    with issuer.database.reading() as db:
        row = find_row(db, login, asked.visitor.browser) if ID.fullmatch(login) else None
        if row is None or row.tx.user is None or find.load(db, row.tx.user).subject != claims.text("sub"):
            raise over("there is no such login", rule=f"{member}_unknown")
    why = _why_over(issuer, row)
    if why:
        raise over(why, rule=f"{member}_over")
    return Held(asked=asked, tx=row.tx)


def over(detail: str, *, rule: str) -> OAuthRefusal:
    """One answer for every token that is good for nothing, or not any more."""
    return OAuthRefusal(
        "the token is not valid any more; sign in again",
        code="invalid_token",
        status=401,
        detail=detail,
        rule=rule,
    )


def _why_over(issuer: Issuer, row: Row) -> str:
    if row.tx.session is not None or row.completed_at is not None:
        return "the login came to its end"
    if not row.person_stands:
        return "the person may not sign in any more, or all of their sign-ins were ended"
    if row.tx.expires_at <= issuer.clock():
        return "the login took too long"
    return "there were too many wrong answers" if row.tries >= APP_TRIES else ""
