"""All tables, as migrations compare them with a database."""

from authserver.store.records import (
    clients,
    factors,
    failures,
    grants,
    invitations,
    operations,
    outbox,
    passkeys,
    sessions,
    single_use,
    terms,
    trusted,
    upstreams,
    users,
)
from authserver.store.types import Base

# Named here, so that each module has said what its tables are.
GROUPS = (
    clients,
    factors,
    failures,
    grants,
    invitations,
    operations,
    outbox,
    passkeys,
    sessions,
    single_use,
    terms,
    trusted,
    upstreams,
    users,
)
METADATA = Base.metadata
