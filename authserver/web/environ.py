"""What stands in the environ of a request, beside what WSGI puts there."""

import re
from collections.abc import Mapping
from typing import Any

from authserver.logs import REQUEST_ID as REQUEST_ID  # noqa: PLC0414 - asked for here

REFUSED = "authserver.refused"  # a refusal that stood before Flask was asked
UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\xff]")
AGENT = 512


def agent_of(environ: Mapping[str, Any]) -> str:
    """What the browser calls itself, as far as it can be printed."""
    return UNPRINTABLE.sub("", environ.get("HTTP_USER_AGENT", ""))[:AGENT]
