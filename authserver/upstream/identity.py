"""An identity as it is kept while its person decides, and as it may be shown: capped, no control characters."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from authserver.input import UNWANTED
from authserver.upstream.contract import Authenticated, Distrusted, Identity

LONGEST_ISSUER, LONGEST_SUBJECT = 512, 1024
LINE, LONGEST, MOST, MOST_GROUPS = 255, 2_000, 100, 5_000
TEXTS = ("username", "name", "given_name", "family_name", "email", "locale", "shown", "page")
PAGES = ("https://", "http://")


def cleaned(identity: Identity, provider_id: str) -> Identity:
    """What a provider said, made safe to keep and to show. OI-7. What names somebody is taken whole or refused."""
    for name, value, longest in (
        ("issuer", identity.issuer, LONGEST_ISSUER),
        ("subject", identity.subject, LONGEST_SUBJECT),
    ):
        if not value or len(value) > longest or UNWANTED.search(value) or value != value.strip():
            raise Distrusted(f"the {name} cannot be one", rule=f"upstream.{name}", value=ascii(value)[:100])
    texts: dict[str, Any] = {name: text(getattr(identity, name), LINE) for name in TEXTS}
    if not texts["page"].startswith(PAGES):
        texts["page"] = ""
    known = identity.authentication
    return replace(
        identity,
        provider=provider_id,
        **texts,
        email_verified=identity.email_verified is True,
        attributes={
            text(name, LINE): kept
            for name, value in list(identity.attributes.items())[:MOST]
            if (kept := _value(value)) is not None
        },
        groups=None if identity.groups is None else _groups(identity.groups),
        authentication=replace(
            known, acr=text(known.acr, LINE), amr=tuple(text(each, LINE) for each in known.amr[:MOST])
        ),
    )


def text(value: Any, longest: int) -> str:
    return UNWANTED.sub("", value).strip()[:longest] if isinstance(value, str) else ""


def _groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in (text(each, LINE) for each in groups[:MOST_GROUPS]) if name)


def _value(value: Any) -> Any:
    match value:
        case bool() | int():
            return value
        case str():
            return text(value, LONGEST) or None
        case list() | tuple():
            return [each for each in (text(one, LONGEST) for one in value[:MOST]) if each] or None
        case _:
            return None


def to_json(identity: Identity) -> dict[str, Any]:
    known = identity.authentication
    plain = {
        name: getattr(identity, name) for name in ("issuer", "subject", "provider", "email_verified", *TEXTS)
    }
    return plain | {
        "attributes": dict(identity.attributes),
        "groups": None if identity.groups is None else list(identity.groups),
        "at": known.at.isoformat() if known.at else None,
        "said_at": known.said_at.isoformat() if known.said_at else None,
        "acr": known.acr,
        "amr": list(known.amr),
        "once": [[value, until.isoformat()] for value, until in identity.once],
    }


def from_json(values: Mapping[str, Any]) -> Identity:
    plain = {name: values[name] for name in ("issuer", "subject", "provider", "email_verified", *TEXTS)}
    return Identity(
        **plain,
        attributes=values["attributes"],
        groups=None if values["groups"] is None else tuple(values["groups"]),
        authentication=Authenticated(
            at=_time(values["at"]),
            said_at=_time(values["said_at"]),
            acr=values["acr"],
            amr=tuple(values["amr"]),
        ),
        once=tuple((value, datetime.fromisoformat(until)) for value, until in values["once"]),
    )


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
