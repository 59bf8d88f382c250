"""Our own access tokens, when they come back to us: at userinfo, introspection and revocation."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from authserver.clients import find as clients
from authserver.clients.client import Client
from authserver.issuer import Issuer
from authserver.jose import ACCESS, Claims, Expected, PublicKeys, still_good, verify
from authserver.opaque import digest
from authserver.store import Session
from authserver.store.grants import TOKEN_REVOKED
from authserver.tokens.grant import Behind, load_token, load_token_and_person
from authserver.users.user import User

KEPT = 2_000


@dataclass(slots=True)
class Known:
    """A token that was verified: what it says, for whom it was seen to be good, and what an introspection says of it.

    `grant` is absent where a client acts for itself.
    """

    claims: Claims
    client_id: str
    jti: str
    grant: str | None
    scope: tuple[str, ...]
    good_for: set[str | None]
    introspected: bytes | None = None

    @classmethod
    def of(cls, claims: Claims, audience: str | None) -> "Known":
        grant = claims.get("grant")
        return cls(
            claims,
            client_id=claims.text("client_id"),
            jti=claims.text("jti"),
            grant=grant if isinstance(grant, str) else None,
            scope=tuple(claims.text("scope").split()) if "scope" in claims else (),
            good_for={audience},
        )


class Living(NamedTuple):
    """An access token that counts now; `behind` is absent where a client acts for itself, `user` if not asked for."""

    client: Client
    behind: Behind | None
    user: User | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """It verified once, but no longer counts."""

    why: str


class Proved:
    """Tokens whose signature this worker has verified under the keys in force: an API shows the same one often."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: tuple[PublicKeys | None, dict[bytes, Known]] = (None, {})

    def of(self, keys: PublicKeys) -> dict[bytes, Known]:
        """By the token's digest, and for these keys alone; forgotten from time to time."""
        held = self._held
        if held[0] is not keys or len(held[1]) >= KEPT:
            held = self._held = (keys, {})
        return held[1]


def read(issuer: Issuer, token: str, audience: str | None = None) -> Known:
    """An access token of ours, good for this audience; BadToken for anything else."""
    keys, now = issuer.keyring.verifying, issuer.clock()
    proved = issuer.kept("proved-tokens", Proved).of(keys)
    name = digest(token)
    known = proved.get(name)
    if known is None:
        claims = verify(ACCESS, token, keys=keys, now=now, expect=_expected(issuer.url, audience))
        known = proved[name] = Known.of(claims, audience)
    elif audience not in known.good_for or not known.claims.surely_hold(now.timestamp()):
        still_good(known.claims, now=now, expect=_expected(issuer.url, audience))
        known.good_for.add(audience)
    return known


@lru_cache(maxsize=16)
def _expected(issuer_url: str, audience: str | None) -> Expected:
    return Expected(issuer=issuer_url, audience=frozenset() if audience is None else frozenset({audience}))


def look(
    db: Session, issuer: Issuer, known: Known, *, whose: Literal["id", "person"] = "id"
) -> Living | Dead:
    """What has become of a token since it was issued: one read. RT-9, RT-10, RT-11, SS-3."""
    client = clients.by_client_id(issuer, known.client_id)
    if client is None or not client.active:
        return Dead("the client is gone or disabled")
    if known.grant is None:
        if db.one(TOKEN_REVOKED, {"jti": known.jti}) is not None:
            return Dead("the token is revoked")
        return Living(client=client, behind=None)
    load = load_token_and_person if whose == "person" else load_token
    found = load(db, client, known.grant, known.jti)
    if found is None:
        return Dead("the grant is gone")
    behind, revoked, user = found
    why = "the token is revoked" if revoked else behind.lapse(client, issuer.clock())
    return Dead(why) if why is not None else Living(client=client, behind=behind, user=user)
