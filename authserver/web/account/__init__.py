"""The pages of one's own account."""

from authserver.web.account import (
    address,
    described,
    devices,
    factors,
    links,
    own,
    own_factors,
    own_session,
    passkeys,
    views,
)

BLUEPRINTS = (
    views.blueprint,
    address.blueprint,
    devices.blueprint,
    factors.blueprint,
    links.blueprint,
    passkeys.blueprint,
    own.blueprint,
    own_session.blueprint,
    own_factors.blueprint,
    described.blueprint,
)
