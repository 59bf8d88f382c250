"""What a browser calls itself, and which network an address is in: how people know their devices and places."""

import ipaddress
import re
from functools import lru_cache

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


def described(user_agent: str) -> tuple[str, str]:
    """Browser and system; each empty where nothing is told. What is no browser is its own first word."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark.search(user_agent)), "")
    if not browser:
        browser = BROWSER if user_agent.startswith("Mozilla/") else user_agent.split("/", 1)[0][:40].strip()
    return browser, system


def plain(user_agent: str) -> str:
    """Browser and system in words of no language: "Firefox, Linux"; empty where nothing is told."""
    browser, system = described(user_agent)
    return ", ".join(part.removeprefix("an ") for part in (browser, system) if part)


@lru_cache(maxsize=1_000)
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
