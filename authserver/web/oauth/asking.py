"""What the pages of this package share: the request as the protocol reads it, and ways out."""

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlencode, urlsplit

from flask import request
from werkzeug.wrappers import Response

from authserver.clients.client import Client
from authserver.clients.redirects import origin_of
from authserver.errors import Refusal
from authserver.oauth.request import OAuthRequest
from authserver.users.user import User
from authserver.web import bridge, pages
from authserver.web.context import issuer, request_id
from authserver.web.told import Told

SEE_OTHER = 303  # RFC 9700 §4.12: whatever was posted is not posted on


def oauth_request() -> OAuthRequest:
    """The request under way; the guard may have read its body already."""
    return bridge.read({**request.environ, "wsgi.input": BytesIO(request.get_data(cache=True))})


def to(path: str, fields: Mapping[str, str] | None = None) -> Response:
    """Send the browser to a path of ours."""
    query = f"?{urlencode(fields)}" if fields else ""
    return away(f"{request.script_root}{path}{query}")


def away(url: str) -> Response:
    """Send the browser on, with nothing on the way that could be read or kept."""
    return Told.elsewhere(url, SEE_OTHER)


def note(refusal: Refusal, client: Client | None, person: str | None = None) -> str:
    """The reference under which `explain` tells more of a refusal than its app or its person is told."""
    return issuer().refusals.note(
        refusal,
        step=f"{request.method} {request.url_rule}",
        client=client.client_id if client is not None else None,
        person=person,
        request_id=request_id(),
    )


def app_of(client: Client, uri: str = "") -> pages.App:
    """An app as its people know it, with the host that they return to."""
    return pages.App(name=client.name, host=host_of(uri), logo_url=client.logo_url, contact=client.contact)


@lru_cache(maxsize=1_000)
def host_of(uri: str) -> str:
    """The host of a web address; a private scheme as it is, which names the app on the device."""
    parts = urlsplit(uri)
    return parts.netloc if origin_of(uri) is not None else parts.scheme


def person_of(user: User) -> pages.Person:
    return pages.Person(name=user.name, email=user.email or "", username=user.username or "")
