"""A client proves itself: secret, private_key_jwt, or only its name where it is public.

The same on every endpoint, by the registered method alone, with one answer for every failure.
"""

import binascii
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urljoin

from authserver.audit import record
from authserver.audit.events import LegacyAudience
from authserver.clients import find, keys
from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.jose import CLIENT_ASSERTION, BadToken, Expected, claimant, verify
from authserver.jose.read import read
from authserver.oauth.errors import invalid_client, invalid_request
from authserver.oauth.request import OAuthRequest
from authserver.once import remember
from authserver.opaque import digest, same
from authserver.store import retrying

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BESIDE_HEADER = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
NOBODY = digest("no client has this secret")


class Presented(NamedTuple):
    """What a request shows of its client, not yet believed."""

    method: str
    client_id: str
    credential: str = ""


class Proved(NamedTuple):
    """The client of a Basic header that was right, until one of its secrets ends."""

    client: Client
    until: datetime | None


def authenticate(issuer: Issuer, request: OAuthRequest) -> Client:
    """The client of this request, or the one refusal. CL-1, CL-2, CL-8.

    An app shows the same header each time: it is read and compared anew when anything has moved.
    """
    header = request.authorization
    if header is None or not BESIDE_HEADER.isdisjoint(request.form):
        return _proving(issuer, request)
    kept: dict[bytes, Proved] = issuer.derived("proved-headers")
    shown, now = digest(header), issuer.clock()
    proved = kept.get(shown)
    if proved is not None and (proved.until is None or proved.until > now):
        return proved.client
    client = _proving(issuer, request)
    # The time is that from before, so that whichever secret was right is among these.
    ends = [each.expires_at for each in client.secrets if each.expires_at and each.expires_at > now]
    kept[shown] = Proved(client, min(ends, default=None))
    return client


def _proving(issuer: Issuer, request: OAuthRequest) -> Client:
    method, client_id, credential = present(request)
    client = find.by_client_id(issuer, client_id)
    if method in ("client_secret_basic", "client_secret_post"):
        right = _secret_is_right(issuer, client, credential)
    elif method == "private_key_jwt":
        right = client is not None and _assertion_is_right(issuer, request, client, credential)
    else:
        right = client is not None and client.is_public
    if client is None:
        # Equal references would tell that a name is unknown: of a known one each method has a cause of its own.
        raise invalid_client(
            f"no client has this id, which came by {method}",
            rule="unknown_client",
            value=client_id,
        )
    if client.auth_method != method:
        raise invalid_client(
            f"the client is registered for {client.auth_method} and used {method}",
            rule="auth_method",
            value=method,
            nearest=client.auth_method,
        )
    if not right:
        raise invalid_client("the credential is wrong", rule="wrong_credential", value=client_id)
    if not client.active:
        raise invalid_client("the client is disabled", rule="client_disabled", value=client_id)
    return client


def present(request: OAuthRequest) -> Presented:
    """Exactly one way to authenticate may be used in one request. RFC 6749 §2.3."""
    form = request.form
    named = form.get("client_id")
    ways = []
    if request.authorization is not None:
        ways.append(_basic(request.authorization))
    if "client_secret" in form:
        ways.append(Presented("client_secret_post", named or "", form["client_secret"]))
    if "client_assertion" in form or "client_assertion_type" in form:
        ways.append(_assertion(form.get("client_assertion_type"), form.get("client_assertion", "")))
    if len(ways) > 1:
        raise invalid_request("use one way of client authentication", rule="several_credentials")
    if not ways:
        if not named:
            raise invalid_client("the request names no client", rule="no_client")
        return Presented("none", named)
    if named is not None and named != ways[0].client_id:
        raise invalid_request("client_id is not the authenticated client's", rule="client_id_differs")
    return ways[0]


def _basic(header: str) -> Presented:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client("the Authorization header is not Basic", rule="basic_scheme")
    try:
        text = binascii.a2b_base64(value.strip(), strict_mode=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        if "%" in text or "+" in text:
            client_id, secret = _form_decoded(client_id), _form_decoded(secret)
    except (binascii.Error, ValueError) as error:
        raise invalid_client("the Basic credentials cannot be read", rule="basic_malformed") from error
    if not colon or not client_id or "\0" in client_id or "\0" in secret:
        raise invalid_client("the Basic credentials are incomplete", rule="basic_malformed")
    return Presented("client_secret_basic", client_id, secret)


def _form_decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")


def _assertion(kind: str | None, assertion: str) -> Presented:
    if kind != ASSERTION_TYPE or not assertion:
        raise invalid_client("the client assertion is missing or of another type", rule="assertion_type")
    try:
        # Only to find the keys to verify with; nothing is believed yet.
        return Presented("private_key_jwt", claimant(assertion), assertion)
    except BadToken as error:
        raise invalid_client(error.detail, rule=f"assertion_{error.rule}") from error


def _secret_is_right(issuer: Issuer, client: Client | None, secret: str) -> bool:
    """Compared in constant time with each; where there is none, with a stand-in that is never right. CL-6."""
    shown, right, compared = digest(secret), False, False
    for stored in client.secrets if client else ():
        if stored.expires_at is None or stored.expires_at > issuer.clock():
            right |= same(shown, stored.digest)
            compared = True
    if not compared:
        same(shown, NOBODY)
    return right


def _assertion_is_right(issuer: Issuer, request: OAuthRequest, client: Client, assertion: str) -> bool:
    if client.auth_method != "private_key_jwt":
        return False
    audience = {issuer.url}
    if client.legacy_audience:
        # The path of the request has that of the issuer in it already.
        audience.add(urljoin(issuer.url, request.path))
    now = issuer.clock()
    try:
        header = read(assertion).header
        claims = verify(
            CLIENT_ASSERTION,
            assertion,
            keys=keys.of(issuer, client, kid=header.kid, alg=header.alg),
            now=now,
            expect=Expected(
                issuer=issuer.url,
                audience=frozenset(audience),
                client=client.client_id,
                algs=frozenset(client.assertion_algs),
            ),
        )
    except BadToken as error:
        raise invalid_client(
            error.detail, rule=f"assertion_{error.rule}", value=error.value, nearest=error.nearest
        ) from error
    until = now + timedelta(seconds=(CLIENT_ASSERTION.longest or 0) + CLIENT_ASSERTION.grace + 1)

    def take() -> bool:
        with issuer.database.writing() as db:
            first = remember(db, "client_assertion", f"{client.client_id}\x1f{claims.text('jti')}", until)
            if first and claims["aud"] != issuer.url:
                event = LegacyAudience(client=client.client_id, audience=claims.text("aud"))
                record(db, event, by=request.actor, at=now)
        return first

    if not retrying(take):
        raise invalid_client("the assertion was used before", rule="assertion_replayed")
    return True
