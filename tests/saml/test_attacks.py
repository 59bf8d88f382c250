"""Several hundred messages made of real answers of a provider: none is accepted, and none is a fault."""

import textwrap
from dataclasses import replace
from datetime import timedelta

import pytest

from authserver.upstream.contract import Declined, Distrusted
from authserver.upstream.saml.config import SamlConfig
from tests.peers.saml import Key, certificate_of, make_elliptic_key, make_key
from tests.saml.attacks import Captured
from tests.saml.forge import Attack, as_it_is, assertion_of, changed, tree
from tests.saml.trip import DOCUMENT, KIND, proved


def certificate(key: Key) -> str:
    return "".join(key.certificate_pem.splitlines()[1:-1])


@pytest.mark.parametrize("signed", ["both", "response", "assertion"])
def test_what_the_provider_sent_is_accepted_however_it_is_signed(
    known: SamlConfig, captured: Captured, signed: str
) -> None:
    """SA-1: response, assertion or both; without this the attacks would prove nothing."""
    answered = captured.answers[signed]
    assert proved(known, answered.back()).username == "ada"
    again = changed(answered, as_it_is, captured.key)
    assert proved(known, answered.back(again)).username == "ada"


def test_no_attack_is_accepted_and_none_is_a_fault(known: SamlConfig, captured: Captured) -> None:
    """SA-2, SA-3, SA-5, CVE-13, CVE-14, CVE-15: each is refused, and for its own reason where that is known."""
    names = [attack.name for attack in captured.attacks]
    assert len(set(names)) == len(names) >= 150
    met = {attack.name: outcome(known, attack) for attack in captured.attacks}
    assert {name: told for name, told in met.items() if told} == {}


def outcome(config: SamlConfig, attack: Attack) -> str:
    """What is wrong with how an attack was met; nothing where it was refused as it should be."""
    try:
        identity = proved(config, attack.answered.back(attack.message, later=attack.later))
    except (Distrusted, Declined) as refusal:
        other = attack.rule and refusal.rule != attack.rule
        return f"refused by {refusal.rule}, not by {attack.rule}: {refusal.detail}" if other else ""
    except Exception as error:  # noqa: BLE001
        return f"a fault: {error!r}"
    return f"accepted as {identity.subject}"


def test_nobody_is_told_why_and_an_admin_is(known: SamlConfig, captured: Captured) -> None:
    """SA-3: the page says that it cannot be trusted, the reference what was expected."""
    attack = next(each for each in captured.attacks if each.name == "signed: audience of another service")
    with pytest.raises(Distrusted) as refusal:
        proved(known, attack.answered.back(attack.message))
    assert "audience" not in refusal.value.public
    assert (refusal.value.value, refusal.value.nearest) == ("https://other.example/metadata", DOCUMENT)


def test_an_assertion_has_one_id_to_be_remembered_by(known: SamlConfig, captured: Captured) -> None:
    """SA-4: until nobody could bring it any more, skew included; another provider's ids are others."""
    answered = captured.answers["both"]
    ((value, until),) = proved(known, answered.back()).once
    assert value == f"{known.entity_id}\n{assertion_of(tree(answered)).get('ID')}"
    with pytest.raises(Distrusted):
        proved(known, answered.back(later=until - answered.at + timedelta(seconds=1)))


def test_a_message_comes_by_post_alone_and_in_base64(known: SamlConfig, captured: Captured) -> None:
    """SA-5: what is too long is refused before it is read."""
    back = captured.answers["both"].back()
    for changed_back in (
        replace(back, method="GET"),
        replace(back, params={}),
        replace(back, params={"SAMLResponse": "####"}),
        replace(back, params={"SAMLResponse": "ä"}),
        replace(back, params={"SAMLResponse": "A" * 350_000}),
    ):
        with pytest.raises(Distrusted):
            proved(known, changed_back)
    wrapped = "\r\n".join(textwrap.wrap(back.params["SAMLResponse"], 76))
    assert proved(known, replace(back, params={"SAMLResponse": wrapped})).username == "ada"


def test_two_certificates_are_good_during_a_change_and_no_third(
    known: SamlConfig, captured: Captured
) -> None:
    """SA-8, SA-1: the old and the new one, in either order, of either kind; the message's own counts for nothing."""
    old, new = certificate(captured.key), certificate(make_key())
    elliptic = certificate(make_elliptic_key())
    back = captured.answers["both"].back()
    for chosen in ([old, new], [new, old], [elliptic, new, old]):
        assert proved(known.model_copy(update={"certificates": chosen}), back).username == "ada"
    for chosen in ([new], [elliptic, new], []):
        with pytest.raises(Distrusted) as refusal:
            proved(known.model_copy(update={"certificates": chosen}), back)
        assert refusal.value.rule == "saml.signature"


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_a_certificate_that_ended_counts_or_not_by_the_settings(
    known: SamlConfig, captured: Captured, policy: str
) -> None:
    """SA-8: and in both cases an admin is warned."""
    ended = Key(
        private=captured.key.private,
        certificate=certificate_of(captured.key.private, since=timedelta(days=9), until=timedelta(days=-1)),
    )
    config = known.model_copy(update={"certificates": [certificate(ended)], "ended_certificates": policy})
    back = captured.answers["both"].back()
    assert "ended on" in " ".join(KIND.warnings(config, back.at))
    if policy == "accept":
        assert proved(config, back).username == "ada"
    else:
        with pytest.raises(Distrusted) as refusal:
            proved(config, back)
        assert refusal.value.rule == "saml.certificate"
