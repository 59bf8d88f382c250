"""What a token request may ask of its grant: less, never more. RFC 6749 §6, RFC 8707 §2.2."""

from collections.abc import Mapping

from authserver.oauth.errors import invalid_scope, invalid_target
from authserver.tokens.grant import Grant


def scope_for(grant: Grant, form: Mapping[str, str]) -> tuple[str, ...]:
    """The scope of one access token; the grant keeps its own. RT-7."""
    asked = form.get("scope")
    if asked is None:
        return grant.scope
    wanted = asked.split(" ")
    wider = [name for name in wanted if name not in grant.scope]
    if wider:
        raise invalid_scope(
            "the scope is wider than what was granted", rule="scope_wider", value=" ".join(wider)[:200]
        )
    return tuple(name for name in grant.scope if name in wanted)


def resources_for(grant: Grant, form: Mapping[str, str]) -> tuple[str, ...]:
    asked = form.get("resource")
    if asked is None:
        return grant.resources
    if asked not in grant.resources:
        raise invalid_target(
            "the resource was not granted",
            rule="resource_wider",
            value=asked[:200],
            nearest=" ".join(grant.resources),
        )
    return (asked,)
