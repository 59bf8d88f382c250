"""The product on two nodes, with npm's oidc-provider beside it: as a generic provider, and dressed as ORCID."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

from tests import seeds
from tests.agent import Browser, Visit
from tests.flow.providers import REFRESH, press
from tests.interop.script import running
from tests.oidc import RelyingParty, Request, Tokens, consent_form
from tests.peers.process import free_port
from tests.serve import Deployment, commands

SCOPES = ["openid", "profile", "email", "groups"]
STAFF = ("--kind", "oidc", "--set", f"scopes={' '.join(SCOPES)}", "--rule", 'groups={"staff": "staff"}')
SECRET = "between the two of us"
ORCID_ID = "0000-0002-1825-0097"
PEOPLE: dict[str, Any] = {
    "grace": {"name": "Grace Hopper", "email": "grace@navy.example", "email_verified": True},
    "alan": {"name": "Alan Turing", "groups": ["staff"]},
    "joan": {"name": "Joan Clarke", "amr": ["pwd", "otp", "mfa"], "acr": "mfa"},
    "dorothy": {"name": "Dorothy Vaughan", "groups": ["staff"]},
    **{f"somebody-{n}": {"name": f"Somebody {n}"} for n in range(40)},
}
RESEARCHERS: dict[str, Any] = {
    # What ORCID calls amr: this account has a second factor. It does not say that one was used.
    ORCID_ID: {"given_name": "Josiah", "family_name": "Carberry", "amr": "mfa"},
    "0000-0002-1825-0098": {"given_name": "Mis", "family_name": "Typed"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One of the providers as the product knows it."""

    slug: str
    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The product and its providers, which know each other."""

    deployment: Deployment
    there: Provider
    steady: Provider
    orcid: Provider

    @classmethod
    @contextmanager
    def built(cls, deployment: Deployment) -> Iterator["House"]:
        """By the commands that an operator has."""
        with ExitStack() as stack:
            generic = _started(stack, deployment, "there", "steady", people=PEOPLE)
            orcid = _started(stack, deployment, "orcid", people=RESEARCHERS, dress="orcid")
            there = Provider(slug="there", title="There", url=generic)
            steady = Provider(slug="steady", title="Steady", url=generic)
            researchers = Provider(slug="orcid", title="ORCID", url=orcid)
            scopes = (f"--scope={word}" for word in (*seeds.SCOPES.split(), "orcid"))
            said = commands(
                deployment.data,
                [
                    (("clients", "edit", "portal", *scopes), None),
                    (("groups", "add", "staff", "--second-factor", "required"), None),
                    *_added(there, *STAFF),
                    *_added(steady, "--kind", "oidc"),
                    *_added(researchers, "--kind", "orcid", "--preset", "production"),
                ],
                deployment.settings,
            )
            steps = [line for text in said for line in text.splitlines()]
            assert not [line for line in steps if line.startswith(("FAILED ", "warning "))], steps
            yield cls(deployment=deployment, there=there, steady=steady, orcid=researchers)

    def party(self, **changed: Any) -> RelyingParty:
        return seeds.party(self.deployment, "portal", **({"scope": "openid profile email"} | changed))

    def browser(self) -> Browser:
        return seeds.browser(self.deployment)

    def leave(self, browser: Browser, provider: Provider, **parameters: str) -> tuple[Request, str]:
        """From an app to our sign-in page and on to the provider: where the browser is sent."""
        request = self.party().begin(**parameters)
        browser.open(request.url, initiator="https://app.example")
        return request, self.again(browser, provider)

    def again(self, browser: Browser, provider: Provider) -> str:
        """On from the page where the browser is."""
        return onwards(press(browser, provider.title))

    def prove(self, url: str, who: str, elsewhere: Browser | None = None, choice: str = "enter") -> str:
        """Type a name there, if it is asked for; where the provider sends the browser then."""
        there = elsewhere or Browser(home=url)
        visit = there.open(url, initiator=self.deployment.issuer)
        if visit.left_for is None:
            form = visit.page.forms[0]
            filled = {"login": who, "secret": "open sesame"}
            visit = there.submit(form, filled, next(b for b in form.buttons if b.value == choice))
        assert visit.left_for is not None, visit.page.words
        return visit.left_for

    def finish(self, browser: Browser, request: Request) -> Tokens:
        """Answer what our pages ask, until the app has its tokens."""
        party = self.party()
        for _ in range(4):
            visit = page_of(browser)
            if visit.left_for is not None:
                return party.redeem(request, party.returned(request, visit.left_for)["code"])
            if consent := consent_form(visit.page.forms):
                browser.submit(consent, button=consent.button("allow"))
            else:
                press(browser, "Make my account", {"email": ""})
        raise AssertionError(page_of(browser).page.words[:500])

    def come_back(self, browser: Browser, provider: Provider, address: str) -> Visit:
        return browser.open(address, initiator=provider.url)

    def sign_in(self, browser: Browser, provider: Provider, who: str, **parameters: str) -> Tokens:
        request, url = self.leave(browser, provider, **parameters)
        self.come_back(browser, provider, self.prove(url, who))
        return self.finish(browser, request)

    @contextmanager
    def at_node(self, number: int) -> Iterator[None]:
        """Every request goes to this node while it lasts."""
        ports, proxy = self.deployment.ports, self.deployment.proxy
        others = [port for place, port in enumerate(ports) if place != number]
        for port in others:
            proxy.drop(port)
        try:
            yield
        finally:
            for port in others:
                proxy.add(port)


def onwards(visit: Visit) -> str:
    found = REFRESH.search(visit.reply.text)
    assert found, visit.page.words[:500]
    return unescape(found[1])


def page_of(browser: Browser) -> Visit:
    assert browser.at is not None
    return browser.at


def _started(stack: ExitStack, deployment: Deployment, *slugs: str, **options: Any) -> str:
    clients = [
        {
            "client_id": slug,
            "client_secret": SECRET,
            "redirect_uris": [f"{deployment.issuer}/login/upstream/{slug}/callback"],
            "token_endpoint_auth_method": f"client_secret_{'post' if 'dress' in options else 'basic'}",
        }
        for slug in slugs
    ]
    script = stack.enter_context(running("oidc-provider", port=free_port(), clients=clients, **options))
    said: str = script.hear()["issuer"]
    return said


def _added(provider: Provider, *options: str) -> list[tuple[tuple[str, ...], str | None]]:
    """The commands that add, try and enable it, each with what is typed into it."""
    slug = provider.slug
    given = ("--title", provider.title, "--set", f"issuer={provider.url}", "--set", f"client_id={slug}")
    add = ("providers", "add", slug, *options, *given, "--secret-stdin", "client_secret")
    return [(add, SECRET), (("providers", "test", slug), None), (("providers", "enable", slug), None)]
