"""Security headers: the same on every answer, and each page's own content policy with its widenings named."""

from functools import partial

from flask import Flask, Response

from authserver.web import here
from authserver.web.context import EXTENSION, request_id
from authserver.web.policy import always, policy
from authserver.web.told import Pairs, add, says

NOT_KEPT = ("Cache-Control", "no-store")


def allow_form_action(*sources: str) -> None:
    """Let this page's forms end in a redirect to these origins, which browsers would block otherwise."""
    kept = here.kept()
    kept["form_actions"] = (*kept.get("form_actions", ()), *sources)


def allow_images(*sources: str) -> None:
    """Let this page show images from these origins: the logos of the site and of a client."""
    kept = here.kept()
    kept["image_sources"] = (*kept.get("image_sources", ()), *sources)


def install(app: Flask) -> None:
    app.after_request(partial(_complete, always(app.extensions[EXTENSION].config)))


def _complete(standing: Pairs, response: Response) -> Response:
    kept = here.kept()
    widened = policy(kept.get("image_sources", ()), kept.get("form_actions", ()))
    added = (*standing, ("Content-Security-Policy", widened), ("X-Request-Id", request_id()))
    add(response, added if says(response, "cache-control") else (*added, NOT_KEPT))
    return response
