"""Every page in every state and language: it renders, escapes, speaks, and can be used by everybody."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from authserver.web import pages
from authserver.web.pages import Branding, SignIn
from authserver.web.pages_kept import MOST, Texts, mark
from tests import gallery
from tests.gallery import FORM, HOSTILE, LANGUAGES, MARA, NOTES, PAGES, PLAIN, hostile
from tests.pages import Page as Read

# A page that answers with an app's own words keeps the app's address.
POSTS_ELSEWHERE = {"form-post", "leaving-post"}
SIGN_IN = SignIn(**FORM, app=NOTES)
GOES_ON = {"keep-codes", "codes", "codes-first"}  # by a form that changes nothing, once its box is ticked
SEARCHES = {"sign-in-many", "sign-in-found", "sign-in-not-found"}


class Anatomy(HTMLParser):
    """The parts of a page that somebody who cannot see it goes by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [given for name, given in self.tags if name == tag]


def shown(page: pages.Page) -> str:
    return pages.render(page).get_data(as_text=True)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return gallery.make_app().test_client()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_renders_in_every_language(client: FlaskClient, name: str, language: str) -> None:
    """WEB-9."""
    answer = client.get(f"/{name}?ui_locales={language}")
    page, read = Anatomy(answer.text), Read("https://id.example/", answer.text)
    assert answer.status_code == PAGES[name].status
    assert answer.headers["Content-Language"] == language
    (html,) = page.all("html")
    assert (
        html
        == {
            "en": {"lang": "en", "dir": "ltr"},
            "de": {"lang": "de", "dir": "ltr"},
            "qps-plocm": {"lang": "en-x-qps-plocm", "dir": "rtl"},
        }[language]
    )
    assert len(page.all("h1")) == len(page.all("title")) == len(page.all("main")) == 1
    assert read.heading
    assert re.search(rf"<title>.*{PLAIN.name}</title>", answer.text)
    labels = {label["for"] for label in page.all("label")}
    for field in page.all("input"):
        assert field["type"] == "hidden" or field.get("aria-hidden") or field["id"] in labels, field
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    referred = " ".join(
        given[name]
        for _, given in page.tags
        for name in ("aria-describedby", "aria-labelledby")
        if name in given
    )
    assert set(referred.split()) <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_every_form_carries_its_csrf_token(client: FlaskClient, name: str) -> None:
    """WEB-2."""
    for form in Read("https://id.example/", client.get(f"/{name}").text).forms:
        carries = any(field.name == "csrf_token" and field.value for field in form.inputs)
        assert carries is (form.method == "POST" and name not in POSTS_ELSEWHERE)
        assert form.method == "POST" or name in GOES_ON | SEARCHES
        assert form.buttons


@pytest.mark.parametrize("name", PAGES)
def test_no_page_holds_inline_script_or_style(client: FlaskClient, name: str) -> None:
    """WEB-4: everything that a strict content policy would refuse."""
    page = Anatomy(client.get(f"/{name}").text)
    assert not page.all("style")
    assert all(script["src"].startswith("/static/") for script in page.all("script"))
    assert not [
        given for _, given in page.tags if "style" in given or any(name[:2] == "on" for name in given)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_escapes_whatever_it_shows(name: str, language: str) -> None:
    """WEB-9: translations escape values; OI-7: what others say of themselves is data."""
    app = gallery.make_app(replace(hostile(PLAIN), accent_light="", accent_dark=""))
    with app.test_request_context(f"/{name}?ui_locales={language}"):
        text = shown(hostile(PAGES[name]))
    assert "<script>alert" not in text
    assert HOSTILE not in text
    page = Anatomy(text)
    assert not page.all("b")
    assert {given.get("href", "")[:11] for given in page.all("a")}.isdisjoint({"javascript:"})


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://a@b/", "nowhere"]
)
def test_links_that_an_app_registered_lead_to_web_pages_or_nowhere(url: str) -> None:
    page = replace(
        PAGES["consent"], policy_url=url, tos_url=url, site_url=url, app=NOTES._replace(contact=url)
    )
    with gallery.make_app(replace(PLAIN, support_contact=url, privacy_url=url)).test_request_context("/"):
        links = Anatomy(shown(page)).all("a")
    assert [link["href"] for link in links if url in link["href"]] == []


def test_the_form_post_page_keeps_values_byte_for_byte() -> None:
    """AZ-9: fields are HTML-escaped, not URL-quoted; the script is a file and the button is there without it."""
    state = "a%20b&c=d\"'<é+\u2028"
    page = replace(PAGES["form-post"], fields=(("state", state),))
    with gallery.make_app().test_request_context("/"):
        text = shown(page)
    read = Read("https://id.example/", text)
    assert read.form().fields() == [("state", state)]
    assert read.form().buttons
    assert "form_post.js" in text


@pytest.mark.parametrize(
    ("name", "status", "wait"),
    [
        ("sign-in-wrong", 200, None),
        ("sign-in-limited", 429, "900"),
        ("sign-in-busy", 503, "900"),
        ("refused-too_many", 429, "120"),
        ("unavailable", 503, "5"),
        ("password-limited", 429, "7200"),
        ("first-owner-over", 410, None),
        ("wrong-method", 405, None),
    ],
)
def test_a_page_knows_its_status_and_how_long_to_wait(
    client: FlaskClient, name: str, status: int, wait: str | None
) -> None:
    answer = client.get(f"/{name}")
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == wait


def test_what_was_typed_is_kept_but_never_the_password(client: FlaskClient) -> None:
    form = Read("https://id.example/", client.get("/sign-in-wrong").text).form("Sign in")
    assert {field.name: field.value for field in form.inputs if field.name in {"username", "password"}} == {
        "username": gallery.MARA.email,
        "password": "",
    }


def test_the_footline_leads_back_to_the_same_page_and_remembers_against_whom(client: FlaskClient) -> None:
    page = Read("https://id.example/", client.get("/sign-in?ui_locales=de&x=%2F").text)
    assert (
        page.link("English")
        == "https://id.example/language?to=en&return=%2Fsign-in%3Fui_locales%3Dde%26x%3D%252F&over=de"
    )


def test_a_page_that_answers_a_post_offers_languages_only_where_it_can_be_shown_again() -> None:
    app = gallery.make_app()
    with app.test_request_context("/login", method="POST"):
        assert "/language?" not in shown(SignIn(**FORM))
        assert "/language?to=de&amp;return=%2Flogin%3Ftx%3D1" in shown(SignIn(**FORM, here="/login?tx=1"))


def test_links_keep_the_path_of_the_issuer() -> None:
    with gallery.make_app().test_request_context("/account", base_url="https://id.example/realm"):
        page = Anatomy(shown(PAGES["profile"]))
    ours = [given for tag in ("a", "link", "script", "form") for given in page.all(tag)]
    assert {
        address
        for given in ours
        for address in (given.get("href") or given.get("src") or given.get("action", ""),)
        if address.startswith("/") and not address.startswith("/realm/")
    } == set()


def test_a_deployment_replaces_one_template_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "home.html").write_text("{% extends 'layout.html' %}{% set heading = 'Moin' %}")
    moin = gallery.make_app(override=tmp_path).test_client()
    assert "<h1>Moin</h1>" in moin.get("/home").text
    assert "Who are you?" in moin.get("/sign-in").text


def test_the_branding_is_asked_at_each_render() -> None:
    names = iter(("First", "Second"))
    app = gallery.make_app()
    pages.install(app, branding=lambda: Branding(name=next(names)))
    client = app.test_client()
    assert [name in client.get("/home").text for name in ("First", "Second")] == [True, True]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_that_is_kept_reads_as_if_it_were_written_anew(language: str) -> None:
    def page(tx: str, token: str, name: str) -> SignIn:
        return replace(SIGN_IN, here=f"/login?tx={tx}", tx=tx, csrf_token=token, username=name)

    marks = mark(), mark(), mark()
    with gallery.make_app().test_request_context(f"/login?ui_locales={language}"):
        for values in (("1.a-_", "t.1", MARA.email), ("2.b", "t.2", HOSTILE), ("3.c", "t.3", "<b>&amp;")):
            kept = replace(page(*marks), new=dict(zip(marks, values, strict=True)))
            assert shown(kept) == shown(page(*values))


def test_a_page_that_is_kept_says_what_is_set_now_in_the_language_of_now() -> None:
    names = iter(("First", "Second"))
    app, kept = gallery.make_app(), replace(SIGN_IN, new={mark(): ""})
    pages.install(app, branding=lambda: Branding(name=next(names)))
    with app.test_request_context("/login"):
        assert "First" in shown(kept)
    with app.test_request_context("/login?ui_locales=de"):
        there = shown(kept)
    assert "First" not in there
    assert "Second" in there
    assert "Passwort" in there


def test_a_template_of_the_deployments_own_is_rendered_for_each_visitor(tmp_path: Path) -> None:
    """What it shows may be of this visitor alone."""
    (tmp_path / "login").mkdir()
    (tmp_path / "login" / "sign_in.html").write_text("{{ request.args.get('who') }}", encoding="utf-8")
    app, kept, branding = gallery.make_app(), replace(SIGN_IN, new={mark(): ""}), Branding()
    pages.install(app, branding=lambda: branding, override=tmp_path)
    found = []
    for who in ("alice", "bob"):
        with app.test_request_context(f"/login?who={who}"):
            found.append(shown(kept))
    assert found == ["alice", "bob"]


def test_what_is_kept_of_pages_is_bounded() -> None:
    texts, branding = Texts(), Branding()
    for number in range(2 * MOST):
        texts.get(branding, number, str)
    made: list[str] = []
    texts.get(branding, 0, lambda: made.append("again") or "")
    assert made == ["again"]


def test_the_address_of_a_file_changes_with_its_content() -> None:
    with gallery.make_app().test_request_context("/"):
        address = pages.static_url("authserver.css")
    assert re.fullmatch(r"/static/authserver\.css\?v=[0-9a-f]{12}", address)


def test_an_accent_colour_comes_as_a_file_of_its_own() -> None:
    """WEB-4: no inline style."""
    client = gallery.make_app(replace(PLAIN, accent_light="#7a1fa2")).test_client()
    (address,) = re.findall(r'href="(/static/accent\.css\?v=[0-9a-f]+)"', client.get("/home").text)
    assert "--go:#7a1fa2;--on-go:#ffffff" in client.get(address).text
    assert "accent.css" not in gallery.make_app().test_client().get("/home").text


@pytest.mark.parametrize(
    "colour", ["#000000", "#ffffff", "#ff0000", "#ffeb3b", "#7f7f7f", "#0a5c4a", "#00e5ff"]
)
def test_every_text_on_an_accent_colour_can_be_read(colour: str) -> None:
    css = pages.accent_css(Branding(accent_light=colour))
    for sheet, tokens in zip(("#ffffff", "#151e1b"), re.findall(r"\{(--[^}]+)\}", css), strict=True):
        found = dict(token.split(":") for token in tokens.split(";"))
        assert pages.contrast(found["--go"], sheet) >= 4.5
        assert pages.contrast(found["--on-go"], found["--go"]) >= 4.5
        assert pages.contrast(found["--go"], found["--go-soft"]) >= 4.5


def test_scripts_of_a_page_share_no_names() -> None:
    """Each is a module: two that declare one name would otherwise stop one another, silently for the person."""
    templates = Path(pages.__file__).parent / "templates"
    found = [
        tag for path in templates.rglob("*.html") for tag in re.findall(r"<script[^>]*>", path.read_text())
    ]
    assert found
    assert [tag for tag in found if 'type="module"' not in tag] == []
