"""Flask's application, context and request, without what was seen to before them or is not asked of them here."""

from collections.abc import Callable, Iterable
from functools import cached_property
from io import BytesIO
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask, Request, Response

# Private names: pyproject.toml keeps to the versions that have them.
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import NullSession
from werkzeug.routing import MapAdapter, Rule

from authserver.web import here
from authserver.web.rules import LateRule
from authserver.web.told import Environ, Start, Told

NOTHING = frozenset({"", "0"})
NO_SESSION = NullSession()  # ours are no Flask sessions


class Asked(Request):
    """What of a request is read at all was decided in sizes.py: Flask's own limits are its usual ones, unasked."""

    max_content_length = None
    max_form_memory_size = 500_000
    max_form_parts = 1_000

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.shallow = False
        self.method = environ["REQUEST_METHOD"].upper()
        self.scheme = environ["wsgi.url_scheme"]
        self.root_path = _text(environ.get("SCRIPT_NAME") or "").rstrip("/")
        self.path = f"/{_text(environ.get('PATH_INFO') or '').lstrip('/')}"
        self.query_string = environ.get("QUERY_STRING", "").encode("latin-1")

    def __getattr__(self, name: str) -> Any:
        """The rest of what Werkzeug reads at once is asked of few requests."""
        if name not in {"headers", "server", "remote_addr"}:
            raise AttributeError(name)
        super().__init__(self.environ, populate_request=False)
        return self.__dict__[name]

    @property
    def stream(self) -> IO[bytes]:
        """The body, which bodies.py received whole."""
        if (self.environ.get("CONTENT_LENGTH") or "") in NOTHING:
            return BytesIO()
        found: IO[bytes] = self.environ["wsgi.input"]
        return found


class Around(NamedTuple):
    """What runs before a view and after it."""

    before: tuple[Callable[[], Any], ...]
    after: tuple[Callable[[Any], Any], ...]


class Underway(RequestContext):
    """A request under way. Addresses without variables are found as Werkzeug found them before."""

    app: "Pages"

    def __init__(self, app: "Pages", environ: Environ) -> None:
        self.app = app
        self.request = Asked(environ)
        self.request.json_module = app.json
        self.flashes = None
        self._session = NO_SESSION
        self._after_request_functions = []
        self._kept = app.app_context()

    def push(self) -> None:
        """Make this the request under way, for Flask and for here.py."""
        of_app, asked = self._kept, self.request
        self._tokens = (
            _cv_app.set(of_app),
            _cv_request.set(self),
            here.KEPT.set(of_app.g.__dict__),
            here.ASKED.set(asked),
            here.ISSUER.set(self.app.extensions[here.EXTENSION]),
        )
        self.match_request()

    def pop(self, exc: BaseException | None = None) -> None:
        """Make it that no more."""
        of_app, of_request, kept, asked, issuer = self._tokens
        try:
            self.request.close()
        finally:
            here.ISSUER.reset(issuer)
            here.ASKED.reset(asked)
            here.KEPT.reset(kept)
            _cv_request.reset(of_request)
            _cv_app.reset(of_app)

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]
        return self.app.create_url_adapter(self.request)

    def match_request(self) -> None:
        request, app = self.request, self.app
        rule = app.plain.get((request.method, request.path)) if app.is_at_home(request) else None
        if rule is not None:
            request.url_rule, request.view_args = rule, {}
            return
        super().match_request()
        rule = request.url_rule
        if rule is not None and not request.view_args and rule.rule == request.path:
            app.plain[request.method, request.path] = rule


class Pages(Flask):
    """No view here is a coroutine, no signal is listened to, and nothing is torn down: none of it is looked for."""

    url_rule_class = LateRule
    request_class = Asked
    response_class = Told

    def __init__(self, name: str, *, issuer_url: str) -> None:
        super().__init__(name, static_folder=None)
        self._host = urlsplit(issuer_url).netloc
        self._around: dict[str | None, Around] = {}
        self.plain: dict[tuple[str, str], Rule] = {}

    def wsgi_app(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        context = Underway(self, environ)
        try:
            try:
                context.push()
                response = self.full_dispatch_request()
            except Exception as error:  # noqa: BLE001  which Flask logs
                response = self.handle_exception(error)
            return response(environ, start_response)
        finally:
            context.pop()

    def request_context(self, environ: Environ) -> RequestContext:
        return Underway(self, environ)

    def full_dispatch_request(self) -> Response:
        self._got_first_request = True
        request = here.asked()
        around = self._around.get(request.endpoint) or self._found_around(request)
        try:
            for before in around.before:
                answer = before()
                if answer is not None:
                    break
            else:
                answer = self._viewed(request)
        except Exception as error:  # noqa: BLE001  refusals.py answers whatever it is
            answer = self.handle_user_exception(error)
        response = self.make_response(answer)
        for after in around.after:
            response = after(response)
        return response

    def make_response(self, rv: Any) -> Response:
        return rv if isinstance(rv, Told) else super().make_response(rv)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def is_at_home(self, request: Request) -> bool:
        """Whether the issuer's own host is asked. No route asks for a host."""
        return request.environ.get("HTTP_HOST") == self._host

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """The host of the issuer is not taken apart for each request."""
        if request is None:
            return None
        if not self.is_at_home(request):
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            self._host,
            request.root_path,
            "",
            request.scheme,
            request.path,
            request.method,
            request.query_string.decode("latin-1"),
        )

    def _viewed(self, request: Request) -> Any:
        rule = request.url_rule
        if rule is None or request.view_args is None or request.method == "OPTIONS":
            return self.dispatch_request()
        return self.view_functions[rule.endpoint](**request.view_args)

    def _found_around(self, request: Request) -> Around:
        """The functions around a view follow from its blueprints, and none is added after the first request."""
        inward, outward = (None, *reversed(request.blueprints)), (*request.blueprints, None)
        found = self._around[request.endpoint] = Around(
            tuple(each for name in inward for each in self.before_request_funcs.get(name, ())),
            tuple(each for name in outward for each in reversed(self.after_request_funcs.get(name, ()))),
        )
        return found


def _text(dressed: str) -> str:
    """The text of a path, which a server dresses as Latin-1."""
    return dressed if dressed.isascii() else dressed.encode("latin-1").decode(errors="replace")
