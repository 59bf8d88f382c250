"""`python -m bench.profile`: where the time of each endpoint goes, in one process and one thread, as shares."""

import cProfile
import io
import pstats
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from authserver import metrics
from authserver.app import create_app
from authserver.config import Config
from authserver.work.prometheus import Prometheus
from bench.endpoints import ENDPOINTS
from bench.sides import PEOPLE, Side, seeded
from bench.wire import Flow, Reply, once
from tests import wire

PORT = 8000
WARM_UP, COUNTED = 30, 300
# Where a function belongs, by what its file or its name holds; the first that fits.
PARTS: Mapping[str, tuple[str, ...]] = {
    "sign, verify, MAC": ("cryptography", "hmac", "hashlib", "joserfc", "authserver/jose"),
    "database driver": ("sqlite3",),
    "sessions and statements": ("sqlalchemy", "authserver/store"),
    "Flask and Werkzeug": ("flask", "werkzeug", "jinja2", "babel"),
    "Authlib": ("authlib",),
    "metrics": ("prometheus", "authserver/metrics", "authserver/work"),
    "JSON, base64, URLs": ("json", "base64", "urllib", "binascii"),
    "edge: read, check, answer": ("authserver/web", "authserver/app", "authserver/oauth/request"),
    "protocol and tokens": ("authserver/",),
}
OTHERS = "built-ins and the standard library"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="authserver-profile-") as folder:
        seed, secret = seeded(Path(folder) / "seed", None, ())
        metrics.export_to(Prometheus())
        app = create_app(Config(data_dir=seed.folder, bind=f"127.0.0.1:{PORT}", background=False))
        side = Side(name="authserver", port=PORT, secret=secret)

        def inside(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> wire.Reply:
            parts = urlsplit(url)
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            lines = [f"{method} {target} HTTP/1.1", f"Host: {side.host}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            if body is not None:
                lines.append(f"Content-Length: {len(body)}")
            reply = asked("\r\n".join([*lines, "", ""]).encode() + (body or b""))
            pairs = (line.partition(": ") for line in reply.head.decode("latin-1").split("\r\n")[1:])
            found = tuple((name, value) for name, _, value in pairs)
            return wire.Reply(url=url, status=reply.status, headers=found, body=reply.body)

        def asked(request: bytes) -> Reply:
            return answered(app, request)

        wire.INSIDE[side.issuer] = inside
        side.metadata = inside("GET", f"{side.issuer}/.well-known/openid-configuration", {}, None).json()
        for endpoint in ENDPOINTS:
            if not sys.argv[1:] or endpoint.name in sys.argv[1:]:
                _profile(endpoint.title, endpoint.prepare(side, PEOPLE[0], asked), asked)
        app.close()


def _profile(title: str, flow: Flow, asked: Callable[[bytes], Reply]) -> None:
    for _ in range(WARM_UP):
        once(asked, flow())
    began = time.thread_time()
    for _ in range(COUNTED):
        once(asked, flow())
    spent = (time.thread_time() - began) / COUNTED * 1e6
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(COUNTED):
        once(asked, flow())
    profile.disable()
    shares: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if "/bench/" not in file:
            shares[part_of(f"{file} {name}")] += own
    whole = sum(shares.values())
    print(f"\n{title}: {spent:.0f} µs of a core")
    for part, seconds in shares.most_common():
        print(f"  {seconds / whole:4.0%}  {part}")


def part_of(function: str) -> str:
    return next((part for part, signs in PARTS.items() if any(sign in function for sign in signs)), OTHERS)


def answered(app: Callable[..., Iterable[bytes]], request: bytes) -> Reply:
    """What an application answers to a request, as a server would hand it over."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, object] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": str(PORT),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    said: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        said[:] = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]

    octets = b"".join(app(environ, start))
    return Reply(int(said[0].split(" ")[1]), "\r\n".join(said).encode("latin-1"), octets)


if __name__ == "__main__":
    main()
