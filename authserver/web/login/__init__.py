"""The pages of a sign-in, the first owner's page, and signing out."""

from authserver.web.login import arrivals, codes, out, recover, register, room, setup, trials, upstream, views

BLUEPRINTS = (
    upstream.blueprint,
    trials.blueprint,
    arrivals.blueprint,
    codes.blueprint,
    room.blueprint,
    recover.blueprint,
    register.blueprint,
    views.blueprint,
    setup.blueprint,
    out.blueprint,
)
