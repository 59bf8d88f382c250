"""The pages of one's own account."""

from authserver.web.account import factors, own_session, views

BLUEPRINTS = (views.blueprint, factors.blueprint, own_session.blueprint)
