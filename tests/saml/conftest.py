"""The identity provider of this run, and what it answered to three ways of signing."""

from collections.abc import Iterator

import pytest

from authserver.upstream.contract import Probe
from authserver.upstream.saml.config import SamlConfig
from tests.flow.conftest import make_world, store_server, template, world
from tests.peers.saml import SimpleSaml
from tests.saml.attacks import Captured
from tests.saml.trip import CALLBACK, DOCUMENT, KIND, http, now, prepared, sign_in

__all__ = ["make_world", "store_server", "template", "world"]


@pytest.fixture(scope="session")
def idp() -> Iterator[SimpleSaml]:
    """SimpleSAMLphp, signing both the response and the assertion unless a test says otherwise."""
    server = SimpleSaml.install()
    yield server
    server.close()


@pytest.fixture(scope="session")
def known(idp: SimpleSaml) -> SamlConfig:
    """Settings from its metadata; it knows us from ours, except that we leave to it what it signs."""
    config = prepared(metadata=idp.metadata().decode())
    probe = Probe(http=http(), at=now(), callback=CALLBACK, document=DOCUMENT)
    published = KIND.publish(config, probe).body
    idp.know(published.replace(b' WantAssertionsSigned="true"', b""))
    return config


@pytest.fixture(scope="session")
def captured(idp: SimpleSaml, known: SamlConfig) -> Captured:
    """What it really answered."""
    answers = {}
    for signed, response, assertion in (
        ("response", True, False),
        ("assertion", False, True),
        ("both", True, True),
    ):
        idp.sign(response=response, assertion=assertion)
        answers[signed] = sign_in(idp, known)
    return Captured(answers=answers, other=sign_in(idp, known, "grace"), key=idp.key)
