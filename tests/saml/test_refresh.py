"""Metadata that is read again by a job: new certificates are taken where somebody vouched, else the old ones stand."""

from collections.abc import Iterator

import pytest

from authserver.audit import SYSTEM
from authserver.cli.check_providers import provider_findings
from authserver.upstream import configure, find
from authserver.upstream.provider import Provider
from authserver.upstream.saml import certificates
from authserver.upstream.saml.config import SamlConfig
from authserver.work.refresh_providers import refresh_providers
from tests.flow.world import World
from tests.peers.saml import Key, SimpleSaml, make_key


@pytest.fixture
def own_idp() -> Iterator[SimpleSaml]:
    """An identity provider whose key may change."""
    server = SimpleSaml.install()
    yield server
    server.close()


def text(key: Key) -> str:
    return "".join(key.certificate_pem.splitlines()[1:-1])


def pin(key: Key) -> str:
    return certificates.fingerprint(text(key))


def edited(world: World, changes: dict[str, object]) -> None:
    draft = configure.redrafted(world.issuer, provider(world), {"config": changes})
    with world.writing() as db:
        configure.edit(db, world.issuer, draft, by=SYSTEM)
    world.issuer.revisions.forget()


def provider(world: World) -> Provider:
    found = find.live(world.issuer).by_slug("uni")
    assert found is not None
    return found


def config(world: World) -> SamlConfig:
    found = provider(world).config
    assert isinstance(found, SamlConfig)
    return found


def test_a_new_certificate_is_taken_when_somebody_vouched_and_the_old_one_stands_until_then(
    world: World, own_idp: SimpleSaml
) -> None:
    """SA-8, AD-6: the version moves and the change is audited; failing to read changes nothing."""
    given = {"metadata_url": f"{own_idp.url}/saml2/idp/metadata.php", "pins": [pin(own_idp.key)]}
    form = {"slug": "uni", "kind": "saml", "title": "University", "config": given}
    draft = configure.drafted(world.issuer, form)
    with world.writing() as db:
        configure.add(db, world.issuer, draft, by=SYSTEM)
    world.issuer.revisions.forget()
    before = config(world)
    assert refresh_providers(world.issuer) == {"uni": "same"}
    own_idp.change_key(make_key())
    assert refresh_providers(world.issuer) == {"uni": "failed"}
    assert config(world) == before
    following = make_key()
    edited(world, {"pins": [pin(own_idp.key), pin(following)]})
    assert config(world).certificates == [text(own_idp.key)]
    own_idp.change_key(following)
    assert refresh_providers(world.issuer) == {"uni": "changed"}
    assert config(world).certificates == [text(following)]
    assert config(world).signing_key == before.signing_key
    changed = [event for event in world.events("changed") if event.data["kind"] == "provider"][-1]
    assert changed.data["fields"] == {"fields": ["config.certificates"]}
    own_idp.close()
    assert refresh_providers(world.issuer) == {"uni": "failed"}


def test_the_doctor_tells_of_a_certificate_that_ended(world: World, own_idp: SimpleSaml) -> None:
    """SA-8."""
    given = {"metadata": own_idp.metadata().decode()}
    draft = configure.drafted(
        world.issuer, {"slug": "uni", "kind": "saml", "title": "University", "config": given}
    )
    with world.writing() as db:
        configure.add(db, world.issuer, draft, by=SYSTEM)
    world.issuer.revisions.forget()
    world.clock.advance(days=800)
    (finding,) = provider_findings(world.issuer)
    assert (finding.level, "ended on" in finding.what) == ("warning", True)
