"""The catalogue of APIs, as every worker holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from authserver.apis.api import Api, ApiScope
from authserver.errors import NotFound
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.store.clients import HeldApi, held_apis

TOPIC = "apis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """All APIs at one moment. A scope belongs to one API, so its name alone says where it is good for."""

    every: tuple[Api, ...]
    by_identifier: Mapping[str, Api]
    scopes: Mapping[str, tuple[Api, ApiScope]]
    default: Api | None

    @classmethod
    def of(cls, apis: tuple[Api, ...]) -> "Apis":
        return cls(
            every=apis,
            by_identifier=MappingProxyType({api.identifier: api for api in apis}),
            scopes=MappingProxyType({scope.name: (api, scope) for api in apis for scope in api.scopes}),
            default=next((api for api in apis if api.is_default), None),
        )


def catalogue(issuer: Issuer) -> Apis:
    """The APIs now; a change holds on every worker within a second."""
    return issuer.live(TOPIC, _all)


def _all(db: Session) -> Apis:
    return Apis.of(every(db))


def every(db: Session) -> tuple[Api, ...]:
    return tuple(map(api_of, held_apis(db)))


def load(db: Session, identifier: str) -> Api:
    """The API with this identifier (or row id)."""
    found = next((api for api in every(db) if identifier in (api.identifier, api.id)), None)
    if found is None:
        raise NotFound("There is no such API.", detail=f"no API {identifier!r}")
    return found


def api_of(row: HeldApi) -> Api:
    return Api(
        id=row.id,
        identifier=row.identifier,
        name=row.name,
        scopes=tuple(
            ApiScope(
                name=scope["name"],
                sentences=MappingProxyType(scope.get("sentences") or {}),
                clients=_names(scope.get("clients")),
                groups=_names(scope.get("groups")),
                required_acr=scope.get("required_acr"),
                required_max_age=scope.get("required_max_age"),
            )
            for scope in row.scopes
        ),
        token_lifetime=row.token_lifetime,
        required_acr=row.required_acr,
        required_max_age=row.required_max_age,
        is_default=row.is_default,
        version=row.version,
    )


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
