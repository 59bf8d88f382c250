"""Terms: what every token of one client for the same APIs has in common, derived once from what is registered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authserver.apis.api import Api, ApiScope
from authserver.apis.find import Apis, catalogue
from authserver.clients.client import Client
from authserver.groups.attributes import Declared, live
from authserver.issuer import Issuer
from authserver.settings.catalogue import Settings
from authserver.tokens.required import Requirement, by_scope, in_all

KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """Holds for as long as these very snapshots of client, APIs, attributes and settings are the ones in force."""

    client: Client
    catalogue: Apis
    declared: Declared
    settings: Settings
    apis: tuple[Api, ...]
    audience: tuple[str, ...]
    scopes: Mapping[str, ApiScope] = field(repr=False)
    required: Requirement  # of the client and all these APIs
    required_by_scope: Mapping[str, Requirement] = field(repr=False)
    by_group: bool  # whether a scope is kept to groups, so that the person has to be looked at
    lifetime: int
    id_token_lifetime: int
    id_token_alg: str


def terms(issuer: Issuer, client: Client, resources: tuple[str, ...]) -> Terms:
    """The terms now; of the resources those that still exist, and that the client's list leaves open, are in `apis`."""
    kept: dict[tuple[str, tuple[str, ...]], Terms] = issuer.kept("terms", dict)
    known, declared, settings = catalogue(issuer), live(issuer), issuer.settings
    key = (client.client_id, resources)
    held = kept.get(key)
    if (
        held is not None
        and held.client is client
        and held.catalogue is known
        and held.declared is declared
        and held.settings is settings
    ):
        return held
    if len(kept) >= KEPT:
        kept.clear()
    # The default API was named when the request was decided.
    apis = tuple(
        known.by_identifier[name]
        for name in resources
        if name in known.by_identifier and name in (client.resources or resources)
    )
    lifetimes = [client.access_token_lifetime, *(api.token_lifetime for api in apis)]
    made = kept[key] = Terms(
        client=client,
        catalogue=known,
        declared=declared,
        settings=settings,
        apis=apis,
        audience=tuple(api.identifier for api in apis) or (issuer.url,),
        scopes={scope.name: scope for api in apis for scope in api.scopes},
        required=in_all((client, *apis)),
        required_by_scope=by_scope(apis),
        by_group=client.allowed_groups is not None
        or any(scope.groups is not None for api in apis for scope in api.scopes),
        lifetime=min((value for value in lifetimes if value), default=settings.access_token_lifetime),
        id_token_lifetime=client.id_token_lifetime or settings.id_token_lifetime,
        id_token_alg=client.id_token_alg or settings.id_token_alg,
    )
    return made
