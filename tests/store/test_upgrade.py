"""What people have open while the schema moves: back to the version before, and forward again."""

from authserver.app import create_app
from authserver.store import migrating
from tests.agent import Browser, CookieJar
from tests.flow.apps import app_of, enter_with
from tests.flow.login import enter
from tests.flow.world import World
from tests.oidc import sign_in


def moved(world: World) -> None:
    """`authserver db downgrade`, `authserver db upgrade`, and a server that starts anew."""
    config = world.issuer.config
    world.app.close()
    migrating.downgrade(config.database)
    migrating.upgrade(config.database)
    world.app = create_app(config, clock=world.clock)


def restarted(browser: Browser) -> Browser:
    """The browser is closed, and opened again: what has no end of its own is gone."""
    kept = {key: cookie for key, cookie in browser.jar.cookies.items() if cookie.expires is not None}
    return Browser(home=browser.home, jar=CookieJar(now=browser.jar.now, cookies=kept))


def test_sessions_survive_an_upgrade(world: World) -> None:
    """SS-2, RT-6, TOTP-3, OPS-3: who is signed in or kept so, what an app holds, and what was used up."""
    ada, bob = world.add_user(), world.add_user("bob@example.org")
    web = world.add_client("web", first_party=True, scope="openid offline_access")
    app, mine = app_of(world, ada), world.browser()
    enter_with(world, ada, app, mine)
    tokens = sign_in(mine, web, ada)
    theirs = enter(world, bob, keep="yes")
    moved(world)
    assert mine.open("/account").page.heading == "Profile"
    assert restarted(theirs).open("/account").page.heading == "Profile"
    again = web.refresh(tokens)
    assert (again.claims["acr"], again.claims["sid"]) == ("mfa", tokens.claims["sid"])
    # What was used up before stays so.
    world.clock.advance(seconds=1)
    assert "used already" in enter_again(world, ada.email, ada.password, app.code())


def enter_again(world: World, name: str, password: str, code: str) -> str:
    """What a sign-in says to a code."""
    browser = world.browser()
    form = browser.open("/login").page.form("Sign in")
    page = browser.submit(form, {"username": name, "password": password}).page
    return browser.submit(page.form("Continue"), {"code": code}).page.words
