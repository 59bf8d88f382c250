"""What a browser brings for itself so that no second step is asked. SU-5."""

from authserver.login.trusted import Presented
from authserver.opaque import digest
from authserver.web import cookies
from authserver.web.cookies import Cookie


def presented() -> Presented | None:
    """The cookie of trust beside the one of the device; neither counts alone."""
    trust = cookies.get(Cookie.TRUSTED)
    device = cookies.get(Cookie.DEVICE) if trust else None
    return Presented(trust=digest(trust), device=digest(device)) if trust and device else None
