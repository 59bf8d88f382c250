"""Whose pages these are: name, logo, colour, contact; and the arithmetic that keeps a colour readable."""

import colorsys
import re
from dataclasses import dataclass

LIGHT_SHEET, DARK_SHEET = "#ffffff", "#151e1b"
LIGHT_ACCENT, DARK_ACCENT = "#0a5c4a", "#6cd2b2"
ON_DARK, ON_LIGHT = "#ffffff", "#0d1412"
READABLE = 4.5
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
SOFT = 14
STEPS = 1000
LINEAR = 0.04045  # below this sRGB is a straight line


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """What a deployment says about itself on every page. `support_contact` is an e-mail address or a URL.

    `accent_light` and `accent_dark` are #rrggbb or empty; an empty dark one is derived from the light one.
    """

    name: str = "authserver"
    logo_url: str = ""
    accent_light: str = ""
    accent_dark: str = ""
    support_contact: str = ""
    privacy_url: str = ""
    imprint_url: str = ""
    languages: tuple[str, ...] = ("en", "de")


def contrast(colour_a: str, colour_b: str) -> float:
    """The contrast ratio of two #rrggbb colours, 1 to 21. WCAG 2.2 §1.4.3."""
    lighter, darker = sorted((_luminance(colour_a), _luminance(colour_b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def check_accent(colour: str, sheet: str = LIGHT_SHEET) -> str | None:
    """None if the colour can be read on the sheet, else the nearest shade of it that can."""
    if contrast(colour, sheet) >= READABLE:
        return None
    hue, lightness, saturation = colorsys.rgb_to_hls(*_fractions(colour))
    end = 0.0 if _luminance(sheet) > _luminance("#767676") else 1.0
    for step in range(1, STEPS + 1):
        shade = _hex(*colorsys.hls_to_rgb(hue, lightness + (end - lightness) * step / STEPS, saturation))
        if contrast(shade, sheet) >= READABLE:
            return shade
    return ON_LIGHT if end == 0 else ON_DARK


def accent_css(branding: Branding) -> str:
    """The deployment's colour as a stylesheet: both modes, and each text that stands on it readable. May be empty."""
    if not branding.accent_light and not branding.accent_dark:
        return ""
    light = branding.accent_light or LIGHT_ACCENT
    dark = branding.accent_dark or branding.accent_light or DARK_ACCENT
    return (
        f":root{{{_tokens(light, LIGHT_SHEET)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{_tokens(dark, DARK_SHEET)}}}}}\n"
    )


def _tokens(colour: str, sheet: str) -> str:
    # A colour from a configuration file was perhaps never checked: it is never shown unreadable.
    accent = check_accent(colour, sheet) or colour.lower()
    on = max((ON_DARK, ON_LIGHT), key=lambda text: contrast(text, accent))
    soft = next(
        mixed
        for share in range(SOFT, -1, -1)
        if contrast(accent, mixed := _mix(accent, sheet, share / 100)) >= READABLE or share == 0
    )
    return f"--go:{accent};--on-go:{on};--go-soft:{soft}"


def _fractions(colour: str) -> tuple[float, float, float]:
    if not COLOUR.fullmatch(colour):
        raise ValueError(f"{colour!r} is not a colour like #0a5c4a")
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in _fractions(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(colour: str, into: str, share: float) -> str:
    pairs = zip(_fractions(colour), _fractions(into), strict=True)
    red, green, blue = (a * share + b * (1 - share) for a, b in pairs)
    return _hex(red, green, blue)


def _hex(*parts: float) -> str:
    return "#" + "".join(f"{round(min(max(part, 0.0), 1.0) * 255):02x}" for part in parts)
