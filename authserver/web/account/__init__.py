"""The pages of one's own account."""

from authserver.web.account import views

BLUEPRINTS = (views.blueprint,)
