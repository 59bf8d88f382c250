"""What `authserver doctor` finds out about providers: those that cannot be used, and what ends soon."""

from collections.abc import Iterator

from authserver.cli.checks import Finding
from authserver.issuer import Issuer
from authserver.upstream import find


def provider_findings(issuer: Issuer) -> Iterator[Finding]:
    """Look at every provider that is not disabled; nothing is asked over the network."""
    providers = find.live(issuer)
    for broken in providers.broken:
        yield Finding(
            about=f"provider {broken.slug}",
            level="warning",
            what=f"It cannot be used: {broken.problem}",
            remedy=f"Correct it by `authserver providers edit {broken.slug}`, or remove it.",
        )
    for provider in providers.every:
        if provider.status == "disabled":
            continue
        for warning in provider.kind.warnings(provider.config, issuer.clock()):
            yield Finding(
                about=f"provider {provider.slug}",
                level="warning",
                what=warning,
                remedy=f"Look at it by `authserver providers test {provider.slug}`.",
            )
