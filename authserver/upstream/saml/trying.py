"""The steps of a test: what the provider publishes, its certificates, its address, and what to register there. AD-7."""

from collections.abc import Iterator

from authserver.clients.remote import NotFetched
from authserver.errors import Refusal
from authserver.upstream.contract import Down, Passed, Probe, Step
from authserver.upstream.saml import certificates
from authserver.upstream.saml.config import SamlConfig
from authserver.upstream.saml.imported import fetched


def steps(config: SamlConfig, probe: Probe) -> Iterator[Step]:
    """One after another, up to the first that fails."""
    if config.metadata_url:
        step = _test_metadata(config, probe)
        yield step
        if step.passed is Passed.NO:
            return
    yield _test_certificates(config, probe)
    yield _test_address(config, probe)
    yield Step(
        title="Our side",
        passed=Passed.YES,
        found=f"our metadata is at {probe.document}, answers come to {probe.callback}",
        remedy="Register this metadata there. Sign-in begins here; answers that nobody asked for, encrypted "
        "assertions and single logout are not supported yet.",
    )


def _test_metadata(config: SamlConfig, probe: Probe) -> Step:
    title = "Read its metadata"
    try:
        facts = fetched(config, probe.http, probe.at)
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
            remedy="Save the provider again, or wait for the next reading.",
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
