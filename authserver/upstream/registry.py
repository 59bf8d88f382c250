"""Which kinds of providers there are: those that installed packages offer, ours among them."""

from typing import Any

from authserver import plugins
from authserver.errors import Misconfigured, Refusal
from authserver.issuer import Issuer
from authserver.upstream.contract import PasswordUpstream, RedirectUpstream, Upstream

Kind = RedirectUpstream[Any] | PasswordUpstream[Any]


def kinds() -> tuple[str, ...]:
    """The names of the kinds that can be configured."""
    return plugins.names(plugins.UPSTREAMS)


def kind(issuer: Issuer, name: str) -> Kind:
    """The one object of a kind; imported at first use, so that nobody pays for kinds that are not configured."""
    return issuer.kept(f"upstream-{name}", lambda: _made(name))


def chosen(issuer: Issuer, name: str) -> Kind:
    """The kind that somebody named in a form; a Refusal names those that there are."""
    if name not in kinds():
        known = ", ".join(kinds())
        public = f"There is no kind of provider called {name!r}. There are: {known}."
        raise Refusal(public, code="invalid", rule="upstream.kind", status=422, fields={"kind": public})
    return kind(issuer, name)


def _made(name: str) -> Kind:
    made = plugins.load(plugins.UPSTREAMS, name)()
    if not isinstance(made, Upstream) or not isinstance(made, RedirectUpstream | PasswordUpstream):
        raise Misconfigured(
            f"The plug-in {name!r} is neither a RedirectUpstream nor a PasswordUpstream.",
            "Derive it from one of them; docs/guide/providers/plug-ins.md shows how.",
        )
    return made
