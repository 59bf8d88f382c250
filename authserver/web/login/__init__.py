"""The pages of a sign-in, the first owner's page, and signing out."""

from authserver.web.login import out, setup, views

BLUEPRINTS = (views.blueprint, setup.blueprint, out.blueprint)
