"""A provider's kind that comes in a package of its own: the example for GitHub, found by its entry point alone."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from github_server import CLIENT, SECRET, GitHubServer

from authserver.errors import AuthserverError
from authserver.upstream.registry import kinds
from tests.flow.login import count
from tests.flow.providers import add_provider, press
from tests.flow.test_providers import NOBODY
from tests.flow.world import World
from tests.oidc import sign_in
from tests.openid.house import onwards

PACKAGE = Path(__file__).parents[2] / "examples" / "github-provider"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip makes of the package's pyproject: a folder with its name and its entry points."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def there() -> Iterator[GitHubServer]:
    server = GitHubServer()
    yield server
    server.close()


class Stays(HTTPRedirectHandler):
    """Goes nowhere, and tells where it was sent."""

    def http_error_302(
        self, request: object, file: object, code: int, message: str, headers: object
    ) -> object:
        return headers


def agreed(url: str) -> str:
    """Where somebody is sent who agrees there."""
    headers = build_opener(Stays).open(url)
    return str(headers["Location"])


@pytest.mark.usefixtures("installed")
def test_somebody_signs_in_by_a_plug_in_and_its_rules_are_those_of_every_kind(
    world: World, there: GitHubServer
) -> None:
    """UP-8, UP-11: form, link, account, tokens; and what it cannot say is not claimed."""
    assert "github" in kinds()
    config = {"client_id": CLIENT, "client_secret": SECRET, "url": there.url, "api": there.url}
    provider = add_provider(world, None, "github", kind="github", config=config)
    assert provider.shown_config()["client_secret"] == {"set": True}
    browser = world.browser()
    browser.open("/login")
    back = agreed(onwards(press(browser, "Github")))
    assert back.startswith(f"{world.url}/login/upstream/github/callback?code=")
    visit = browser.open(back, initiator=there.url)
    assert "New here" in visit.page.heading, visit.page.words
    assert "octocat" in visit.page.words
    press(browser, "Make my account")
    web = world.add_client("web", first_party=True)
    tokens = sign_in(browser, web, NOBODY)
    assert tokens.claims["amr"] == ["upstream"]
    assert web.userinfo(tokens.access_token)["name"] == "Mona Lisa"
    fresh = world.browser()
    fresh.open(web.begin(prompt="login").url, initiator=web.redirect_uri)
    visit = fresh.open(agreed(onwards(press(fresh, "Github"))), initiator=there.url)
    assert "remembered an old one" in visit.page.words
    assert count(world, "upstream_links") == 1


def test_a_kind_whose_package_is_not_installed_is_refused_by_name(world: World, there: GitHubServer) -> None:
    config = {"client_id": CLIENT, "client_secret": SECRET, "url": there.url, "api": there.url}
    with pytest.raises(AuthserverError, match="no kind of provider called 'github'"):
        add_provider(world, None, "github", kind="github", config=config)
