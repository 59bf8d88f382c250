"""What a view may ask of the request under way."""

from typing import Protocol

from authserver.audit import Actor
from authserver.authentication import SessionId, UserId
from authserver.errors import Unavailable
from authserver.issuer import Issuer
from authserver.settings.catalogue import Settings
from authserver.web import here, language
from authserver.web.branding import Branding
from authserver.web.environ import REQUEST_ID, agent_of
from authserver.web.here import EXTENSION as EXTENSION  # noqa: PLC0414 - asked for here
from authserver.web.here import issuer as issuer  # noqa: PLC0414 - asked for here


class SignedIn(Protocol):
    """What is asked of a session here; the whole of it is sessions.sso.SsoSession."""

    @property
    def id(self) -> SessionId: ...

    @property
    def user(self) -> UserId: ...


def client_ip() -> str:
    """The address that asks; behind trusted proxies the one that they saw (see web/proxy.py)."""
    address: str = here.asked().environ.get("REMOTE_ADDR", "")
    return address


def user_agent() -> str:
    return agent_of(here.asked().environ)


def request_id() -> str:
    found: str = here.asked().environ.get(REQUEST_ID, "")
    return found


def actor(session: SignedIn | None = None) -> Actor:
    """Who acts in this request: the person of a session, or a stranger."""
    ip, agent = client_ip(), user_agent()
    if session is None:
        return Actor(kind="stranger", ip=ip, user_agent=agent)
    return Actor(kind="user", id=session.user, session=session.id, ip=ip, user_agent=agent)


def settings() -> Settings:
    """The settings in force, or the defaults while the database is away: a page can always be shown."""
    kept = here.kept()
    found: Settings | None = kept.get("settings")
    if found is None:
        try:
            found = issuer().settings
        except Unavailable:
            found = Settings()
        kept["settings"] = found
    return found


def branding() -> Branding:
    """Whose pages these are, as the settings have it: the very same for as long as these are."""
    of_request = here.kept()
    found: Branding | None = of_request.get("branding")
    if found is None:
        now, asked = settings(), issuer()
        kept: dict[str, tuple[Settings, Branding]] = asked.kept("branding", dict)
        held = kept.get("now")
        if held is None or held[0] is not now:
            held = kept["now"] = (now, _branding(now, asked))
        found = of_request["branding"] = held[1]
    return found


def languages() -> tuple[str, ...]:
    """The languages offered; in development also the mirrored one, which shows what is not translated."""
    return branding().languages


def _branding(now: Settings, asked: Issuer) -> Branding:
    return Branding(
        name=now.site_name,
        logo_url=now.logo_url,
        accent_light=now.accent_light,
        accent_dark=now.accent_dark,
        support_contact=now.support_contact,
        privacy_url="/privacy" if now.privacy_text else now.privacy_url,
        terms_url="/terms" if now.terms_text else "",
        imprint_url=now.imprint_url,
        languages=language.available(now.languages, mirrored=asked.config.is_development),
    )
