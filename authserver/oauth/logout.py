"""An app asks to sign somebody out. OpenID Connect RP-Initiated Logout 1.0."""

from collections.abc import Mapping
from dataclasses import dataclass

from authserver.clients import find
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.issuer import Issuer
from authserver.oauth import hints
from authserver.oauth.hints import Hint
from authserver.oauth.request import OAuthRequest
from authserver.oauth.respond import redirect

LONGEST_STATE = 2048
NAMES = frozenset(
    {"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """`hint` proves who is meant and which app asks; without it `client` is only who the app says it is.

    `back` is registered for that client, to the byte. `doubt` is why a hint or an address was not taken.
    """

    client: Client | None = None
    hint: Hint | None = None
    back: str | None = None
    state: str | None = None
    doubt: Refusal | None = None

    @property
    def leads_to(self) -> str | None:
        """Where the browser goes afterwards, once the app is proved or the person has confirmed."""
        fields = [("state", self.state)] if self.state is not None else []
        return None if self.back is None else redirect(self.back, fields)


def received(request: OAuthRequest) -> Mapping[str, str]:
    """Take the parameters out of a GET's query or a POST's form."""
    values = request.form if request.method == "POST" else request.query
    if request.method == "POST" and not NAMES.isdisjoint(request.query):
        raise Refusal(
            "The address of a posted request may hold no parameters of its own.", rule="logout.mixed"
        )
    if request.repeated:
        twice = ", ".join(sorted(request.repeated))
        raise Refusal("A parameter was sent twice.", rule="logout.repeated", value=twice)
    return {name: value for name, value in values.items() if name in NAMES and value}


def read(issuer: Issuer, values: Mapping[str, str]) -> LogoutRequest:
    """Prove what can be proved; what cannot is left out, and the person is asked instead. LO-1, LO-2, LO-3."""
    state = values.get("state")
    if state is not None and len(state) > LONGEST_STATE:
        raise Refusal("state is too long.", rule="state.size", value=str(len(state)))
    hint, doubt = _hint(issuer, values)
    named = hint.client_id if hint is not None else values.get("client_id")
    client = find.by_client_id(issuer, named) if named is not None else None
    client = client if client is not None and client.active else None
    wanted = values.get("post_logout_redirect_uri")
    back = wanted if client is not None and wanted in client.post_logout_redirect_uris else None
    if wanted is not None and back is None:
        doubt = doubt or Refusal(
            "post_logout_redirect_uri is not registered for this app.",
            rule="post_logout_redirect_uri",
            value=wanted,
            nearest=", ".join(client.post_logout_redirect_uris) if client is not None else "",
        )
    return LogoutRequest(client=client, hint=hint, back=back, state=state, doubt=doubt)


def _hint(issuer: Issuer, values: Mapping[str, str]) -> tuple[Hint | None, Refusal | None]:
    token = values.get("id_token_hint")
    if token is None:
        return None, None
    try:
        return hints.read(issuer, token, values.get("client_id")), None
    except Refusal as refusal:
        return None, refusal
