"""The `resource` parameter: which APIs a token is for. RFC 8707 §2."""

from authserver.apis.find import Apis
from authserver.clients.client import Client
from authserver.errors import Refusal


def targets(apis: Apis, client: Client, value: str | None) -> tuple[str, ...]:
    """Give the identifiers that were asked for, each open to this client; none were, is the default API."""
    asked = tuple(dict.fromkeys((value or "").split()))
    if len(asked) > 1 and not client.several_resources:
        raise _refused("One resource at a time is open to this client.", "resource.several", " ".join(asked))
    for identifier in asked:
        if not _open(apis, client, identifier):
            known = client.resources or tuple(apis.by_identifier)
            raise _refused(
                "resource names an API that is not open to this client.",
                "resource",
                identifier,
                " ".join(name for name in known if _open(apis, client, name)),
            )
    return asked


def _open(apis: Apis, client: Client, identifier: str) -> bool:
    api = apis.by_identifier.get(identifier)
    if api is None:
        return False
    if client.resources:
        return identifier in client.resources
    return any(scope.name in client.scopes for scope in api.scopes)


def _refused(public: str, rule: str, value: str, nearest: str = "") -> Refusal:
    return Refusal(public, code="invalid_target", rule=rule, value=value, nearest=nearest)
