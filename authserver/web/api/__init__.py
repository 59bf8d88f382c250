"""The admin API: the same functions that pages and command line call, rendered as JSON."""

from authserver.web.api import (
    apis,
    attributes,
    clients,
    groups,
    invitations,
    providers,
    records,
    root,
    sessions,
    settings,
    tokens,
    users,
)

BLUEPRINTS = (
    root.blueprint,
    clients.blueprint,
    apis.blueprint,
    groups.blueprint,
    attributes.blueprint,
    users.blueprint,
    invitations.blueprint,
    sessions.blueprint,
    providers.blueprint,
    settings.blueprint,
    tokens.blueprint,
    records.keys,
    records.events,
)
