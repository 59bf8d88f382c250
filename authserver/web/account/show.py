"""What the account pages show."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug.wrappers import Response

from authserver.clients.find import by_client_id
from authserver.login.passwords import shortest
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.users import find
from authserver.web import csrf
from authserver.web.account import apps
from authserver.web.context import issuer
from authserver.web.login import visit
from authserver.web.pages import Done, PasswordChange, Profile


def base() -> dict[str, Any]:
    """What every account page shows; what was just done is said once, by the address that the press led to."""
    said = request.args.get("done", "")
    done = Done(said) if request.method == "GET" and said in set(Done) else Done.NOTHING
    # The name is looked up, so that an address cannot make this page say something.
    about = by_client_id(issuer(), request.args.get("about", "")) if done is Done.APP_WITHDRAWN else None
    return {
        "here": request.path,
        "csrf_token": csrf.token(),
        "person": visit.person(),
        "done": done,
        "done_about": about.name if about else "",
    }


def done(path: str, what: Done, *, about: str = "") -> Response:
    """To a page that says once what was done."""
    query = {"done": what.value} | ({"about": about} if about else {})
    return visit.go(f"{path}?{urlencode(query)}")


def profile(session: SsoSession, errors: Mapping[str, str] | None = None) -> Profile:
    asked = issuer()
    with asked.database.reading() as db:
        user = find.load(db, session.user)
        stored = find.password(db, session.user)
        app_count = len(apps.connected(db, asked, session.user))
    return Profile(
        **base(),
        email_verified=user.email_verified,
        password_changed_at=stored.changed_at if stored else None,
        has_password=stored is not None,
        app_count=app_count,
        may_delete=asked.settings.self_deletion,
        typed_name=request.form.get("name") if errors else None,
        errors=errors or {},
    )


def password(session: SsoSession, errors: Mapping[str, str] | None = None) -> PasswordChange:
    asked = issuer()
    with asked.database.reading() as db:
        stored = find.password(db, session.user)
        others = len(sso.of_user(db, asked, session.user, asked.clock())) > 1
        minimum = shortest(db, asked, session.user)
    return PasswordChange(
        **base(),
        minimum=minimum,
        changed_at=stored.changed_at if stored else None,
        others_end=others,
        errors=errors or {},
    )
