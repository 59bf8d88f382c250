"""From an app to a real SAML provider and back, as people do: on SQLite, and on two nodes with PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from authserver.login import arrival, trip
from authserver.opaque import digest, new_id, new_secret
from authserver.upstream.contract import Identity
from authserver.upstream.find import live
from tests.agent import Browser
from tests.browser.conftest import chromium, open_page, page
from tests.conftest import SHAPES
from tests.oidc import claims_of
from tests.peers.saml import PASSWORD, SimpleSaml
from tests.saml.house import TITLE, House
from tests.wire import FORM, Reply, encoded, send

__all__ = ["chromium", "open_page", "page"]


@pytest.fixture(scope="module", params=SHAPES)
def house(
    request: pytest.FixtureRequest,
    run_as: Callable,  # type: ignore[type-arg]
    idp: SimpleSaml,
    tmp_path_factory: pytest.TempPathFactory,
) -> House:
    """The product in each of its shapes, with the provider beside it."""
    return House.build(run_as("saml", request.param), idp, tmp_path_factory.mktemp("saml"))


def test_somebody_new_gets_an_account_and_is_known_the_second_time(house: House) -> None:
    """SA-3, SA-10, UP-1, UP-8, UP-11: the app learns that it was by another provider, and when."""
    first = house.sign_in(house.browser(), "ada")
    again = house.sign_in(house.browser(), "ada")
    assert claims_of(first.id_token)["sub"] == claims_of(again.id_token)["sub"]
    claims = claims_of(again.id_token)
    assert claims["amr"] == ["upstream"]
    known = house.party.userinfo(again.access_token)
    assert (known["name"], known["email"], known["email_verified"]) == (
        "Ada Lovelace",
        "ada@uni.example",
        False,
    )
    assert abs(claims["auth_time"] - claims["iat"]) <= 60


def test_an_answer_is_good_once_on_whichever_node_and_in_one_browser(house: House) -> None:
    """SA-4, SA-6, UP-3, CVE-17: of many who bring it at once one is let in; another browser never is."""
    browser = house.browser()
    _, url = house.leave(browser)
    posted = house.prove(url)
    assert "trouble=late" in house.come_back(house.browser(), posted).url
    cookies = browser.jar.sent(posted.address, "POST", house.idp.url)
    assert [cookie.same_site for cookie in cookies] == ["None"]
    assert cookies[0].path == urlsplit(posted.address).path
    headers = {
        "Content-Type": FORM,
        "Origin": house.idp.url,
        "Sec-Fetch-Site": "cross-site",
        "Host": urlsplit(house.deployment.issuer).netloc,
        "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies),
    }
    path = urlsplit(posted.address).path
    targets = [f"http://127.0.0.1:{port}{path}" for port in house.deployment.ports for _ in range(4)]

    def bring(target: str) -> Reply:
        return send("POST", target, headers, encoded(posted.fields))

    with ThreadPoolExecutor(len(targets)) as pool:
        answers = list(pool.map(bring, targets))
    led = [urlsplit(answer.location or "").path for answer in answers]
    assert sorted(led) == ["/login"] * (len(led) - 1) + ["/login/arrival"]


def test_an_assertion_is_remembered_wherever_it_comes(house: House) -> None:
    """SA-4: another login, another browser, another node: the second one is told that it was used."""
    with house.deployment.opened() as one, house.deployment.opened() as two:
        found = []
        for issuer in (one, two):
            provider = live(issuer).by_slug("uni")
            assert provider is not None
            identity = Identity(
                issuer=house.idp.entity_id,
                subject="persistent!!!x",
                provider=provider.id,
                once=(("the one assertion", issuer.clock() + timedelta(minutes=5)),),
            )
            left = trip.new_trip(
                issuer, provider, trip.Errand.SIGN_IN, tx="", tx_id=new_id(), browser=digest(new_secret())
            )
            found.append(arrival.keep(issuer, trip.Back(trip=left, provider=provider, identity=identity)))
    first, second = found
    assert first is None
    assert second is not None
    assert second.refusal.rule == "upstream.replayed"


def test_an_answer_that_nobody_asked_for_lets_nobody_in(house: House) -> None:
    """SA-3, CVE-15: with no request of this browser, or with another request's, there is no session."""
    browser, other = house.browser(), house.browser()
    _, url = house.leave(browser)
    posted = house.prove(url)
    _, mine = house.leave(other)
    state = parse_qs(urlsplit(mine).query)["RelayState"][0]
    forged = {**posted.fields, "RelayState": state}
    visit = other.post_from(posted.address, forged, house.idp.url)
    assert "trouble=distrusted" in visit.url
    assert "cannot be trusted" in visit.page.words or "not be" in visit.page.words, visit.page.words
    reference = parse_qs(urlsplit(visit.url).query)["ref"][0]
    assert "saml.in_response_to" in house.deployment.cli("explain", reference)
    assert other.open("/account").url.partition("?")[0].endswith("/login")


def test_somebody_who_says_no_there_comes_back_to_another_way_in(house: House) -> None:
    """SA-3: what is not readable is refused with a page, whatever it is."""
    for message in ("", "PHg+", "%%%"):
        browser = house.browser()
        _, url = house.leave(browser)
        posted = house.prove(url)
        visit = browser.post_from(posted.address, {**posted.fields, "SAMLResponse": message}, house.idp.url)
        assert (visit.status, "trouble=distrusted" in visit.url) == (200, True)


def test_a_provider_that_is_switched_off_meanwhile_lets_nobody_in(house: House) -> None:
    """UP-6, CVE-15: the answer of a flow under way is refused on every node."""
    browser = house.browser()
    _, url = house.leave(browser)
    posted = house.prove(url)
    house.deployment.change("providers", "disable", "uni")
    try:
        assert "trouble=off" in house.come_back(browser, posted).url
    finally:
        house.deployment.change("providers", "enable", "uni")


def test_a_fresh_sign_in_is_demanded_of_the_provider(house: House) -> None:
    """UP-11: prompt=login asks for the password there, although the provider remembers; without it nobody is asked."""
    elsewhere, browser = Browser(home=house.idp.url), house.browser()
    _, url = house.leave(browser)
    house.come_back(browser, house.prove(url, "grace", elsewhere))
    fresh = house.browser()
    _, url = house.leave(fresh, prompt="login")
    visit = elsewhere.open(url, initiator=house.deployment.issuer)
    assert any(form.has("password") for form in visit.page.forms)


def test_a_person_signs_in_with_a_real_browser(house: House, page: Page) -> None:
    """SA-10: the answer comes by a form of another site, without any cookie but its own."""
    page.goto(f"{house.deployment.issuer}/login")
    page.get_by_role("button", name=TITLE).click()
    page.locator("#username").fill("grace")
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url(f"{house.deployment.issuer}/**")
    if page.get_by_role("button", name="Make my account").count():
        page.get_by_role("button", name="Make my account").click()
    page.wait_for_url("**/account")
    assert {cookie["name"] for cookie in page.context.cookies(house.deployment.issuer)} >= {"as_session"}
