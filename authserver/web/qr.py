"""A QR code as SVG, made here: what it says reaches nobody else."""

from importlib import import_module

from markupsafe import Markup

BORDER = 4


def qr(text: str) -> Markup:
    """The picture for a camera, black on white in every mode; beside it the same is told as text."""
    # What draws it takes a megabyte, and few workers draw any.
    made = import_module("segno").make(text, error="m", micro=False)
    svg: str = made.svg_inline(
        border=BORDER, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    # It holds nothing but shapes: the text is in their places.
    return Markup(svg.replace("<svg", '<svg aria-hidden="true"', 1))  # noqa: S704
