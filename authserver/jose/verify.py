"""The one place that verifies a JWT: each kind by its own rules, one refusal for every cause. RFC 8725 §3."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from authserver.jose.errors import BadToken
from authserver.jose.keys import PublicKeys
from authserver.jose.kinds import Kind
from authserver.jose.read import Compact, Header, read, read_object

MAX_TEXT = {"jti": 128}
_TEXTS = frozenset(
    {"iss", "sub", "jti", "client_id", "nonce", "azp", "sid", "acr", "scope", "at_hash", "htm", "htu"}
)
_TIMES = frozenset({"exp", "iat", "nbf", "auth_time"})
_LISTS = frozenset({"amr"})
_END_OF_TIME = 253_402_300_799  # the year 9999: a later moment is no moment of Python's


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who the token must be from and for; what is left out is refused where its kind needs it."""

    issuer: str
    audience: frozenset[str] = frozenset()
    client: str | None = None
    algs: frozenset[str] | None = None  # what the client registered, within what its kind allows


class Claims(Mapping[str, object]):
    """The claims of a verified token, read-only; the names that we know hold values of their type."""

    __slots__ = ("_members", "_since", "_until", "kid", "kind")

    def __init__(self, kind: Kind, kid: str | None, members: Mapping[str, object]) -> None:
        self.kind = kind
        self.kid = kid
        self._members = members
        self._since, self._until = _span(kind, members)

    def surely_hold(self, now: float) -> bool:
        """Whether no time of theirs speaks against them; if not, `_check_times` says what does."""
        return self._since <= now < self._until

    def __getitem__(self, name: str) -> object:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"<claims of an {self.kind.name}>"

    def text(self, name: str) -> str:
        """Give a claim that must be there, as text."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise BadToken(f"{name} must be a string", rule=name, value=value)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a claim of one or several texts (aud, amr); empty where it is absent."""
        value = self._members.get(name, [])
        if isinstance(value, str):
            return (value,)
        if not _is_texts(value):
            raise BadToken(f"{name} must be a list of strings", rule=name, value=value)
        return tuple(value)

    def time(self, name: str) -> int:
        """Give a NumericDate that must be there, in whole seconds, never earlier than what was claimed."""
        value = self._members.get(name)
        if not _is_time(value):
            raise BadToken(f"{name} must be a time", rule=name, value=value)
        return math.ceil(value)


def verify(kind: Kind, token: str, *, keys: PublicKeys, now: datetime, expect: Expected) -> Claims:
    """Give the claims of a token that is of this kind, signed by one of these keys, and meant for us now."""
    try:
        compact = read(token)
        _check_header(kind, compact.header, expect)
        _check_signature(kind, compact, keys)
        members = read_object(compact.payload)
        _check_types(kind, members)
        _check_claims(kind, members)
        _check_parties(kind, members, expect)
        _check_times(kind, members, now.timestamp())
    except BadToken:
        raise
    except Exception as error:
        # A stranger's bytes have reached a library that did not expect them: no reason to answer 500.
        raise BadToken(f"cannot be read: {type(error).__name__}", rule="unreadable") from error
    return Claims(kind, compact.header.kid, members)


def still_good(claims: Claims, *, now: datetime, expect: Expected) -> Claims:
    """Give claims that were verified before, if they are meant for us and hold now, too."""
    moment = now.timestamp()
    _check_parties(claims.kind, claims, expect)
    if not claims.surely_hold(moment):
        _check_times(claims.kind, claims, moment)
    return claims


def _check_header(kind: Kind, header: Header, expect: Expected) -> None:
    if header.alg not in kind.algs or (expect.algs is not None and header.alg not in expect.algs):
        allowed = kind.algs if expect.algs is None else kind.algs & expect.algs
        raise BadToken("alg is not allowed here", rule="alg", value=header.alg, nearest=_joined(allowed))
    if header.typ not in kind.typ:
        wanted = _joined({typ or "none" for typ in kind.typ})
        raise BadToken(f"this is no {kind.name}", rule="typ", value=header.typ, nearest=wanted)
    if header.kid is None and kind.kid_needed:
        raise BadToken("kid is missing", rule="kid")


def _check_signature(kind: Kind, compact: Compact, keys: PublicKeys) -> None:
    header = compact.header
    candidates = keys.fitting(header.kid, header.alg)
    if not candidates:
        raise BadToken(f"no key of that name and alg may sign an {kind.name}", rule="key", value=header.kid)
    if not any(key.verifies(header.alg, compact.signed, compact.signature) for key in candidates):
        raise BadToken("the signature is wrong", rule="signature", value=header.kid)


def _check_types(kind: Kind, members: Mapping[str, object]) -> None:
    for name, value in members.items():
        if name in kind.loose:
            continue
        if name in _TEXTS:
            if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT.get(name, len(value)):
                raise BadToken(f"{name} must be a string, neither empty nor long", rule=name, value=value)
        elif name in _TIMES:
            if not _is_time(value):
                raise BadToken(f"{name} must be a time", rule=name, value=value)
        elif name in _LISTS and not _is_texts(value):
            raise BadToken(f"{name} must be a list of strings", rule=name, value=value)


def _check_claims(kind: Kind, members: Mapping[str, object]) -> None:
    if not kind.essential <= members.keys():
        missing = _joined(kind.essential - members.keys())
        raise BadToken(f"claims are missing: {missing}", rule="missing", nearest=missing)
    if not kind.forbidden.isdisjoint(members):
        raise BadToken(
            f"no claim of an {kind.name}: {_joined(kind.forbidden & members.keys())}", rule="forbidden"
        )


def _check_parties(kind: Kind, members: Mapping[str, object], expect: Expected) -> None:
    if "iss" not in kind.client_claims and members["iss"] != expect.issuer:
        raise BadToken("iss is another", rule="iss", value=members["iss"], nearest=expect.issuer)
    for name in kind.client_claims:
        if expect.client is None or members[name] != expect.client:
            raise BadToken(
                f"{name} is not the client", rule=name, value=members[name], nearest=expect.client or ""
            )
    _check_audience(kind, members["aud"], expect.audience)


def _check_audience(kind: Kind, aud: object, expected: frozenset[str]) -> None:
    if isinstance(aud, str):
        named = [aud]
    elif _is_texts(aud) and not kind.aud_is_text:
        named = aud
    else:
        raise BadToken("aud must be a string", rule="aud", value=aud, nearest=_joined(expected))
    if not expected and kind.aud_told_later and all(named) and named:
        return
    if expected.isdisjoint(named):
        raise BadToken("aud is another", rule="aud", value=aud, nearest=_joined(expected))


def _check_times(kind: Kind, members: Mapping[str, object], now: float) -> None:
    for name in ("iat", "nbf"):
        if _time(members, name, now) > now + kind.ahead:
            raise BadToken(f"{name} is in the future", rule=name, value=members[name])
    if kind.oldest is not None and _time(members, "iat", now) < now - kind.oldest:
        raise BadToken("it is too old", rule="iat", value=members["iat"])
    exp = _time(members, "exp", now)
    if kind.exp_counts and exp + kind.grace <= now:
        raise BadToken("it has expired", rule="exp", value=exp)
    if kind.longest is not None and exp > now + kind.longest:
        raise BadToken("exp is too far ahead", rule="exp", value=exp, nearest=str(kind.longest))


def _span(kind: Kind, members: Mapping[str, object]) -> tuple[float, float]:
    """Within this no time of the claims is wrong; outside of it one may be."""
    times = {name: _time(members, name, math.nan) for name in ("iat", "nbf", "exp")}
    since = [times[name] - kind.ahead for name in ("iat", "nbf") if name in members]
    until = [times["exp"] + kind.grace] if kind.exp_counts else []
    if kind.oldest is not None:
        until.append(times["iat"] + kind.oldest)
    if kind.longest is not None:
        since.append(times["exp"] - kind.longest)
    return max(since, default=-math.inf), min(until, default=math.inf)


def _time(members: Mapping[str, object], name: str, otherwise: float) -> float:
    value = members.get(name, otherwise)
    return value if _is_time(value) else otherwise


def _is_time(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _END_OF_TIME


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
