"""The kinds of JWT that exist here, and what each must look like. RFC 8725 §3.11-3.12.

Signatures by a kind's keys prove nothing for another kind: `typ`, audience and required claims differ.
"""

from dataclasses import dataclass

MINUTE = 60
DAY = 24 * 60 * MINUTE

ES256 = "ES256"
RS256 = "RS256"
PS256 = "PS256"
EDDSA = "EdDSA"
SIGNING_ALGS = frozenset({ES256, RS256})
CLIENT_ALGS = frozenset({ES256, RS256, PS256, EDDSA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of JWT. Times are seconds; what is not named here is not asked of this kind."""

    name: str
    typ: frozenset[str | None]  # lower case; None is a header without typ
    algs: frozenset[str]
    essential: frozenset[str]
    forbidden: frozenset[str] = frozenset()
    client_claims: tuple[str, ...] = ()  # must equal the client that is expected
    kid_needed: bool = True
    aud_is_text: bool = True  # one JSON string; else an array may hold ours among others
    aud_told_later: bool = False  # the caller learns the audience from the token and judges it
    exp_counts: bool = True
    ahead: int = 10  # how far iat and nbf may lie in the future: our nodes' clocks differ by less
    grace: int = 0  # how long after exp it is still taken; replay memory must last as long
    longest: int | None = None  # how far exp may lie in the future
    oldest: int | None = None  # how old iat may be
    loose: frozenset[str] = frozenset()  # claims whose type the caller judges


ACCESS = Kind(
    name="access token",  # RFC 9068
    typ=frozenset({"at+jwt"}),
    algs=frozenset({ES256}),
    essential=frozenset({"iss", "aud", "exp", "iat", "sub", "client_id", "jti"}),
    aud_is_text=False,
    aud_told_later=True,
)

ID_HINT = Kind(
    name="id_token_hint",  # OpenID Connect Core §3.1.2.1: one that has expired still tells who it was
    typ=frozenset({"jwt"}),
    algs=SIGNING_ALGS,
    essential=frozenset({"iss", "aud", "exp", "iat", "sub"}),
    aud_told_later=True,
    exp_counts=False,
    oldest=30 * DAY,
)

CLIENT_ASSERTION = Kind(
    name="client assertion",  # RFC 7523 §3
    typ=frozenset({"client-authentication+jwt", "jwt", None}),
    algs=CLIENT_ALGS,
    essential=frozenset({"iss", "sub", "aud", "exp", "jti"}),
    client_claims=("iss", "sub"),
    kid_needed=False,
    # FAPI 2.0 §5.3.2 demands 10 s and forbids more than 60; clocks of strangers get all that is allowed.
    ahead=MINUTE,
    grace=MINUTE,
    longest=5 * MINUTE,
)

LOGOUT = Kind(
    name="logout token",  # OpenID Connect Back-Channel Logout §2.4
    typ=frozenset({"logout+jwt"}),
    algs=SIGNING_ALGS,
    essential=frozenset({"iss", "aud", "exp", "iat", "jti", "events", "sub", "sid"}),
    forbidden=frozenset({"nonce"}),
    longest=2 * MINUTE,
)

PENDING = Kind(
    name="pending token",  # a password is proved, a second factor is not
    typ=frozenset({"mfa+jwt"}),
    algs=frozenset({ES256}),
    essential=frozenset({"iss", "aud", "exp", "iat", "sub", "client_id", "jti"}),
    client_claims=("client_id",),
    longest=5 * MINUTE,
)

CONFLICT = Kind(
    name="conflict token",  # everything is proved, and another session must end first
    typ=frozenset({"conflict+jwt"}),
    algs=frozenset({ES256}),
    essential=frozenset({"iss", "aud", "exp", "iat", "sub", "client_id", "jti"}),
    client_claims=("client_id",),
    longest=5 * MINUTE,
)

UPSTREAM_ID = Kind(
    name="ID token of a provider",  # OpenID Connect Core §3.1.3.7
    typ=frozenset({"jwt", None}),
    algs=CLIENT_ALGS,
    essential=frozenset({"iss", "aud", "exp", "iat", "sub", "nonce"}),
    kid_needed=False,
    aud_is_text=False,
    ahead=MINUTE,
    grace=MINUTE,
    oldest=10 * MINUTE,  # it was made for this very sign-in
    # ORCID's amr is a string, and what others put there is not for us to judge.
    loose=frozenset({"acr", "amr", "at_hash", "client_id", "jti", "scope", "sid"}),
)

# What comes to our own endpoints. UPSTREAM_ID is apart: its keys are a provider's, and prove nothing of ours.
KINDS = (ACCESS, ID_HINT, CLIENT_ASSERTION, LOGOUT, PENDING, CONFLICT)

ISSUED_TYPES = ("at+jwt", "JWT", "logout+jwt", "mfa+jwt", "conflict+jwt")
