"""The pages of one's own account."""

from authserver.web.account import devices, factors, own_session, passkeys, views

BLUEPRINTS = (
    views.blueprint,
    devices.blueprint,
    factors.blueprint,
    passkeys.blueprint,
    own_session.blueprint,
)
