"""What the ORM maps, and what is asked of it, to set up and to administer; requests of every day do without it.

A module of it, such as `records.users`, is loaded when it is first asked for: SQLAlchemy is a quarter of a worker.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authserver.store.records import api_tokens as api_tokens
    from authserver.store.records import audit as audit
    from authserver.store.records import clients as clients
    from authserver.store.records import erase as erase
    from authserver.store.records import factors as factors
    from authserver.store.records import failures as failures
    from authserver.store.records import grants as grants
    from authserver.store.records import invitations as invitations
    from authserver.store.records import keys as keys
    from authserver.store.records import operations as operations
    from authserver.store.records import outbox as outbox
    from authserver.store.records import passkeys as passkeys
    from authserver.store.records import sessions as sessions
    from authserver.store.records import settings as settings
    from authserver.store.records import single_use as single_use
    from authserver.store.records import terms as terms
    from authserver.store.records import trusted as trusted
    from authserver.store.records import unique as unique
    from authserver.store.records import upstreams as upstreams
    from authserver.store.records import users as users


def __getattr__(name: str) -> ModuleType:
    if name.startswith("_"):
        raise AttributeError(name)
    return import_module(f"{__name__}.{name}")
