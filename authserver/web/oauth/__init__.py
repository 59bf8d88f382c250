"""The pages of the protocol: authorize, consent, and sign-out for apps."""

from authserver.web.oauth import authorize, consent, logout

BLUEPRINTS = (authorize.blueprint, consent.blueprint, logout.blueprint)
