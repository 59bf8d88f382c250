"""A deployment with a university's identity provider, and what its people do in their browsers."""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from tests import seeds
from tests.agent import Browser, Visit
from tests.flow.providers import press
from tests.oidc import RelyingParty, Request, Tokens, consent_form
from tests.peers.saml import SimpleSaml
from tests.saml.trip import log_in
from tests.serve import Deployment
from tests.wire import send

SLUG, TITLE = "uni", "University of Example"
ONWARDS = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What the provider's page posts to us."""

    address: str
    fields: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class House:
    """The product and the provider, which know each other by their metadata."""

    deployment: Deployment
    idp: SimpleSaml

    @classmethod
    def build(cls, deployment: Deployment, idp: SimpleSaml, folder: Path, *options: str) -> "House":
        """By the commands that an operator has."""
        file = folder / "idp.xml"
        file.write_bytes(idp.metadata())
        deployment.change(
            "providers", "add", SLUG, "--kind", "saml", "--title", TITLE, "--set-file", f"metadata={file}", *options
        )  # fmt: skip
        published = send("GET", f"{deployment.issuer}/login/upstream/{SLUG}/metadata")
        assert published.status == 200, published.text
        assert (published.header("Content-Type") or "").startswith("application/samlmetadata+xml")
        idp.know(published.body)
        deployment.cli("providers", "test", SLUG)
        deployment.change("providers", "enable", SLUG)
        return cls(deployment=deployment, idp=idp)

    @property
    def party(self) -> RelyingParty:
        return seeds.party(self.deployment)

    def browser(self) -> Browser:
        return seeds.browser(self.deployment)

    def leave(self, browser: Browser, **parameters: str) -> tuple[Request, str]:
        """From an app to our sign-in page and on to the provider: where the browser is sent."""
        request = self.party.begin(**parameters)
        browser.open(request.url, initiator="https://app.example")
        if TITLE in " ".join(button.words for form in page_of(browser).page.forms for button in form.buttons):
            press(browser, TITLE)
        found = ONWARDS.search(page_of(browser).reply.text)
        assert found, page_of(browser).page.words[:500]
        return request, unescape(found[1])

    def prove(self, url: str, who: str = "ada", elsewhere: Browser | None = None) -> Posted:
        """Type name and password there, if they are asked for; what its page would post to us."""
        there = elsewhere or Browser(home=self.idp.url)
        visit = there.open(url, initiator=self.deployment.issuer)
        if any(form.has("password") for form in visit.page.forms):
            visit = log_in(there, visit, who)
        form = next(each for each in visit.page.forms if each.action.startswith(self.deployment.issuer))
        return Posted(address=form.action, fields=dict(form.fields()))

    def come_back(self, browser: Browser, posted: Posted) -> Visit:
        return browser.post_from(posted.address, posted.fields, self.idp.url)

    def finish(self, browser: Browser, request: Request) -> Tokens:
        """Answer what our pages ask, until the app has its tokens."""
        party = self.party
        for _ in range(4):
            visit = page_of(browser)
            if visit.left_for is not None:
                return party.redeem(request, party.returned(request, visit.left_for)["code"])
            if consent := consent_form(visit.page.forms):
                browser.submit(consent, button=consent.button("allow"))
            else:
                press(browser, "Make my account")
        raise AssertionError(page_of(browser).page.words[:500])

    def sign_in(self, browser: Browser, who: str = "ada", **parameters: str) -> Tokens:
        request, url = self.leave(browser, **parameters)
        self.come_back(browser, self.prove(url, who))
        return self.finish(browser, request)


def page_of(browser: Browser) -> Visit:
    assert browser.at is not None
    return browser.at
