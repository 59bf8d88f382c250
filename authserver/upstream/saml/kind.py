"""SAML as a kind of provider. Later work: encrypted assertions, single logout, sign-in that begins there."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from cryptography.x509 import Certificate

from authserver.clients.remote import NotFetched
from authserver.errors import Refusal
from authserver.input import invalid, read
from authserver.opaque import Secret
from authserver.upstream.contract import (
    Asking,
    Callback,
    Departure,
    Distrusted,
    Document,
    Down,
    Identity,
    Kept,
    Passed,
    Preset,
    Probe,
    RedirectUpstream,
    Step,
)
from authserver.upstream.http import Http
from authserver.upstream.saml import attributes, certificates, metadata, response
from authserver.upstream.saml.assertion import Expected, refused
from authserver.upstream.saml.config import SamlConfig
from authserver.upstream.saml.document import LARGEST, LARGEST_PUBLISHED
from authserver.upstream.saml.request import Request, posted, redirected, request_id

ACCEPT = {"Accept": "application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.5"}
LONGEST = LARGEST * 4 // 3 + 4


class Saml(RedirectUpstream[SamlConfig]):
    """A SAML 2.0 identity provider."""

    title = "SAML 2.0"
    posts_back = True
    Config = SamlConfig
    presets: ClassVar[Mapping[str, Preset]] = {
        "entra-saml": Preset(
            title="Microsoft Entra ID (SAML)",
            config={"name_id_format": "any", "subject_attribute": "objectId"},
            guide="saml",
        ),
    }

    def begin(self, config: SamlConfig, asking: Asking, http: Http) -> Departure:
        request = _request(config, asking)
        key = config.signs_with()
        if config.binding == "post":
            return Departure(url=config.sso_url, form=posted(request, asking.state, key))
        return Departure(url=redirected(request, asking.state, key))

    def complete(self, config: SamlConfig, back: Callback, keep: Kept, http: Http) -> Identity:
        if back.method != "POST":
            raise refused("binding", "the answer did not come by POST", back.method, "POST")
        asked = back.asking
        expected = Expected(
            issuer=config.entity_id,
            audience=asked.document,
            acs=asked.callback,
            request=request_id(asked.nonce),
            at=back.at,
        )
        asserted = response.read(_decoded(back.params), _trusted(config, back.at), expected)
        return attributes.identity(asserted, config, asked.document)

    def prepared(self, config: SamlConfig, before: SamlConfig | None, http: Http) -> SamlConfig:
        made = _with_keys(config, before)
        if config.metadata:
            made = _with_facts(made, _read(made, config.metadata.encode()))
        elif config.metadata_url and (before is None or _source(before) != _source(config)):
            made = _with_facts(made, _fetched(made, http))
        _check_whole(made, http)
        return made

    def refreshed(self, config: SamlConfig, http: Http) -> SamlConfig:
        return _with_facts(config, _fetched(config, http)) if config.metadata_url else config

    def warnings(self, config: SamlConfig, at: datetime) -> Iterator[str]:
        yield from certificates.warnings(config.certificates, at)
        if config.rollover != "none":
            yield f"A new key for our requests is under way ({config.rollover}): finish the change."

    def publish(self, config: SamlConfig, probe: Probe) -> Document:
        keys = [key.text for key in config.published_keys()]
        body = metadata.ours(probe.document, probe.callback, keys, config.name_id_format)
        return Document(content_type=metadata.CONTENT_TYPE, body=body)

    def test(self, config: SamlConfig, probe: Probe) -> Iterator[Step]:
        if config.metadata_url:
            step = _test_metadata(config, probe)
            yield step
            if step.passed is Passed.NO:
                return
        yield _test_certificates(config, probe)
        step = _test_address(config, probe)
        yield step
        if step.passed is not Passed.NO:
            yield Step(
                title="Our side",
                passed=Passed.YES,
                found=f"our metadata is at {probe.document}, answers come to {probe.callback}",
                remedy="Register this metadata there. Sign-in begins here; answers that nobody asked for, "
                "encrypted assertions and single logout are not supported yet.",
            )


def _request(config: SamlConfig, asking: Asking) -> Request:
    return Request(
        id=request_id(asking.nonce),
        at=asking.at,
        destination=config.sso_url,
        issuer=asking.document,
        acs=asking.callback,
        name_id_format=config.name_id_format,
        contexts=config.authn_context,
        fresh=asking.fresh,
    )


def _decoded(params: Mapping[str, str]) -> bytes:
    text = params.get("SAMLResponse", "")
    if not text:
        raise refused("structure", "there is no SAMLResponse")
    # Line breaks are usual in it, and CRLF makes two of one.
    packed = "".join(text.split())
    if len(packed) > LONGEST:
        raise refused("xml", f"the message has {len(packed)} characters, and {LONGEST} are the most")
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused("xml", "the message is not in base64") from error


def _trusted(config: SamlConfig, at: datetime) -> list[Certificate]:
    """The certificates that count now, by the settings. SA-8."""
    if config.ended_certificates == "accept":
        return [certificates.load(each) for each in config.certificates]
    found = certificates.in_force(config.certificates, at)
    if not found:
        raise refused(
            "certificate", "every certificate of the provider has ended", nearest="import the next one"
        )
    return found


def _source(config: SamlConfig) -> tuple[Any, ...]:
    return (
        config.metadata_url,
        tuple(config.metadata_certificate),
        tuple(config.pins),
        config.entity_id,
        config.binding,
    )


def _with_keys(config: SamlConfig, before: SamlConfig | None) -> SamlConfig:
    """With the keys that this step of the change needs; its last step forgets the old key."""
    current, following = config.signing_key, config.next_signing_key
    if config.rollover == "none":
        if before is not None and before.rollover == "switch":
            current = following
        following = Secret("")
    current = current or certificates.SigningKey.make().kept()
    if config.rollover != "none":
        following = following or certificates.SigningKey.make().kept()
    return _changed(config, {"signing_key": current, "next_signing_key": following})


def _with_facts(config: SamlConfig, facts: metadata.Facts) -> SamlConfig:
    binding = config.binding if config.binding in facts.sso else next(iter(facts.sso))
    return _changed(
        config,
        {
            "metadata": "",
            "entity_id": facts.entity_id,
            "sso_url": facts.sso[binding],
            "binding": binding,
            "certificates": list(facts.certificates),
        },
    )


def _changed(config: SamlConfig, changes: Mapping[str, Any]) -> SamlConfig:
    """Changed, and read as strictly as if somebody had typed it."""
    return read(SamlConfig, {name: getattr(config, name) for name in SamlConfig.model_fields} | dict(changes))


def _fetched(config: SamlConfig, http: Http) -> metadata.Facts:
    try:
        answer = http.get(config.metadata_url, headers=ACCEPT, largest=LARGEST_PUBLISHED)
    except NotFetched as error:
        raise Down(f"its metadata cannot be read: {error}") from error
    if not answer.ok:
        raise Down(f"its metadata cannot be read: {answer.status}")
    facts = _read(config, answer.body)
    if not config.metadata_certificate:
        _check_pins(config, facts)
    return facts


def _read(config: SamlConfig, data: bytes) -> metadata.Facts:
    signers = config.metadata_certificate if not config.metadata else []
    try:
        return metadata.read(data, config.entity_id, signers)
    except Distrusted as error:
        raise invalid({"metadata_url" if config.metadata_url else "metadata": error.detail}) from error


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


def _check_whole(config: SamlConfig, http: Http) -> None:
    missing = "This is needed; `metadata_url` or `metadata` would tell it."
    wrong = {name: missing for name in ("entity_id", "sso_url", "certificates") if not getattr(config, name)}
    if config.sso_url and (problem := http.problem(config.sso_url)):
        wrong["sso_url"] = problem
    if config.name_id_format == "transient" and not config.subject_attribute:
        wrong["subject_attribute"] = "A transient NameID is another at each sign-in: which attribute stays?"
    if wrong:
        raise invalid(wrong)


def _test_metadata(config: SamlConfig, probe: Probe) -> Step:
    title = "Read its metadata"
    try:
        facts = _fetched(config, probe.http)
    except (Refusal, Down) as error:
        detail = error.detail if isinstance(error, Refusal) else str(error)
        return Step(
            title=title,
            passed=Passed.NO,
            found=detail,
            remedy="Check metadata_url, and who signs what it gives; sign-in goes on with what was read last.",
        )
    if set(facts.certificates) != set(config.certificates):
        return Step(
            title=title,
            passed=Passed.WARNED,
            found="it names other certificates than those in use",
            remedy="Save the provider again, or wait for the daily reading.",
        )
    return Step(title=title, passed=Passed.YES, found=f"entity id {facts.entity_id}")


def _test_certificates(config: SamlConfig, probe: Probe) -> Step:
    title = "Look at its certificates"
    found = list(certificates.warnings(config.certificates, probe.at))
    told = ", ".join(certificates.fingerprint(each)[:23] + "…" for each in config.certificates)
    if found:
        return Step(
            title=title,
            passed=Passed.WARNED,
            found=" ".join(found),
            remedy="Import its new metadata in time.",
        )
    return Step(title=title, passed=Passed.YES, found=told)


def _test_address(config: SamlConfig, probe: Probe) -> Step:
    title = "Reach its sign-in address"
    try:
        answer = probe.http.get(config.sso_url)
    except NotFetched as error:
        # It may send browsers on at once, or be open to browsers of its own network alone.
        return Step(
            title=title,
            passed=Passed.WARNED,
            found=str(error),
            remedy="Open sso_url in a browser: only people's browsers have to reach it.",
        )
    return Step(title=title, passed=Passed.YES, found=f"{config.sso_url} answers {answer.status}")
