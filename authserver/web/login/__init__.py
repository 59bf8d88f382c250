"""The pages of a sign-in, the first owner's page, and signing out."""

from authserver.web.login import codes, out, room, setup, views

BLUEPRINTS = (codes.blueprint, room.blueprint, views.blueprint, setup.blueprint, out.blueprint)
