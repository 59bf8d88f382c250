"""Security headers: the same on every answer, and each page's own content policy with its widenings named."""

from flask import Flask, Response, g

from authserver.web import here
from authserver.web.context import issuer, request_id
from authserver.web.policy import always, policy


def allow_form_action(*sources: str) -> None:
    """Let this page's forms end in a redirect to these origins, which browsers would block otherwise."""
    g.form_actions = (*g.get("form_actions", ()), *sources)


def allow_images(*sources: str) -> None:
    """Let this page show images from these origins: the logos of the site and of a client."""
    g.image_sources = (*g.get("image_sources", ()), *sources)


def install(app: Flask) -> None:
    app.after_request(_complete)


def _complete(response: Response) -> Response:
    headers, kept = response.headers, here.kept()
    headers.extend(always(issuer().config))
    widened = policy(kept.get("image_sources", ()), kept.get("form_actions", ()))
    headers.setdefault("Content-Security-Policy", widened)
    headers.add("X-Request-Id", request_id())
    headers.setdefault("Cache-Control", "no-store")
    return response
