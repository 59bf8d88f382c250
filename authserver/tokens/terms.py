"""Terms: what every token of one client for the same scope and APIs has in common, derived once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authserver.apis.api import Api, ApiScope
from authserver.apis.find import catalogue
from authserver.clients.client import Client
from authserver.groups.attributes import Declared, live
from authserver.issuer import Issuer
from authserver.tokens.required import Requirement, in_all

Key = tuple[str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """Holds for as long as nothing moves that they follow from: client, APIs, attributes and settings."""

    client: Client
    declared: Declared
    apis: tuple[Api, ...]
    audience: str | tuple[str, ...]
    # What of the scope client and APIs allow; its words that are kept to groups, see kept_to.
    scope: tuple[str, ...]
    kept_to: Mapping[str, frozenset[str]] = field(repr=False)
    required: Requirement  # of the client, all these APIs and these scopes
    by_group: bool  # whether the person's groups have to be looked at
    lifetime: int
    id_token_lifetime: int
    id_token_alg: str

    def scope_for(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        """The scope that somebody in these groups may have."""
        kept_to = self.kept_to
        if not kept_to:
            return self.scope
        return tuple(
            word for word in self.scope if word not in kept_to or not kept_to[word].isdisjoint(groups)
        )


def terms(issuer: Issuer, client: Client, resources: tuple[str, ...], scope: tuple[str, ...]) -> Terms:
    """The terms now; of the resources those that still exist, and that the client's list leaves open, are in `apis`."""
    kept: dict[Key, Terms] = issuer.derived("terms")
    key = (client.client_id, resources, scope)
    held = kept.get(key)
    # Who asks may have read the client before it moved.
    if held is not None and held.client is client:
        return held
    known, declared, settings = catalogue(issuer), live(issuer), issuer.settings
    # The default API was named when the request was decided.
    apis = tuple(
        known.by_identifier[name]
        for name in resources
        if name in known.by_identifier and name in (client.resources or resources)
    )
    here = {each.name: each for api in apis for each in api.scopes}
    lifetimes = [client.access_token_lifetime, *(api.token_lifetime for api in apis)]
    made = kept[key] = Terms(
        client=client,
        declared=declared,
        apis=apis,
        audience=_audience(tuple(api.identifier for api in apis) or (issuer.url,), issuer.url, scope),
        scope=tuple(
            word
            for word in scope
            if word in client.scopes
            and (_is_open(here[word], client) if word in here else word in declared.scopes)
        ),
        kept_to={name: each.groups for name, each in here.items() if each.groups is not None},
        required=in_all((client, *apis, *(here[word] for word in scope if word in here))),
        by_group=client.allowed_groups is not None or any(each.groups is not None for each in here.values()),
        lifetime=min((value for value in lifetimes if value), default=settings.access_token_lifetime),
        id_token_lifetime=client.id_token_lifetime or settings.id_token_lifetime,
        id_token_alg=client.id_token_alg or settings.id_token_alg,
    )
    return made


def _audience(resources: tuple[str, ...], issuer_url: str, scope: tuple[str, ...]) -> str | tuple[str, ...]:
    """The resources, and the issuer when openid is granted, so that userinfo works for every library. TK-11."""
    named = (*resources, issuer_url) if "openid" in scope and issuer_url not in resources else resources
    return named[0] if len(named) == 1 else named


def _is_open(scope: ApiScope, client: Client) -> bool:
    return scope.clients is None or client.client_id in scope.clients
