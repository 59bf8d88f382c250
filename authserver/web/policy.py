"""The headers of every answer, and the content policy of pages, as values: some answers are not Flask's."""

from functools import lru_cache

from authserver.config import Config

YEAR = 365 * 86_400
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "browsing-topics", "camera", "display-capture", "fullscreen", "geolocation",
        "gyroscope", "magnetometer", "microphone", "midi", "payment", "usb",
    )
)  # fmt: skip


def common(config: Config) -> tuple[tuple[str, str], ...]:
    """What every answer carries, a page's and a machine endpoint's."""
    found = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
    return (*found, ("Strict-Transport-Security", f"max-age={YEAR}")) if config.secure else found


def of_redirect(config: Config) -> tuple[tuple[str, str], ...]:
    """What a redirect carries that was made before Flask: the same as one of a view."""
    return (*always(config), ("Content-Security-Policy", policy()), ("Cache-Control", "no-store"))


def always(config: Config) -> tuple[tuple[str, str], ...]:
    """What every page and every redirect of a page carries."""
    # No Cross-Origin-Opener-Policy: an app that signs people in by a popup would lose sight of it.
    return (*common(config), ("X-Frame-Options", "DENY"), ("Permissions-Policy", PERMISSIONS))


@lru_cache(maxsize=200)  # they follow from the settings and the apps
def policy(images: tuple[str, ...] = (), forms: tuple[str, ...] = ()) -> str:
    """The content policy of a page with these widenings."""
    shown = " ".join(dict.fromkeys(("'self'", *images)))
    sent = " ".join(dict.fromkeys(("'self'", *forms)))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {shown}; form-action {sent}; frame-ancestors 'none'; base-uri 'none'"
    )
