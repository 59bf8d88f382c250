"""Where a request may lead afterwards: a path of ours and nothing else; and which paths machines speak to."""

import re
from urllib.parse import unquote

LONGEST = 2_048
SAFE = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
PAGES = ("/oauth/authorize", "/oauth/consent", "/oauth/logout")
ADMIN = "/api/admin"
MACHINES = ("/oauth", "/api", "/.well-known", "/healthz", "/readyz", "/metrics")


def safe_path(text: str | None) -> str | None:
    """The text if it is a path of this server, else None: no host, scheme, backslash, control or double encoding."""
    if not text or len(text) > LONGEST or not SAFE.fullmatch(text):
        return None
    path = text.partition("?")[0]
    once = unquote(path)
    # What a browser or a proxy might decode, collapse or climb must come out as it went in.
    if (
        once != unquote(once)
        or any(part in once for part in ("//", "\\", "/.", "\x00"))
        or not once.isprintable()
    ):
        return None
    return text


def is_machine(path: str) -> bool:
    """Whether programs ask here, who are answered in JSON."""
    if not path.startswith(MACHINES):
        return False
    if any(path == page or path.startswith(f"{page}/") for page in PAGES):
        return False
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in MACHINES)


def is_admin(path: str) -> bool:
    """Whether this is the admin API, whose errors are problem documents."""
    return path == ADMIN or path.startswith(f"{ADMIN}/")
