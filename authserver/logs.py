"""Structured logs: one line a record, as JSON or text, with the request's id and never a secret."""

import json
import logging
import logging.config
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from authserver.config import Config

REQUEST: ContextVar[str] = ContextVar("request", default="")
REQUEST_ID = "authserver.request_id"
QUIET = ("alembic", "sqlalchemy", "flask", "werkzeug", "urllib3", "_granian")

# A belt beside the braces: nothing that logs is given a secret, but a driver's message may quote one.
SECRETS = re.compile(
    r"""(?P<before>://[^:/@\s]*:)[^@\s]+(?=@)                       # a password in a URL
      | eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)+                          # a JWT
      | as_\w{2,8}_[\w.~-]{20,}                                   # our tokens
      | \$argon2\S+
      | (?<![\w-])[\w-]{8,64}\.[\w-]{43}(?![\w-])                  # a ticket
      | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*-----|$)
    """,
    re.VERBOSE | re.DOTALL,
)
access = logging.getLogger("authserver.access")

Environ = dict[str, Any]
Start = Callable[..., Any]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hidden(record.getMessage()),
        }
        if request := REQUEST.get():
            told["request"] = request
        told |= getattr(record, "told", {})
        if record.exc_info:
            told["exception"] = hidden(self.formatException(record.exc_info))
        # Escaped beyond ASCII: some readers take U+2028 for the end of a line.
        return json.dumps(told, default=str)


class Text(logging.Formatter):
    """One line for people; what a stranger sent cannot begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        told: Mapping[str, Any] = getattr(record, "told", {})
        pairs = "".join(f" {name}={value}" for name, value in told.items())
        request = f" [{REQUEST.get()}]" if REQUEST.get() else ""
        line = f"{_time(record)} {record.levelname.lower():<7} {record.name}{request} {record.getMessage()}{pairs}"
        shown = _one_line(hidden(line))
        if record.exc_info:
            trace = hidden(self.formatException(record.exc_info))
            shown += "".join(f"\n    | {_one_line(each)}" for each in trace.splitlines())
        return shown


def configure(config: Config) -> None:
    """Send every record to standard error, as the configuration says."""
    logging.config.dictConfig(dictionary(config))


def dictionary(config: Config) -> dict[str, Any]:
    """Give the configuration of logging, for a server that wants to apply it itself."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ours": {"()": Json if config.log_format == "json" else Text}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "root": {"handlers": ["stderr"], "level": config.log_level.upper()},
        "loggers": {name: {"level": "WARNING"} for name in QUIET},
    }


def hidden(text: str) -> str:
    """Give a text without what looks like a secret."""
    return SECRETS.sub(lambda found: f"{found['before'] or ''}…", text)


def accessed(app: Wsgi) -> Wsgi:
    """Log each request of an application, without its query: that may hold what nobody should read."""

    def logged(environ: Environ, start: Start) -> Iterable[bytes]:
        began = time.perf_counter()
        status: list[str] = []

        def started(line: str, headers: Any, exc_info: Any = None) -> Any:
            status.append(line)
            return start(line, headers, exc_info) if exc_info else start(line, headers)

        body = app(environ, started)
        told = {
            "method": environ.get("REQUEST_METHOD", ""),
            "path": hidden(environ.get("PATH_INFO", "")),
            "status": int(status[-1].partition(" ")[0]) if status else 0,
            "ms": round((time.perf_counter() - began) * 1000, 1),
            "ip": environ.get("REMOTE_ADDR", ""),
            "request": environ.get(REQUEST_ID, ""),
        }
        access.info("%s %s", told["method"], told["path"], extra={"told": told})
        return body

    return logged


def _time(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
