"""From an app to npm's oidc-provider and back, as people do; once with a real browser."""

import re

import pyotp
from playwright.sync_api import Page

from tests.agent import Browser, query_of
from tests.flow.apps import answer
from tests.flow.providers import press
from tests.openid.house import ORCID_ID, House


def test_somebody_new_gets_an_account_and_is_known_the_second_time(house: House) -> None:
    """UP-1, UP-8, UP-11, OI-1, OI-2: begun at one node, come back at the other, and the app learns the time of it."""
    browser = house.browser()
    with house.at_node(0):
        request, url = house.leave(browser, house.there)
        assert query_of(url)["code_challenge_method"] == "S256"
        back = house.prove(url, "grace")
    assert query_of(back)["iss"] == house.there.url, "this provider says who it is, and it is checked"
    with house.at_node(1):
        house.come_back(browser, house.there, back)
        first = house.finish(browser, request)
    again = house.sign_in(house.browser(), house.there, "grace")
    assert first.claims["sub"] == again.claims["sub"]
    assert again.claims["amr"] == ["upstream"]
    assert again.claims["acr"] == "pwd"
    assert abs(again.claims["auth_time"] - again.claims["iat"]) <= 60
    told = house.party().userinfo(again.access_token)
    # Its word that the address is verified counts only where an admin trusts it for that.
    assert (told["name"], told["email"], told["email_verified"]) == (
        "Grace Hopper",
        "grace@navy.example",
        False,
    )


def test_whoever_needs_a_second_step_takes_it_here_and_the_app_is_told_of_both(house: House) -> None:
    """UP-7, UP-8, ID-4: a group there puts them in one here, which demands it; set up first, then asked for."""
    browser = house.browser()
    request, url = house.leave(browser, house.there)
    house.come_back(browser, house.there, house.prove(url, "alan"))
    visit = press(browser, "Make my account", {"email": ""})
    app = pyotp.parse_uri(next(link.to for link in visit.page.links if link.to.startswith("otpauth://")))
    assert isinstance(app, pyotp.TOTP)
    visit = answer(browser, app.at(int(house.deployment.clock.now())))
    browser.submit(visit.page.form("Continue"))
    first = house.finish(browser, request)
    assert (first.claims["amr"], first.claims["acr"]) == (["upstream", "otp", "mfa"], "mfa")
    other = house.browser()
    request, url = house.leave(other, house.there)
    visit = house.come_back(other, house.there, house.prove(url, "alan"))
    assert "code" in visit.page.heading.lower(), visit.page.words
    answer(other, app.at(int(house.deployment.clock.now()), counter_offset=1))
    again = house.finish(other, request)
    assert again.claims["amr"] == ["upstream", "otp", "mfa"]
    assert again.claims["sub"] == first.claims["sub"]


def test_what_it_says_of_second_factors_counts_only_where_an_admin_says_so(house: House) -> None:
    """UP-7: its own words, exactly; then amr has them beside upstream."""
    assert house.sign_in(house.browser(), house.there, "joan").claims["amr"] == ["upstream"]
    house.deployment.change("providers", "edit", "steady", "--rule", "mfa_amr=mfa")
    try:
        claims = house.sign_in(house.browser(), house.steady, "joan").claims
    finally:
        house.deployment.change("providers", "edit", "steady", "--rule", "mfa_amr=")
    assert (claims["amr"], claims["acr"]) == (["upstream", "pwd", "otp", "mfa"], "mfa")


def test_a_fresh_sign_in_is_made_there_although_it_remembers(house: House) -> None:
    """UP-11: silently the second time; with prompt=login it asks again, and auth_time is that of then."""
    elsewhere, browser = Browser(home=house.there.url), house.browser()
    request, url = house.leave(browser, house.there)
    house.come_back(browser, house.there, house.prove(url, "somebody-0", elsewhere))
    first = house.finish(browser, request)
    silent = house.browser()
    request, url = house.leave(silent, house.there)
    visit = elsewhere.open(url, initiator=house.deployment.issuer)
    assert visit.left_for is not None, "it remembers them"
    house.come_back(silent, house.there, visit.left_for)
    assert house.finish(silent, request).claims["auth_time"] == first.claims["auth_time"]
    fresh = house.browser()
    request, url = house.leave(fresh, house.there, prompt="login")
    asked = elsewhere.open(url, initiator=house.deployment.issuer)
    assert asked.page.heading == "Sign in there"
    house.come_back(fresh, house.there, house.prove(url, "somebody-0", elsewhere))
    assert house.finish(fresh, request).claims["auth_time"] >= first.claims["auth_time"]


def test_silent_single_sign_on_does_not_pass_for_a_fresh_sign_in(house: House) -> None:
    """UP-11: somebody takes prompt and max_age out of the question on its way; the old sign-in there is refused."""
    elsewhere, browser = Browser(home=house.there.url), house.browser()
    request, url = house.leave(browser, house.there)
    house.come_back(browser, house.there, house.prove(url, "somebody-1", elsewhere))
    house.finish(browser, request)
    house.deployment.clock.advance(90)
    try:
        fresh = house.browser()
        _, url = house.leave(fresh, house.there, prompt="login")
        silent = re.sub(r"&(?:prompt|max_age)=\w+", "", url)
        visit = house.come_back(fresh, house.there, house.prove(silent, "nobody", elsewhere))
        assert "trouble=stale" in visit.url
        plain = house.browser()
        request, url = house.leave(plain, house.there)
        house.come_back(plain, house.there, house.prove(url, "nobody", elsewhere))
        assert house.finish(plain, request).claims["amr"] == ["upstream"]
    finally:
        house.deployment.clock.set(0)


def test_who_says_no_there_reads_a_sentence_and_has_other_ways_in(house: House) -> None:
    """OI-5: the request that waits is kept, and the next try ends at the app."""
    browser = house.browser()
    request, url = house.leave(browser, house.there)
    visit = house.come_back(browser, house.there, house.prove(url, "grace", choice="cancel"))
    assert "cancelled" in visit.page.words
    assert "Password" in visit.page.words
    house.come_back(browser, house.there, house.prove(house.again(browser, house.there), "grace"))
    assert house.finish(browser, request).claims["amr"] == ["upstream"]


def test_an_orcid_id_signs_in_and_reaches_the_app_as_a_uri(house: House) -> None:
    """OI-4: openid alone is asked for, by client_secret_post; no e-mail; and its amr is no second factor of ours."""
    browser = house.browser()
    request, url = house.leave(browser, house.orcid, scope="openid profile orcid")
    assert query_of(url)["scope"] == "openid"
    back = house.prove(url, ORCID_ID)
    assert "iss=" not in back
    house.come_back(browser, house.orcid, back)
    tokens = house.finish(browser, request)
    assert (tokens.claims["amr"], tokens.claims["acr"]) == (["upstream"], "pwd")
    told = house.party().userinfo(tokens.access_token)
    assert told["orcid"] == f"{house.orcid.url}/{ORCID_ID}"
    assert told["name"] == "Josiah Carberry"
    assert "email" not in told
    page = browser.open("/account/factors").page
    assert ORCID_ID in page.words
    assert page.link(ORCID_ID) == f"{house.orcid.url}/{ORCID_ID}"


def test_what_is_no_orcid_id_lets_nobody_in(house: House) -> None:
    """OI-4: its last character is a checksum."""
    browser = house.browser()
    _, url = house.leave(browser, house.orcid)
    visit = house.come_back(browser, house.orcid, house.prove(url, "0000-0002-1825-0098"))
    assert "trouble=distrusted" in visit.url
    assert "orcid.checksum" in house.deployment.cli("explain", query_of(visit.url)["ref"])


def test_an_error_that_orcid_hides_behind_a_hash_is_a_cancelled_sign_in(house: House) -> None:
    """OI-5: no server sees what is behind it; the request that waits goes on."""
    browser = house.browser()
    request, url = house.leave(browser, house.orcid)
    back = house.prove(url, ORCID_ID, choice="cancel")
    seen_by_us, behind = back.split("#")
    assert "access_denied" in behind
    visit = house.come_back(browser, house.orcid, seen_by_us)
    assert "cancelled" in visit.page.words
    house.come_back(browser, house.orcid, house.prove(house.again(browser, house.orcid), ORCID_ID))
    assert house.finish(browser, request).claims["amr"] == ["upstream"]


def test_a_person_walks_there_and_back_in_a_browser(house: House, page: Page) -> None:
    """UP-7, SS-10: from the app, by its page and ours, through a second step that is set up on the way."""
    request = house.party().begin()
    page.goto(request.url)
    page.get_by_role("button", name=house.there.title).click()
    page.get_by_label("Name").fill("dorothy")
    page.get_by_label("Secret").fill("open sesame")
    page.get_by_role("button", name="Sign in there").click()
    page.get_by_role("button", name="Make my account").click()
    link = page.locator('a[href^="otpauth://"]').get_attribute("href")
    assert link is not None
    app = pyotp.parse_uri(link)
    assert isinstance(app, pyotp.TOTP)
    page.locator('input[name="code"]').fill(app.at(int(house.deployment.clock.now())))
    page.keyboard.press("Enter")
    page.get_by_label("I keep them").check()
    with page.expect_request(re.compile("^https://app[.]example/callback")) as asked:
        page.get_by_role("button", name="Continue").click()
    party = house.party()
    claims = party.redeem(request, party.returned(request, asked.value.url)["code"]).claims
    assert (claims["amr"], claims["acr"]) == (["upstream", "otp", "mfa"], "mfa")
