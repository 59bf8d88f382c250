"""SAML beside SimpleSAMLphp: requests that it takes, metadata that each side reads, keys that change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from authserver.errors import Refusal
from authserver.upstream.contract import Distrusted, Passed, Probe
from authserver.upstream.saml import certificates
from authserver.upstream.saml.config import SamlConfig
from tests.agent import Browser
from tests.peers.saml import SimpleSaml, make_key
from tests.saml.trip import (
    CALLBACK,
    DOCUMENT,
    KIND,
    asking,
    changed_config,
    http,
    leave,
    log_in,
    now,
    prepared,
    proved,
    sign_in,
)


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_somebody_signs_in_by_either_binding(idp: SimpleSaml, known: SamlConfig, binding: str) -> None:
    """SA-3, SA-6, SA-9: what comes back is ours, and holds names by OID, claims URI and friendly name."""
    answered = sign_in(idp, known.model_copy(update={"binding": binding}))
    assert answered.params["RelayState"] == answered.asking.state
    identity = proved(known, answered.back())
    assert (identity.issuer, identity.username, identity.email) == (idp.entity_id, "ada", "ada@uni.example")
    assert (identity.given_name, identity.family_name, identity.name) == ("Ada", "Lovelace", "Ada Lovelace")
    assert identity.groups == ("analysts",)
    assert identity.attributes["eduPersonScopedAffiliation"] == "staff@uni.example"
    assert not identity.email_verified
    assert identity.authentication.acr == "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    assert identity.subject.startswith("persistent!!!")


def test_a_name_is_the_same_at_each_sign_in_and_another_for_another(
    idp: SimpleSaml, known: SamlConfig
) -> None:
    """UP-1, SA-9."""
    ada, again, grace = (proved(known, sign_in(idp, known, who).back()) for who in ("ada", "ada", "grace"))
    assert ada.subject == again.subject != grace.subject
    assert (grace.given_name, grace.family_name) == ("Grace", "Hopper")


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_the_provider_takes_no_request_that_was_changed(
    idp: SimpleSaml, known: SamlConfig, binding: str
) -> None:
    """Our metadata says that requests are signed, and they are: another key's request is refused there."""
    other = certificates.SigningKey.make().kept()
    config = known.model_copy(update={"binding": binding, "signing_key": other})
    visit = leave(Browser(home=idp.url), KIND.begin(config, asking(now()), http()))
    assert not any(form.has("password") for form in visit.page.forms)
    assert "Unable to validate" in visit.reply.text


def test_a_fresh_proof_is_asked_for_and_given(idp: SimpleSaml, known: SamlConfig) -> None:
    """UP-11: who has a session there is asked again with ForceAuthn, and only then; the instant says so."""
    browser = Browser(home=idp.url)
    log_in(browser, leave(browser, KIND.begin(known, asking(now()), http())))
    silent = leave(browser, KIND.begin(known, asking(now()), http()))
    assert any(form.action == CALLBACK for form in silent.page.forms)
    asked = leave(browser, KIND.begin(known, asking(now(), fresh=True), http()))
    assert any(form.has("password") for form in asked.page.forms)


def test_somebody_signs_in_as_surely_as_was_asked(idp: SimpleSaml, known: SamlConfig) -> None:
    """UP-7: a context that was asked for is demanded, too."""
    answered = sign_in(idp, known)
    password = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    assert proved(known.model_copy(update={"authn_context": [password]}), answered.back())
    with pytest.raises(Distrusted) as refusal:
        proved(
            known.model_copy(update={"authn_context": ["https://refeds.org/profile/mfa"]}), answered.back()
        )
    assert (refusal.value.rule, refusal.value.value) == ("saml.authn_context", password)


def test_an_instant_is_never_later_than_now(idp: SimpleSaml, known: SamlConfig) -> None:
    """UP-11: auth_time is AuthnInstant, and a clock there that is ahead does not make it later."""
    answered = sign_in(idp, known)
    behind = replace(answered.back(), at=answered.at - timedelta(seconds=30))
    assert proved(known, behind).authentication.at == behind.at


def test_metadata_is_read_from_an_address_that_somebody_vouched_for(idp: SimpleSaml) -> None:
    """SA-8: not signed, it may name only certificates whose fingerprints were compared."""
    url = f"{idp.url}/saml2/idp/metadata.php"
    with pytest.raises(Refusal) as refusal:
        prepared(metadata_url=url)
    told = refusal.value.fields["pins"]
    fingerprint = certificates.fingerprint("".join(idp.key.certificate_pem.splitlines()[1:-1]))
    assert fingerprint in told
    config = prepared(metadata_url=url, pins=[fingerprint.replace(":", "").lower()])
    assert (config.entity_id, config.sso_url) == (idp.entity_id, idp.sso_url)
    assert KIND.refreshed(config, http(), now()) == config
    passed = [step.passed for step in KIND.test(config, probe())]
    assert passed == [Passed.YES] * 4
    with pytest.raises(Refusal):
        KIND.refreshed(config.model_copy(update={"pins": ["00" * 32]}), http(), now())


def test_a_metadata_address_that_does_not_answer_says_what_to_do(idp: SimpleSaml, known: SamlConfig) -> None:
    """AD-7, SA-8: sign-in goes on with what was read last."""
    config = known.model_copy(update={"metadata_url": f"{idp.url}/nowhere"})
    step = next(KIND.test(config, probe()))
    assert (step.passed, bool(step.remedy)) == (Passed.NO, True)


def test_the_key_of_our_requests_is_changed_in_three_steps(idp: SimpleSaml, known: SamlConfig) -> None:
    """SA-8: announced beside the old one, then it signs, then the old one is forgotten; never a gap."""
    first = known.signing_key
    announced = changed_config(known, rollover="announce")
    assert announced.signs_with().text == known.signs_with().text
    assert len(announced.published_keys()) == 2
    switched = changed_config(announced, rollover="switch")
    assert switched.signs_with().text != known.signs_with().text
    assert switched.published_keys()[0].text == known.signs_with().text
    done = changed_config(switched, rollover="none")
    assert [key.text for key in done.published_keys()] == [switched.signs_with().text]
    assert done.signing_key != first
    assert not done.next_signing_key
    assert changed_config(announced, rollover="none").signing_key == first
    assert list(KIND.warnings(announced, now()))
    assert not list(KIND.warnings(done, now()))


def test_a_change_of_the_providers_certificate_is_warned_of(known: SamlConfig) -> None:
    """SA-8: a month before it ends."""
    assert not list(KIND.warnings(known, now()))
    assert "ends on" in " ".join(KIND.warnings(known, now() + timedelta(days=340)))


def test_a_weak_key_is_refused_where_it_is_given(idp: SimpleSaml) -> None:
    """SA-1: RSA below 2048 bits never gets in, by hand or by metadata."""
    weak = make_key(bits=1024)
    given = {"entity_id": "https://idp.example", "sso_url": "https://idp.example/sso"}
    with pytest.raises(Refusal) as refusal:
        prepared(**given, certificates=weak.certificate_pem)
    assert "too weak" in refusal.value.fields["certificates"]
    strong = "".join(idp.key.certificate_pem.splitlines()[1:-1])
    weak_text = "".join(weak.certificate_pem.splitlines()[1:-1])
    metadata = idp.metadata().decode().replace(strong, weak_text)
    with pytest.raises(Refusal) as refusal:
        prepared(metadata=metadata)
    assert "no certificate" in refusal.value.fields["metadata"]


def probe() -> Probe:
    return Probe(http=http(), at=now(), callback=CALLBACK, document=DOCUMENT)
