"""Which scopes a token may carry: what client and person both may have, and why the rest was left out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from authserver.apis.api import Api, ApiScope
from authserver.apis.find import Apis
from authserver.errors import Refusal


class Asker(Protocol):
    """The client, as far as it matters here."""

    @property
    def client_id(self) -> str: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def resources(self) -> tuple[str, ...]: ...
    @property
    def several_resources(self) -> bool: ...
    @property
    def grant_types(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A scope that was asked for and is not granted; `reason` is for `explain`."""

    scope: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """`scope` in the order asked; `apis` are those the token is for, the default one where none was named."""

    scope: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    apis: tuple[Api, ...]


def allow(
    client: Asker,
    apis: Apis,
    *,
    identity: Collection[str],
    scope: Iterable[str],
    resources: Iterable[str] = (),
    groups: Collection[str] | None = None,
) -> Allowed | Refusal:
    """Decide what is granted of what was asked. AZ-13, AZ-18, RFC 8707 §2.

    `identity` are the scopes that exist without an API; `groups` those of the person, None where a client acts
    for itself. What the client may never have refuses the request; what this person may not have is dropped.
    """
    targets = targets_of(client, apis, resources)
    if isinstance(targets, Refusal):
        return targets
    granted: list[str] = []
    dropped: list[Dropped] = []
    for word in dict.fromkeys(scope):
        verdict = _verdict(word, client, apis, identity, groups, targets)
        if isinstance(verdict, Refusal):
            return verdict
        if isinstance(verdict, Dropped):
            dropped.append(verdict)
        else:
            granted.append(word)
    return Allowed(scope=tuple(granted), dropped=tuple(dropped), apis=targets)


def targets_of(client: Asker, apis: Apis, resources: Iterable[str]) -> tuple[Api, ...] | Refusal:
    """The APIs that `resource` names, or the default one; a Refusal (invalid_target) where one is not open. AZ-18."""
    asked = tuple(dict.fromkeys(resources))
    if not asked:
        return _without_resource(client, apis)
    if len(asked) > 1 and not client.several_resources:
        return _invalid_target("one resource at a time is open to this client", " ".join(asked), asked[0])
    found = []
    for identifier in asked:
        api = apis.by_identifier.get(identifier)
        if api is None or not _open(client, api):
            reason = "there is no such API" if api is None else "this API is not open to the client"
            return _invalid_target(reason, identifier, _near(identifier, (a.identifier for a in apis.every)))
        found.append(api)
    return tuple(found)


def _without_resource(client: Asker, apis: Apis) -> tuple[Api, ...]:
    default = apis.default
    if default is not None and (_open(client, default) or not (client.resources or default.scopes)):
        return (default,)
    if len(client.resources) == 1 and client.resources[0] in apis.by_identifier:
        return (apis.by_identifier[client.resources[0]],)
    return ()


def _open(client: Asker, api: Api) -> bool:
    if client.resources:
        return api.identifier in client.resources
    return any(scope.name in client.scopes and _client_may(client, scope) for scope in api.scopes)


def _verdict(
    word: str,
    client: Asker,
    apis: Apis,
    identity: Collection[str],
    groups: Collection[str] | None,
    targets: tuple[Api, ...],
) -> Dropped | Refusal | None:
    if word not in client.scopes:
        return _invalid_scope("the scope is not in the client's list", word, _near(word, client.scopes))
    if word in identity:
        return _of_person(word, client, groups)
    if word not in apis.scopes:
        return _invalid_scope("no API has this scope any more", word, _near(word, apis.scopes))
    return _of_api(*apis.scopes[word], client, groups, targets)


def _of_api(
    api: Api, scope: ApiScope, client: Asker, groups: Collection[str] | None, targets: tuple[Api, ...]
) -> Dropped | Refusal | None:
    if not _client_may(client, scope):
        return _invalid_scope("the API does not give this scope to the client", scope.name)
    if api not in targets:
        reason = f"it belongs to {api.identifier}, which the token is not for: name it as resource"
        return Dropped(scope=scope.name, rule="scope.resource", reason=reason)
    if not _person_may(scope, groups):
        names = ", ".join(sorted(scope.groups or ()))
        return Dropped(scope=scope.name, rule="scope.groups", reason=f"it is for the groups {names}")
    return None


def _of_person(word: str, client: Asker, groups: Collection[str] | None) -> Dropped | Refusal | None:
    if groups is None:
        return _invalid_scope("the scope is about a person, and the client acts for itself", word)
    if word == "offline_access" and "refresh_token" not in client.grant_types:
        reason = "the client does not have the grant refresh_token"
        return Dropped(scope=word, rule="scope.offline_access", reason=reason)
    return None


def _client_may(client: Asker, scope: ApiScope) -> bool:
    return scope.clients is None or client.client_id in scope.clients


def _person_may(scope: ApiScope, groups: Collection[str] | None) -> bool:
    if scope.groups is None:
        return True
    if groups is None:
        # A client is in no group; what is kept to groups it has only where the API names it.
        return scope.clients is not None
    return not scope.groups.isdisjoint(groups)


def _near(word: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(word, sorted(known), n=1)), "")


def _invalid_scope(reason: str, word: str, nearest: str = "") -> Refusal:
    return Refusal(
        "scope holds what is not open to this client.",
        code="invalid_scope",
        detail=reason,
        rule="scope",
        value=word,
        nearest=nearest,
    )


def _invalid_target(reason: str, value: str, nearest: str) -> Refusal:
    return Refusal(
        "resource names an API that is not open to this client.",
        code="invalid_target",
        detail=reason,
        rule="resource",
        value=value,
        nearest=nearest,
    )
