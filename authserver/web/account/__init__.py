"""The pages of one's own account."""

from authserver.web.account import factors, views

BLUEPRINTS = (views.blueprint, factors.blueprint)
