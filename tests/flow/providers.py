"""What tests of providers do again and again: adding one, leaving for it, coming back."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

from authserver.audit import SYSTEM
from authserver.upstream import configure
from authserver.upstream.provider import Provider
from tests.agent import Browser, Visit, query_of
from tests.flow.world import World
from tests.peers.openid import OpenId

REFRESH = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')


def add_provider(
    world: World,
    there: OpenId | None,
    slug: str = "there",
    *,
    status: str = "active",
    kind: str = "oidc",
    **given: Any,
) -> Provider:
    """A provider in use; `rules` and `config` as configure takes them."""
    config = {**(there.config if there else {}), **given.pop("config", {})}
    about = {"slug": slug, "kind": kind, "title": slug.title(), "config": config, **given}
    draft = configure.drafted(world.issuer, about)
    with world.writing() as db:
        made = configure.add(db, world.issuer, draft, by=SYSTEM)
    return switch(world, made.slug, status) if status != "draft" else made


def switch(world: World, slug: str, status: Any) -> Provider:
    with world.writing() as db:
        return configure.switch(db, world.issuer, slug, status, by=SYSTEM)


def change(world: World, provider: Provider, **changes: Any) -> Provider:
    draft = configure.redrafted(world.issuer, provider, changes)
    with world.writing() as db:
        return configure.edit(db, world.issuer, draft, by=SYSTEM)


def press(browser: Browser, title: str, filled: dict[str, str] | None = None) -> Visit:
    """Press the button of this text on the page where the browser is, whichever form it is in."""
    assert browser.at is not None
    for form in browser.at.page.forms:
        for button in form.buttons:
            if title in button.words:
                return browser.submit(form, filled, button)
    raise AssertionError(f"no button {title!r}: {browser.at.page.words[:500]}")


def leave(browser: Browser, title: str = "There", filled: dict[str, str] | None = None) -> dict[str, str]:
    """Press a provider's button; what the browser is sent there with."""
    return left(press(browser, title, filled))


def left(visit: Visit) -> dict[str, str]:
    found = REFRESH.search(visit.reply.text)
    assert found is not None, f"{visit.status} {visit.url}: {visit.page.words[:500]}"
    return query_of(unescape(found[1]))


def back(browser: Browser, there: OpenId, question: dict[str, str], **changed: str | None) -> Visit:
    """Come back from there, with a code unless something else is said."""
    given = {"code": there.code_for(question), "state": question["state"], **changed}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return browser.open(f"{question['redirect_uri']}?{query}", initiator=there.url)


def through(browser: Browser, there: OpenId, title: str = "There") -> Visit:
    """Sign in there, from the page where the browser is."""
    return back(browser, there, leave(browser, title))
