"""/api/admin/providers. Secrets go in and never come out: of those it is said only whether they are set. AD-6."""

from flask import Response

from authserver.login import providers
from authserver.upstream import configure, find, trial
from authserver.upstream.contract import Passed
from authserver.upstream.form import NewProviderForm, ProviderForm
from authserver.upstream.provider import Provider
from authserver.web.api import reading, shown
from authserver.web.api.access import actor
from authserver.web.api.answering import acted, answer, created, gone, listed, looked
from authserver.web.api.table import noun, route
from authserver.web.context import issuer

blueprint = noun("providers")


@route(blueprint, "GET", scope="providers:read", gives="ListedProvider[]")
def list_providers() -> Response:
    """List providers in the order of the sign-in page."""
    reading.query()
    found = looked(lambda db: find.listed(db, issuer()))
    return listed(map(shown.listed_provider, found), None)


@route(blueprint, "POST", scope="providers:write", takes=NewProviderForm, gives="Provider", status=201)
def add_provider() -> Response:
    """Add a provider as a draft: it takes nobody in until it is enabled."""
    draft = configure.drafted(issuer(), reading.members())
    made = acted(lambda db: configure.add(db, issuer(), draft, by=actor()))
    return created(_shown(made), "providers", made.slug, version=made.version)


@route(blueprint, "GET", "/<slug>", scope="providers:read", gives="Provider")
def show_provider(slug: str) -> Response:
    """Show a provider, without its secrets."""
    found = looked(lambda db: find.load(db, issuer(), slug))
    return answer(_shown(found), version=found.version)


@route(blueprint, "PATCH", "/<slug>", scope="providers:write", takes=ProviderForm, gives="Provider")
def edit_provider(slug: str) -> Response:
    """Change the members given; those of `config` and `rules` one by one, null brings a default back."""
    given, version = reading.members(), reading.expected()
    before = looked(lambda db: find.load(db, issuer(), slug))
    draft = configure.redrafted(issuer(), before, given)
    made = acted(lambda db: configure.edit(db, issuer(), draft, by=actor(), expected_version=version))
    return answer(_shown(made), version=made.version)


@route(blueprint, "DELETE", "/<slug>", scope="providers:write", status=204)
def remove_provider(slug: str) -> Response:
    """Remove a provider that is not active, with all links to it; who signed in by it is signed out."""
    acted(lambda db: providers.remove(db, issuer(), slug, by=actor()))
    return gone()


@route(blueprint, "POST", "/<slug>/enable", scope="providers:write", gives="Provider")
def enable_provider(slug: str) -> Response:
    """Let people sign in by it, on every node within a second."""
    reading.nothing()
    made = acted(lambda db: configure.switch(db, issuer(), slug, "active", by=actor()))
    return answer(_shown(made), version=made.version)


@route(blueprint, "POST", "/<slug>/disable", scope="providers:write", gives="Provider")
def disable_provider(slug: str) -> Response:
    """Let nobody in by it any more, also those who are on their way."""
    reading.nothing()
    made = acted(lambda db: configure.switch(db, issuer(), slug, "disabled", by=actor()))
    return answer(_shown(made), version=made.version)


@route(blueprint, "POST", "/<slug>/end-sessions", scope="providers:write", gives="Ended")
def end_provider_sessions(slug: str) -> Response:
    """Sign out everybody who signed in by it, with their apps."""
    reading.nothing()
    return answer({"ended": acted(lambda db: providers.end_sessions(db, issuer(), slug, by=actor()))})


@route(blueprint, "POST", "/<slug>/test", scope="providers:write", gives="ProviderTest")
def test_provider(slug: str) -> Response:
    """Take the real steps of a sign-in as far as they go without a person; changes nothing. AD-7."""
    reading.nothing()
    asked = issuer()
    provider = looked(lambda db: find.load(db, asked, slug))
    steps = trial.steps(asked, provider)
    acted(lambda db: trial.note(db, asked, provider, steps, by=actor()))
    return answer(
        {
            "passed": all(step.passed is not Passed.NO for step in steps),
            "steps": [shown.step(step) for step in steps],
            "trial": trial.page(asked, provider),
        }
    )


def _shown(provider: Provider) -> shown.Shown:
    asked = issuer()
    about = trial.addresses(asked, provider)
    warnings = list(provider.kind.warnings(provider.config, asked.clock()))
    more = {
        "callback": about.callback,
        "metadata": about.document if about.publishes else None,
        "warnings": warnings,
    }
    return {**shown.provider(provider), **more}
