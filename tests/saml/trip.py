"""A sign-in at a real SAML provider, up to the form that its page would post back to us."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from authserver.clients.remote import Fetcher
from authserver.input import read
from authserver.opaque import new_secret
from authserver.upstream.contract import Asking, Callback, Departure, Identity, Probe
from authserver.upstream.http import Http
from authserver.upstream.saml.config import SamlConfig
from authserver.upstream.saml.kind import Saml
from tests.agent import Browser, Visit
from tests.peers.saml import PASSWORD, SimpleSaml

CALLBACK = "https://login.example/login/upstream/uni/callback"
DOCUMENT = "https://login.example/upstream/uni/metadata"
KIND = Saml()


def http() -> Http:
    """The network as the product sees it in development."""
    return Http(Fetcher(loopback=True))


def prepared(**given: Any) -> SamlConfig:
    """Settings as they are saved, from what an admin gave."""
    return KIND.prepared(read(SamlConfig, given), None, http(), now())


def changed_config(config: SamlConfig, **changes: Any) -> SamlConfig:
    """Settings as they are saved over others."""
    given = {name: getattr(config, name) for name in SamlConfig.model_fields} | changes
    return KIND.prepared(read(SamlConfig, given), config, http(), now())


def asking(at: datetime, *, fresh: bool = False) -> Asking:
    return Asking(
        callback=CALLBACK, document=DOCUMENT, state=new_secret(), nonce=new_secret(), at=at, fresh=fresh
    )


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the provider's page would post to us, and what it answers."""

    asking: Asking
    params: dict[str, str]
    at: datetime

    @cached_property
    def message(self) -> bytes:
        return base64.b64decode(self.params["SAMLResponse"])

    def back(self, message: bytes | None = None, *, later: timedelta = timedelta()) -> Callback:
        """As it arrives, or another message in its place."""
        params = dict(self.params)
        if message is not None:
            params["SAMLResponse"] = base64.b64encode(message).decode()
        return Callback(asking=self.asking, method="POST", params=params, at=self.at + later)


def register(idp: SimpleSaml, config: SamlConfig) -> None:
    """Tell the provider of us, by the metadata that we publish."""
    document = KIND.publish(config, Probe(http=http(), at=now(), callback=CALLBACK, document=DOCUMENT))
    idp.know(document.body)


def sign_in(idp: SimpleSaml, config: SamlConfig, who: str = "ada", *, fresh: bool = False) -> Answered:
    """Go there, type name and password, and stop where the answer would be sent to us."""
    asked, browser = asking(now(), fresh=fresh), Browser(home=idp.url)
    visit = leave(browser, KIND.begin(config, asked, http()))
    page = log_in(browser, visit, who).page
    form = next(each for each in page.forms if each.action == CALLBACK)
    return Answered(asking=asked, params=dict(form.fields()), at=now())


def leave(browser: Browser, departure: Departure) -> Visit:
    if departure.form is None:
        return browser.open(departure.url)
    return browser.post_from(departure.url, departure.form, "https://login.example/login")


def log_in(browser: Browser, visit: Visit, who: str = "ada") -> Visit:
    """Type name and password where the provider asks for them; its page that posts back to us."""
    assert visit.status == 200, (visit.status, visit.reply.text)
    form = next(each for each in visit.page.forms if each.has("password"))
    return browser.submit(form, {"username": who, "password": PASSWORD})


def proved(config: SamlConfig, back: Callback) -> Identity:
    return KIND.complete(config, back, {}, http())
