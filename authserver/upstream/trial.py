"""Whether a provider works, before anybody depends on it: its steps, and where a whole trial sign-in begins. AD-7."""

from collections.abc import Iterator
from dataclasses import dataclass

from authserver.audit import Actor, record
from authserver.audit.events import ProviderTested
from authserver.clients.remote import NotFetched
from authserver.errors import AuthserverError
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.upstream.contract import Passed, Probe, Step, Upstream
from authserver.upstream.exchange import http_of
from authserver.upstream.provider import Provider

SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What is to be registered at the provider; `document` where its kind `publishes` one."""

    callback: str
    document: str
    publishes: bool


def addresses(issuer: Issuer, provider: Provider) -> Addresses:
    base = f"{issuer.url}/login/upstream/{provider.slug}"
    return Addresses(
        callback=f"{base}/callback",
        document=f"{base}/metadata",
        publishes=type(provider.kind).publish is not Upstream.publish,
    )


def probe(issuer: Issuer, provider: Provider, *, name: str = "") -> Probe:
    about = addresses(issuer, provider)
    return Probe(
        http=http_of(issuer, seconds=SECONDS),
        at=issuer.clock(),
        callback=about.callback,
        document=about.document,
        name=name,
    )


def steps(issuer: Issuer, provider: Provider, *, name: str = "") -> tuple[Step, ...]:
    """The real steps, up to the first that fails; nothing is saved, and no secret is shown."""
    return tuple(_taken(issuer, provider, name))


def note(db: Session, issuer: Issuer, provider: Provider, taken: tuple[Step, ...], *, by: Actor) -> None:
    passed = all(step.passed is not Passed.NO for step in taken)
    record(db, ProviderTested(provider=provider.slug, passed=passed), by=by, at=issuer.clock())


def page(issuer: Issuer, provider: Provider) -> str:
    """Where somebody who may administer providers signs in by this one, to see what comes back."""
    return f"{issuer.url}/login/upstream/{provider.slug}/trial"


def _taken(issuer: Issuer, provider: Provider, name: str) -> Iterator[Step]:
    asked = probe(issuer, provider, name=name)
    try:
        for step in provider.kind.test(provider.config, asked):
            yield step
            if step.passed is Passed.NO:
                return
    except (AuthserverError, NotFetched, ValueError, TypeError, LookupError) as error:
        said = getattr(error, "detail", "") or str(error)
        yield Step(title="The step after this one", passed=Passed.NO, found=said[:500])
        return
    for warning in provider.kind.warnings(provider.config, asked.at):
        yield Step(title="Before long", passed=Passed.WARNED, found=warning)
