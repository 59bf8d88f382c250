"""The pages of a sign-in, the first owner's page, and signing out."""

from authserver.web.login import codes, out, setup, views

BLUEPRINTS = (codes.blueprint, views.blueprint, setup.blueprint, out.blueprint)
