"""What browsers call themselves, in words; and how much of an address is told."""

import pytest

from authserver.agents import described, network

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
GNOME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/141.0.0.0"
PHONE = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/141.0.0.0 Mobile Safari/537.36"
TABLET = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/141.0.0.0 Safari/537.36"

AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": ("Firefox", "Linux"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0": ("Firefox", "Windows"),
    f"{MAC[:-1]}; rv:143.0) Gecko/20100101 Firefox/143.0": ("Firefox", "macOS"),
    "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0": ("Firefox", "an Android phone"),
    "Mozilla/5.0 (Android 15; Tablet; rv:143.0) Gecko/143.0 Firefox/143.0": ("Firefox", "an Android tablet"),
    f"{IPHONE} FxiOS/143.0 Mobile/15E148 Safari/605.1.15": ("Firefox", "iPhone"),
    f"{IPHONE} FxiOS/8.1.1 Focus/143 Mobile/15E148 Safari/605.1.15": ("Firefox Focus", "iPhone"),
    f"{WINDOWS} Safari/537.36": ("Chrome", "Windows"),
    f"{LINUX} Safari/537.36": ("Chrome", "Linux"),
    f"{MAC} {WEBKIT} Chrome/141.0.0.0 Safari/537.36": ("Chrome", "macOS"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36": ("Chrome", "ChromeOS"),
    PHONE: ("Chrome", "an Android phone"),
    TABLET: ("Chrome", "an Android tablet"),
    f"{IPHONE} CriOS/141.0.7390.26 Mobile/15E148 Safari/604.1": ("Chrome", "iPhone"),
    f"{IPAD} CriOS/141.0.7390.26 Mobile/15E148 Safari/604.1": ("Chrome", "iPad"),
    f"{LINUX.replace('Chrome', 'HeadlessChrome')} Safari/537.36": ("Chrome", "Linux"),
    f"{WINDOWS} Safari/537.36 Edg/141.0.0.0": ("Edge", "Windows"),
    f"{PHONE} EdgA/141.0.0.0": ("Edge", "an Android phone"),
    f"{IPHONE} Version/18.0 EdgiOS/141.0 Mobile/15E148 Safari/604.1": ("Edge", "iPhone"),
    f"{WINDOWS} Safari/537.36 OPR/122.0.0.0": ("Opera", "Windows"),
    f"{PHONE} OPR/91.0.0.0": ("Opera", "an Android phone"),
    f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1 OPT/6.0.2": ("Opera", "iPhone"),
    f"{WINDOWS} Safari/537.36 Vivaldi/7.6": ("Vivaldi", "Windows"),
    f"Mozilla/5.0 (Linux; Android 15; SM-S931B) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": (
        "Samsung Internet", "an Android phone",
    ),
    f"{MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15": ("Safari", "macOS"),
    f"{IPHONE} Version/26.0 Mobile/15E148 Safari/604.1": ("Safari", "iPhone"),
    f"{IPAD} Version/17.7 Mobile/15E148 Safari/604.1": ("Safari", "iPad"),
    f"{MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15 Ddg/26.0": ("DuckDuckGo", "macOS"),
    f"{GNOME} Version/18.5 Safari/605.1.15 Epiphany/48.0": (
        "GNOME Web", "Linux",
    ),
    f"{IPHONE} Mobile/15E148": ("App", "iPhone"),
    f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/500.0.0;FBDV/iPhone17,1]": ("Facebook", "iPhone"),
    f"{IPHONE} Mobile/22F76 Instagram 400.0.0 (iPhone17,1; iOS 18_5)": ("Instagram", "iPhone"),
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) {WEBKIT} Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36": (
        "App", "an Android phone",
    ),
    f"{IPHONE} GSA/380.0 Mobile/15E148 Safari/604.1": ("Google", "iPhone"),
    f"{LINUX} Safari/537.36 Teams/24.1": ("Microsoft Teams", "Linux"),
    "Mozilla/5.0 (Linux; U; Android 14; tablet) SomethingNew/1.0": ("Browser", "an Android tablet"),
    "Mozilla/5.0": ("Browser", ""),
    "curl/8.0": ("curl", ""),
    "": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize(("agent", "words"), AGENTS.items(), ids=[f"{a}-{b}" for a, b in AGENTS.values()])
def test_browser_and_system_are_named(agent: str, words: tuple[str, str]) -> None:
    """Never "Unknown" for a browser of today; Brave calls itself Chrome, and an iPad may call itself a Mac."""
    assert described(agent) == words


@pytest.mark.parametrize(
    ("ip", "shown"),
    [
        ("192.0.2.77", "192.0.2.x"),
        ("10.0.0.1", "10.0.0.x"),
        ("::ffff:192.0.2.77", "192.0.2.x"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_an_address_is_told_as_its_network(ip: str, shown: str) -> None:
    assert network(ip) == shown
