"""What a browser is called on a page: "Firefox on Linux", "Chrome on an Android phone"."""

from authserver.agents import APP, BROWSER, described, network
from authserver.web.context import issuer
from authserver.web.language import current
from authserver.web.language import gettext as _


def device_name(user_agent: str) -> str:
    """Browser and system, as far as they are told, in the language of the page."""
    browser, system = described(user_agent)
    if not browser:
        return _("A browser that does not say its name")
    named = {APP: _("An app"), BROWSER: _("A browser")}.get(browser, browser)
    where = {"an Android phone": _("an Android phone"), "an Android tablet": _("an Android tablet")}
    return (
        _("%(browser)s on %(system)s", browser=named, system=where.get(system, system)) if system else named
    )


def place(ip: str) -> str:
    """Where an address is, in the language of the page; its network where nothing more is known."""
    return issuer().places.name(ip, current()) or network(ip)
