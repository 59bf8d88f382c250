"""The `claims` parameter. OpenID Connect Core §5.5."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from authserver.authentication import LEVELS, Level
from authserver.errors import Refusal
from authserver.jose.errors import BadToken
from authserver.jose.read import read_object

LONGEST = 2048
TARGETS = ("userinfo", "id_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrWish:
    """Which acr is wanted, known ones only, in order of preference; an essential one decides."""

    levels: tuple[Level, ...] = ()
    essential: bool = False
    named: bool = False  # something was named, known or not


NO_WISH = AcrWish()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRequest:
    """`text` is normalized JSON, kept with the grant; the rest is what authorize itself acts on."""

    text: str | None = None
    acr: AcrWish = NO_WISH
    subject: str | None = None


def claims_request(value: str | None) -> ClaimsRequest:
    """Read the parameter; members that we do not know are left out."""
    if value is None:
        return ClaimsRequest()
    if len(value) > LONGEST:
        raise Refusal(
            "claims is too long.", rule="claims.size", value=str(len(value)), nearest=f"{LONGEST} characters"
        )
    try:
        document = read_object(value.encode("utf-8", "surrogatepass"))
    except BadToken as error:
        raise Refusal(
            "claims must be a JSON object.", rule="claims.json", value=value, detail=error.detail
        ) from error
    kept = {target: _members(target, document[target]) for target in TARGETS if target in document}
    in_id_token = kept.get("id_token", {})
    return ClaimsRequest(
        text=json.dumps(kept, separators=(",", ":"), sort_keys=True),
        acr=_acr(in_id_token.get("acr")),
        subject=_subject(in_id_token.get("sub")),
    )


def wish(names: tuple[str, ...]) -> AcrWish:
    """What acr_values ask: a preference, never essential."""
    return AcrWish(levels=tuple(LEVELS[name] for name in names if name in LEVELS), named=bool(names))


def _members(target: str, value: object) -> Mapping[str, Mapping[str, object] | None]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(f"claims.{target} must be an object.", rule="claims.shape", value=target)
    return {name: _member(name, asked) for name, asked in value.items()}


def _member(name: str, asked: object) -> Mapping[str, object] | None:
    if asked is None:
        return None
    if not isinstance(asked, dict):
        raise Refusal("A member of claims must be null or an object.", rule="claims.shape", value=name)
    essential, values = asked.get("essential", False), asked.get("values", [])
    if not isinstance(essential, bool) or not isinstance(values, list):
        raise Refusal(
            "A member of claims has essential or values of the wrong type.", rule="claims.shape", value=name
        )
    kept: dict[str, object] = {"essential": True} if essential else {}
    if isinstance(asked.get("value"), str):
        kept["value"] = asked["value"]
    if texts := [text for text in values if isinstance(text, str)]:
        kept["values"] = texts
    return kept


def _acr(asked: Mapping[str, object] | None) -> AcrWish:
    if not asked:
        return NO_WISH
    names = _texts(asked["value"]) if "value" in asked else _texts(asked.get("values"))
    return AcrWish(
        levels=wish(names).levels, essential="essential" in asked and bool(names), named=bool(names)
    )


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in values if isinstance(text, str))


def _subject(asked: Mapping[str, object] | None) -> str | None:
    value = (asked or {}).get("value")
    return value if isinstance(value, str) else None
