"""An authorization request that one redirect answers, before Flask. See docs/decisions/0021.

Whoever is signed in, has allowed this and owes no proof gets the redirect with the code from here, and whoever is not
signed in the one to the login: most requests, and Flask would cost as much again. For everything else nothing was
written yet, and the view reads the request anew. Reading, judging and answering are one implementation for both
(oauth/judge.py).
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from authserver import metrics
from authserver.audit import Actor
from authserver.issuer import Issuer
from authserver.oauth.authorize import AuthorizeRequest, read, received
from authserver.oauth.decide import AskLogin, Decision, Issue
from authserver.oauth.judge import Judged, answer, judge
from authserver.oauth.request import Answer, Headers
from authserver.oauth.respond import Redirect
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.web import bridge, cookies
from authserver.web.cookies import Cookie
from authserver.web.environ import agent_of
from authserver.web.oauth.flow import sealed_for_anybody
from authserver.web.policy import of_redirect

PATH = "/oauth/authorize"
ENDPOINT = "authorize.authorize"  # what metrics call the view


class Straight:
    """Answers, or gives None for what a page is needed for."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._path = urlsplit(issuer.url).path + PATH
        self._login = f"{urlsplit(issuer.url).path}/login"
        readers = cookies.READERS[issuer.config.secure]
        self._handle_in, self._browser_in = readers[Cookie.SESSION], readers[Cookie.BROWSER]
        self._headers = of_redirect(issuer.config)

    def __call__(self, environ: Mapping[str, Any]) -> Answer | None:
        if environ.get("PATH_INFO") != self._path or environ["REQUEST_METHOD"] != "GET":
            return None
        began = time.perf_counter()
        try:
            found = self._answer(environ, environ.get("HTTP_COOKIE", ""))
        except Exception:  # noqa: BLE001  whatever it is, the view finds the same, and tells it
            return None
        if found is None:
            return None
        metrics.observe(ENDPOINT, HTTPStatus.SEE_OTHER, time.perf_counter() - began)
        return Answer(status=HTTPStatus.SEE_OTHER, headers=(*found, *self._headers))

    def _answer(self, environ: Mapping[str, Any], header: str) -> Headers | None:
        came = bridge.read(environ)
        if "posted" in came.query:
            return None
        request = read(self._issuer, received(came))
        if not isinstance(request, AuthorizeRequest):
            return None
        handle = self._handle_in(header)
        if handle is not None and not is_plain(request):
            return None
        # Read where the code will be written: a link's page cache outlives its own writes alone.
        judged = judge(self._issuer, request, handle, reading=self._issuer.database.writing_alone)
        if judged.met is None:
            return self._to_login(request, judged.decision, header)
        session = judged.session
        if session is None or not self._owes_nothing(judged, session):
            return None
        agent = agent_of(environ)
        by = Actor(kind="user", id=session.user, session=session.id, ip=came.ip, user_agent=agent)
        found = answer(self._issuer, judged, by=by)
        return (("Location", found.url),) if isinstance(found, Redirect) else None

    def _to_login(self, request: AuthorizeRequest, decision: Decision, header: str) -> Headers | None:
        """Where nobody is signed in: the login, bound to this browser."""
        if not isinstance(decision, AskLogin):
            return None
        issuer = self._issuer
        value, browser = cookies.browser_of(self._browser_in(header))
        tx = sealed_for_anybody(issuer, browser, request, decision)
        said = cookies.browser_line(issuer.config, issuer.settings, value)
        return (("Location", f"{self._login}?tx={tx}"), ("Set-Cookie", said))

    def _owes_nothing(self, judged: Judged, session: SsoSession) -> bool:
        """Whether all that is left is the code: nothing to ask, to note, or to write of the session."""
        if not isinstance(judged.decision, Issue) or judged.person is None or judged.person.dropped:
            return False
        return not sso.is_due(session, self._issuer.clock())


def is_plain(request: AuthorizeRequest) -> bool:
    """Whether the answer is one redirect that goes into a header as it is."""
    uri = request.to.redirect_uri
    return request.to.mode == "query" and uri.isascii() and uri.isprintable()
