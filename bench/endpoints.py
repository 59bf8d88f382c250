"""What is asked of both sides: for each endpoint the requests of one connection, prepared beforehand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.sides import API, API_SCOPE, CALLBACK, PEOPLE, SCOPE, VERIFIER, Side
from bench.wire import Flow, Operation, Reply, asking, get, once, post
from tests.oidc import Person

Asked = Callable[[bytes], Reply]
# Makes the flow of one connection; the person is whoever is signed in on it, `asked` sends a request beforehand.
Prepare = Callable[[Side, Person, Asked], Flow]
FULL_SCOPE = f"{SCOPE} {API_SCOPE}"
OK = 200
REDIRECTS = (302, 303)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table: what is measured, and what it must reach."""

    name: str
    title: str
    prepare: Prepare
    targets: Mapping[str, float]
    compared: bool = True


def jwks(side: Side, person: Person, asked: Asked) -> Flow:
    return _repeated(get(side.host, side.path("jwks_uri")))


def discovery(side: Side, person: Person, asked: Asked) -> Flow:
    return _repeated(get(side.host, "/.well-known/openid-configuration"))


def client_credentials(side: Side, person: Person, asked: Asked) -> Flow:
    form = {"grant_type": "client_credentials", "scope": API_SCOPE, "resource": API}
    return _repeated(post(side.host, side.path("token_endpoint"), form, side.credentials))


def introspection(side: Side, person: Person, asked: Asked) -> Flow:
    token = tokens_of(side, person, asked, SCOPE)["access_token"]
    form = {"token": token, "token_type_hint": "access_token"}
    return _repeated(post(side.host, side.path("introspection_endpoint"), form, side.credentials))


def userinfo(side: Side, person: Person, asked: Asked) -> Flow:
    token = tokens_of(side, person, asked, SCOPE)["access_token"]
    return _repeated(get(side.host, side.path("userinfo_endpoint"), {"Authorization": f"Bearer {token}"}))


def refresh(side: Side, person: Person, asked: Asked) -> Flow:
    """Each answer's refresh token goes into the next request."""
    form = {"grant_type": "refresh_token", "resource": API, "refresh_token": "@"}
    whole = post(side.host, side.path("token_endpoint"), form, side.credentials)
    start, _, body = whole.partition(b"\r\n\r\n")
    head = start.rpartition(b"Content-Length: ")[0]
    before = body.replace(b"%40", b"")
    token = tokens_of(side, person, asked, FULL_SCOPE, API)["refresh_token"].encode()

    def one() -> Operation:
        nonlocal token
        sent = before + token
        reply = yield b"%bContent-Length: %d\r\n\r\n%b" % (head, len(sent), sent)
        token = _between(reply.expect(OK).body, b'"refresh_token":"', b'"')

    return one


def code_flow(side: Side, person: Person, asked: Asked) -> Flow:
    """The whole flow of somebody who is signed in: authorize, the redirect with the code, the tokens."""
    target = side.authorize(FULL_SCOPE, API)
    return _code_flow(side, target, side.sign_in(person, target), API)


def _code_flow(side: Side, target: str, cookies: str, resource: str) -> Flow:
    authorize = get(side.host, target, {"Cookie": cookies})
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **({"resource": resource} if resource else {}),
        "code": "@",
    }
    whole = post(side.host, side.path("token_endpoint"), form, side.credentials)
    start, _, body = whole.partition(b"\r\n\r\n")
    head, before = start.rpartition(b"Content-Length: ")[0], body.replace(b"%40", b"")

    def one() -> Operation:
        reply = (yield authorize).expect(*REDIRECTS)
        code = _between(reply.head, b"code=", b"&", b"\r\n")
        sent = before + code
        reply = yield b"%bContent-Length: %d\r\n\r\n%b" % (head, len(sent), sent)
        reply.expect(OK)

    return one


def _repeated(request: bytes) -> Flow:
    def one() -> Operation:
        (yield request).expect(OK)

    return one


def tokens_of(side: Side, person: Person, asked: Asked, scope: str, resource: str = "") -> dict[str, str]:
    """What the code flow gives this person's app."""
    target = side.authorize(scope, resource)
    flow = _code_flow(side, target, side.sign_in(person, target), resource)
    found: dict[str, str] = once(asked, flow()).json()
    return found


def _between(text: bytes, before: bytes, *ends: bytes) -> bytes:
    start = text.index(before) + len(before)
    found = (text.find(end, start) for end in ends)
    return text[start : min((at for at in found if at >= 0), default=len(text))]


def fields(reply: Reply) -> set[str]:
    """The members of an answer."""
    return set(reply.json())


def flows(endpoint: Endpoint, side: Side) -> list[Flow]:
    """One flow for each connection."""
    return [endpoint.prepare(side, person, asking(side.port)) for person in PEOPLE]


SQLITE, POSTGRESQL = "sqlite", "postgresql"
ENDPOINTS = (
    Endpoint(name="jwks", title="JWKS", prepare=jwks, targets={SQLITE: 1.8}),
    Endpoint(name="discovery", title="discovery", prepare=discovery, targets={SQLITE: 1.8}, compared=False),
    Endpoint(
        name="client_credentials",
        title="client credentials",
        prepare=client_credentials,
        targets={SQLITE: 1.8},
    ),
    Endpoint(
        name="refresh",
        title="refresh with rotation",
        prepare=refresh,
        targets={SQLITE: 1.8, POSTGRESQL: 1.2},
    ),
    Endpoint(
        name="introspection",
        title="introspection",
        prepare=introspection,
        targets={SQLITE: 2.2, POSTGRESQL: 1.1},
    ),
    Endpoint(name="userinfo", title="userinfo", prepare=userinfo, targets={SQLITE: 1.8}),
    Endpoint(name="code_flow", title="whole code flow", prepare=code_flow, targets={SQLITE: 1.2}),
)
