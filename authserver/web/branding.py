"""Whose pages these are: name, logo, colour, contact; and the stylesheet of that colour."""

from dataclasses import dataclass

from authserver.settings.colours import (
    DARK_SHEET,
    LIGHT_SHEET,
    ON_DARK,
    ON_LIGHT,
    READABLE,
    check_accent,
    contrast,
    fractions,
    written,
)

LIGHT_ACCENT, DARK_ACCENT = "#0a5c4a", "#6cd2b2"
SOFT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """What a deployment says about itself on every page. `support_contact` is an e-mail address or a URL.

    `privacy_url` and `terms_url` may be paths of ours.

    `accent_light` and `accent_dark` are #rrggbb or empty; an empty dark one is derived from the light one.
    """

    name: str = "authserver"
    logo_url: str = ""
    accent_light: str = ""
    accent_dark: str = ""
    support_contact: str = ""
    privacy_url: str = ""
    terms_url: str = ""
    imprint_url: str = ""
    languages: tuple[str, ...] = ("en", "de")


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


def _mix(colour: str, into: str, share: float) -> str:
    pairs = zip(fractions(colour), fractions(into), strict=True)
    red, green, blue = (a * share + b * (1 - share) for a, b in pairs)
    return written(red, green, blue)
