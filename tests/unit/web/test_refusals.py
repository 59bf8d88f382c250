"""What a refusal says, and to whom."""

import logging
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Blueprint, abort

from authserver.errors import NotFound, Refusal, TooMany, Unavailable
from authserver.web import edge
from authserver.web.guards import Guard, demands
from tests.flow.conftest import MakeWorld
from tests.flow.world import World
from tests.wire import Reply

REFERENCE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")
PRIVATE = "differs in the trailing slash"
REFUSED = Refusal(
    "The app asked in a wrong way.",
    rule="redirect_uri",
    detail="redirect_uri is not registered",
    value="https://app.example/cb/",
    nearest=PRIVATE,
)


def failing(world: World, error: Exception) -> World:
    """A world where /fails and /api/fails end in this error."""
    views = Blueprint("fails", __name__)

    def fails() -> str:
        raise error

    for path in ("/fails", "/api/fails"):
        views.add_url_rule(path, path.replace("/", "-"), demands(Guard.OPEN)(fails))
    world.app.flask.register_blueprint(views)
    return world


def reference_of(reply: Reply) -> str:
    if "json" in (reply.header("Content-Type") or ""):
        return str(reply.json()["reference"])
    found = REFERENCE.search(reply.text)
    assert found, reply.text
    return found[0]


@pytest.mark.parametrize("path", ["/fails", "/api/fails"])
def test_a_refusal_is_explained_by_its_reference(world: World, path: str) -> None:
    """The step, the rule, the value and the nearest match stand behind what the person reads out."""
    reply = failing(world, REFUSED).get(path)
    assert reply.status == 400
    found = world.explain(reference_of(reply).lower().replace("-", " "))
    assert (found.step, found.rule, found.value) == (f"GET {path}", "redirect_uri", "https://app.example/cb/")
    assert (found.nearest, found.count) == (PRIVATE, 1)
    assert found.request_id == reply.header("X-Request-Id")


@pytest.mark.parametrize(("environment", "shown"), [("development", True), ("production", False)])
def test_the_reason_stands_on_the_page_in_development_alone(
    make_world: MakeWorld, environment: str, *, shown: bool
) -> None:
    """WEB-5: strangers read the public words and a reference; developers read why."""
    world = failing(make_world(environment=environment, issuer="https://id.example"), REFUSED)
    text = world.get("/fails").text
    assert (PRIVATE in text, "https://app.example/cb/" in text) == (shown, shown)
    assert PRIVATE not in world.get("/api/fails").text


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        pytest.param(REFUSED, 400, None, id="refusal"),
        pytest.param(NotFound("There is no such app."), 404, None, id="not-found"),
        pytest.param(Refusal("No.", status=403), 403, None, id="forbidden"),
        pytest.param(TooMany("Too many.", retry_after=90), 429, "90", id="too-many"),
        pytest.param(Unavailable("database: gone", retry_after=7), 503, "7", id="unavailable"),
        pytest.param(ZeroDivisionError("s3cret"), 500, None, id="fault"),
        pytest.param(RecursionError("s3cret"), 500, None, id="another-fault"),
    ],
)
@pytest.mark.parametrize("path", ["/fails", "/api/fails"])
def test_every_error_is_an_answer_with_a_reference(
    world: World, path: str, error: Exception, status: int, retry: str | None
) -> None:
    """OPS-6, WEB-5: the right status, Retry-After where it helps, and never the text of an exception."""
    reply = failing(world, error).get(path)
    assert (reply.status, reply.header("Retry-After")) == (status, retry)
    assert "s3cret" not in reply.text
    assert "gone" not in reply.text or not path.startswith("/api")
    assert "Traceback" not in reply.text
    assert world.explain(reference_of(reply)).reference == reference_of(reply)


def test_a_fault_of_a_machine_endpoint_says_its_reference_and_nothing_more(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """TK-6, WEB-5: the edge's last resort is JSON with a reference, never the text of an exception."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("s3cret")

    broken_route = replace(edge.ROUTES["/oauth/token"], handler=broken)
    monkeypatch.setitem(world.app._edge._routes, "/oauth/token", broken_route)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        reply = world.post("/oauth/token", {"grant_type": "client_credentials"})
    assert (reply.status, reply.json()["error"]) == (500, "server_error")
    assert "s3cret" not in reply.text
    assert reply.json()["reference"] in caplog.text
    assert world.explain(reply.json()["reference"]).step == "token"


def test_a_fault_is_in_the_log_under_its_reference(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """WEB-5: whoever has the reference finds the traceback."""
    with caplog.at_level(logging.ERROR):
        reply = failing(world, ZeroDivisionError("s3cret")).get("/fails")
    (record,) = [record for record in caplog.records if record.exc_info]
    assert reference_of(reply) in record.getMessage()


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 418, 500, 503])
def test_what_the_framework_refuses_is_our_page(world: World, status: int) -> None:
    views = Blueprint("aborts", __name__)
    views.add_url_rule("/aborts", "aborts", demands(Guard.OPEN)(lambda: abort(status)))
    world.app.flask.register_blueprint(views)
    reply = world.get("/aborts")
    assert reply.status == status
    assert reference_of(reply)


@pytest.mark.parametrize("junk", ['https://x/"é', "\\", "line\nbreak", "ünïcode", "\x7f", "\ud800"])
def test_error_descriptions_hold_what_the_rfc_allows(world: World, junk: str) -> None:
    """TK-12: only %x20-21, %x23-5B and %x5D-7E."""
    body: dict[str, Any] = failing(world, Refusal(f"no {junk}")).get("/api/fails").json()
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]*", body["error_description"])


def test_a_broken_template_still_answers(make_world: MakeWorld, tmp_path: Any) -> None:
    """A template that a deployment replaced may be broken; whoever was refused still reads why."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "refused.html").write_text("{{ nothing.at.all() }}")
    reply = failing(make_world(templates_dir=folder), REFUSED).get("/fails")
    assert reply.status == 400
    assert "The app asked in a wrong way." in reply.text
    assert reference_of(reply)


def test_addresses_that_are_not_ours_are_one_cause(world: World) -> None:
    """A scanner with a thousand addresses leaves one row."""
    references = {reference_of(world.get(f"/wp-admin/{n}")) for n in range(20)}
    assert len(references) == 1
    assert world.explain(references.pop()).count == 20


def test_a_refused_app_is_named_with_whom_to_ask_and_the_way_back(world: World) -> None:
    """AZ-2: a 400 page, no redirect, the refused address nowhere as a link; `explain` knows app and difference."""
    web = world.add_client(name="Field Notes", contact="help@app.example", client_uri="https://app.example/")
    visit = world.browser().open(web.begin(redirect_uri="https://app.example/callback/").url)
    assert visit.status == 400
    assert "Field Notes" in visit.page.heading
    links = [link.to for link in visit.page.links]
    assert "mailto:help@app.example" in links
    assert "https://app.example/" in links
    assert "https://app.example/callback/" not in links
    found = world.explain(reference_of(visit.reply))
    assert (found.client, found.value) == ("web", "https://app.example/callback/")
    assert "trailing slash" in (found.nearest or "")


@pytest.mark.parametrize("client_id", ["", "unknown", "web\x00", "x" * 5000, "'--", "<script>"])
def test_a_made_up_app_is_refused_on_a_page(world: World, client_id: str) -> None:
    """AZ-2, T-2: whatever it is called."""
    reply = world.get(
        f"/oauth/authorize?{urlencode({'client_id': client_id, 'redirect_uri': 'https://evil.example'})}"
    )
    assert reply.status == 400
    assert "<script>" not in reply.text
    assert "https://evil.example" not in re.findall(r'href="([^"]*)"', reply.text)
