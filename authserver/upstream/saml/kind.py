"""SAML as a kind of provider. Later work: encrypted assertions, single logout, sign-in that begins there."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from cryptography.x509 import Certificate

from authserver.input import invalid
from authserver.opaque import Secret
from authserver.upstream.contract import (
    Asking,
    Callback,
    Departure,
    Document,
    Down,
    Identity,
    Kept,
    Preset,
    Probe,
    RedirectUpstream,
    Step,
)
from authserver.upstream.http import Http
from authserver.upstream.saml import attributes, certificates, metadata, response
from authserver.upstream.saml.assertion import Expected, refused
from authserver.upstream.saml.config import SamlConfig
from authserver.upstream.saml.document import LARGEST
from authserver.upstream.saml.imported import changed, fetched, given, with_facts
from authserver.upstream.saml.request import Request, posted, redirected, request_id
from authserver.upstream.saml.trying import steps

LONGEST = LARGEST * 4 // 3 + 4


class Saml(RedirectUpstream[SamlConfig]):
    """A SAML 2.0 identity provider."""

    title = "SAML 2.0"
    says_verified = False
    posts_back = True
    asks_nobody = True
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
        if config.authn_context and asserted.context not in config.authn_context:
            wanted = " ".join(config.authn_context)
            raise refused("authn_context", "they signed in there in another way", asserted.context, wanted)
        return attributes.identity(asserted, config, asked.document)

    def prepared(self, config: SamlConfig, before: SamlConfig | None, http: Http, at: datetime) -> SamlConfig:
        made = _with_keys(config, before)
        if config.metadata:
            made = with_facts(made, given(made, at))
        elif config.metadata_url and (before is None or _source(before) != _source(config)):
            try:
                made = with_facts(made, fetched(made, http, at))
            except Down as down:
                raise invalid({"metadata_url": f"It cannot be read: {down}"}) from down
        _check_whole(made, http)
        return made

    def refreshed(self, config: SamlConfig, http: Http, at: datetime) -> SamlConfig:
        if not config.metadata_url:
            return config
        made = with_facts(config, fetched(config, http, at))
        _check_whole(made, http)
        return made

    def warnings(self, config: SamlConfig, at: datetime) -> Iterator[str]:
        yield from certificates.warnings(config.certificates, at)
        if config.rollover != "none":
            yield f"A new key for our requests is under way ({config.rollover}): finish the change."

    def publish(self, config: SamlConfig, probe: Probe) -> Document:
        keys = [key.text for key in config.published_keys()]
        body = metadata.ours(probe.document, probe.callback, keys, config.name_id_format)
        return Document(content_type=metadata.CONTENT_TYPE, body=body)

    def test(self, config: SamlConfig, probe: Probe) -> Iterator[Step]:
        return steps(config, probe)


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
    return changed(config, {"signing_key": current, "next_signing_key": following})


def _check_whole(config: SamlConfig, http: Http) -> None:
    missing = "This is needed; `metadata_url` or `metadata` would tell it."
    wrong = {name: missing for name in ("entity_id", "sso_url", "certificates") if not getattr(config, name)}
    if config.sso_url and (problem := http.problem(config.sso_url)):
        wrong["sso_url"] = problem
    if config.name_id_format == "transient" and not config.subject_attribute:
        wrong["subject_attribute"] = "A transient NameID is another at each sign-in: which attribute stays?"
    if wrong:
        raise invalid(wrong)
