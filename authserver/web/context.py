"""What a view may ask of the request under way."""

import re
from typing import Protocol

from flask import current_app, request

from authserver.audit import Actor
from authserver.authentication import SessionId, UserId
from authserver.errors import Unavailable
from authserver.issuer import Issuer
from authserver.settings.catalogue import Settings

EXTENSION = "authserver"
REQUEST_ID = "authserver.request_id"
UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\xff]")
AGENT = 512


class SignedIn(Protocol):
    """What is asked of a session here; the whole of it is sessions.sso.SsoSession."""

    @property
    def id(self) -> SessionId: ...

    @property
    def user(self) -> UserId: ...


def issuer() -> Issuer:
    found: Issuer = current_app.extensions[EXTENSION]
    return found


def client_ip() -> str:
    """The address that asks; behind trusted proxies the one that they saw (see web/proxy.py)."""
    address: str = request.environ.get("REMOTE_ADDR", "")
    return address


def user_agent() -> str:
    return UNPRINTABLE.sub("", request.environ.get("HTTP_USER_AGENT", ""))[:AGENT]


def request_id() -> str:
    found: str = request.environ.get(REQUEST_ID, "")
    return found


def actor(session: SignedIn | None = None) -> Actor:
    """Who acts in this request: the person of a session, or a stranger."""
    if session is None:
        return Actor(kind="stranger", ip=client_ip(), user_agent=user_agent())
    return Actor(kind="user", id=session.user, session=session.id, ip=client_ip(), user_agent=user_agent())


def settings() -> Settings:
    """The settings in force, or the defaults while the database is away: a page can always be shown."""
    try:
        return issuer().settings
    except Unavailable:
        return Settings()
