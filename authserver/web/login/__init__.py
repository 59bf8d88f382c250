"""The pages of a sign-in, the first owner's page, and signing out."""

from authserver.web.login import (
    arrivals,
    codes,
    lacking,
    out,
    recover,
    register,
    room,
    setup,
    trials,
    upstream,
    views,
)

BLUEPRINTS = (
    upstream.blueprint,
    trials.blueprint,
    arrivals.blueprint,
    codes.blueprint,
    room.blueprint,
    lacking.blueprint,
    recover.blueprint,
    register.blueprint,
    views.blueprint,
    setup.blueprint,
    out.blueprint,
)
