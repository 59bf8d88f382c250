"""The arithmetic that keeps a colour readable."""

import colorsys
import re

LIGHT_SHEET, DARK_SHEET = "#ffffff", "#151e1b"
ON_DARK, ON_LIGHT = "#ffffff", "#0d1412"
READABLE = 4.5
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
STEPS = 1000
BEND = 0.04045  # where the curve of sRGB leaves its straight part
Fractions = tuple[float, float, float]


def contrast(colour_a: str, colour_b: str) -> float:
    """The contrast ratio of two #rrggbb colours, 1 to 21. WCAG 2.2 §1.4.3."""
    lighter, darker = sorted((luminance(colour_a), luminance(colour_b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def check_accent(colour: str, sheet: str = LIGHT_SHEET) -> str | None:
    """None if the colour can be read on the sheet, else the nearest shade of it that can."""
    if contrast(colour, sheet) >= READABLE:
        return None
    hue, lightness, saturation = colorsys.rgb_to_hls(*fractions(colour))
    end = 0.0 if luminance(sheet) > luminance("#767676") else 1.0
    for step in range(1, STEPS + 1):
        shade = written(*colorsys.hls_to_rgb(hue, lightness + (end - lightness) * step / STEPS, saturation))
        if contrast(shade, sheet) >= READABLE:
            return shade
    return ON_LIGHT if end == 0 else ON_DARK


def fractions(colour: str) -> Fractions:
    """Red, green and blue, from 0 to 1."""
    if not COLOUR.fullmatch(colour):
        raise ValueError(f"{colour!r} is not a colour like #0a5c4a")
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def luminance(colour: str) -> float:
    red, green, blue = map(_linear, fractions(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def written(*parts: float) -> str:
    return "#" + "".join(f"{round(min(max(part, 0.0), 1.0) * 255):02x}" for part in parts)


def _linear(part: float) -> float:
    return part / 12.92 if part <= BEND else ((part + 0.055) / 1.055) ** 2.4
