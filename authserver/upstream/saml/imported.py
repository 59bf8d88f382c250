"""Taking over what a provider publishes: only what somebody vouches for, and only whole. SA-8."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authserver.clients.remote import NotFetched
from authserver.errors import Refusal
from authserver.input import invalid, read
from authserver.upstream.contract import Distrusted, Down
from authserver.upstream.http import Http
from authserver.upstream.saml import certificates, metadata
from authserver.upstream.saml.config import SamlConfig
from authserver.upstream.saml.document import LARGEST_PUBLISHED

ACCEPT = {"Accept": "application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.5"}


def with_facts(config: SamlConfig, facts: metadata.Facts) -> SamlConfig:
    binding = config.binding if config.binding in facts.sso else next(iter(facts.sso))
    return changed(
        config,
        {
            "metadata": "",
            "entity_id": facts.entity_id,
            "sso_url": facts.sso[binding],
            "binding": binding,
            "certificates": list(facts.certificates),
        },
    )


def changed(config: SamlConfig, changes: Mapping[str, Any]) -> SamlConfig:
    """Changed, and read as strictly as if somebody had typed it."""
    return read(SamlConfig, {name: getattr(config, name) for name in SamlConfig.model_fields} | dict(changes))


def fetched(config: SamlConfig, http: Http, at: datetime) -> metadata.Facts:
    """What the provider publishes now, vouched for by a signature or by fingerprints. Raises Down or a Refusal."""
    try:
        answer = http.get(config.metadata_url, headers=ACCEPT, largest=LARGEST_PUBLISHED)
    except NotFetched as error:
        raise Down(f"its metadata cannot be read: {error}") from error
    if not answer.ok:
        raise Down(f"its metadata cannot be read: {answer.status}")
    facts = _read("metadata_url", config, answer.body, at)
    if not config.metadata_certificate:
        _check_pins(config, facts)
    return facts


def given(config: SamlConfig, at: datetime) -> metadata.Facts:
    """What an admin gave as a file, and vouches for."""
    return _read(
        "metadata", config.model_copy(update={"metadata_certificate": []}), config.metadata.encode(), at
    )


def _read(field: str, config: SamlConfig, data: bytes, at: datetime) -> metadata.Facts:
    try:
        facts = metadata.read(data, config.entity_id, config.metadata_certificate)
    except Refusal as refusal:
        said = refusal.detail if isinstance(refusal, Distrusted) else refusal.public
        raise invalid({field: said}) from refusal
    if facts.until is not None and facts.until <= at:
        raise invalid({field: f"This metadata was good until {facts.until:%Y-%m-%d}. Ask for newer one."})
    return facts


def _check_pins(config: SamlConfig, facts: metadata.Facts) -> None:
    """Unsigned metadata may name only certificates whose fingerprints somebody compared. SA-8."""
    found = [certificates.fingerprint(each) for each in facts.certificates]
    unknown = [
        each for each in found if not any(certificates.same_fingerprint(each, pin) for pin in config.pins)
    ]
    if unknown:
        raise invalid(
            {
                "pins": "The metadata is not signed, and names certificates with these SHA-256 fingerprints: "
                f"{', '.join(unknown)}. Compare them with those that the provider tells, and give them here."
            }
        )
