"""What a browser calls itself, in words that its owner knows: "Firefox on Linux", "Chrome on an Android phone"."""

import ipaddress
import re

from authserver.web.language import gettext as _

APP = "App"  # a page inside an app that does not say which
BROWSER = "Browser"
# The first mark that is found decides: nearly everybody also calls themselves Chrome or Safari.
BROWSERS = (
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("Instagram ", "Instagram"),
    ("LinkedInApp", "LinkedIn"),
    ("MicroMessenger/", "WeChat"),
    ("Line/", "LINE"),
    ("Teams/", "Microsoft Teams"),
    ("Slack", "Slack"),
    ("GSA/", "Google"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPX/", "Opera GX"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Brave", "Brave"),
    ("Focus/", "Firefox Focus"),
    ("Klar/", "Firefox Klar"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("Epiphany/", "GNOME Web"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("; wv)", APP),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("Safari/", "Safari"),
    ("Mobile/", APP),
)
SYSTEMS = (
    (re.compile(r"iPhone|iPod"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android(?=.*Mobile)"), "an Android phone"),
    (re.compile(r"Android"), "an Android tablet"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Mac OS X|Macintosh"), "macOS"),
    (re.compile(r"Linux|X11|FreeBSD|OpenBSD"), "Linux"),
)
IPV4, IPV6 = 24, 48


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


def described(user_agent: str) -> tuple[str, str]:
    """Browser and system; each empty where nothing is told. What is no browser is its own first word."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark.search(user_agent)), "")
    if not browser:
        browser = BROWSER if user_agent.startswith("Mozilla/") else user_agent.split("/", 1)[0][:40].strip()
    return browser, system


def network(ip: str) -> str:
    """The network that an address is in, as much of it as says something about the place; empty for none."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    found = ipaddress.ip_network(f"{address}/{IPV4 if address.version == 4 else IPV6}", strict=False)  # noqa: PLR2004
    return f"{str(found.network_address).removesuffix('.0')}.x" if found.version == 4 else str(found)  # noqa: PLR2004
