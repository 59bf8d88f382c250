"""What a view is told of its request is what Flask and Werkzeug would say of it."""

from io import BytesIO
from typing import Any

import pytest
from flask import Blueprint, Response, g, has_request_context, request, session
from hypothesis import given
from hypothesis import strategies as st

from authserver.web import here
from authserver.web.oauth.asking import away
from authserver.web.told import Told
from authserver.web.wsgi import Pages

FORM = "application/x-www-form-urlencoded"
GIVEN = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"a=1&b=2", id="plain"),
    pytest.param(b"a=1&a=2&b=3", id="a name twice"),
    pytest.param(b"resource=x&resource=y", id="the one name that the protocol lets come twice"),
    pytest.param(b"a=%C3%A4+b&&c", id="escaped, empty, and a name alone"),
    pytest.param(b"a=100%&b=%zz", id="no escapes"),
    pytest.param(b"a=%FF", id="escaped, not UTF-8"),
    pytest.param(b"a=%00b", id="escaped NUL"),
    pytest.param("a=ü&ü=b".encode(), id="bytes as they are"),
    pytest.param(b"a==%3D=&%26=%0A%20", id="separators"),
    pytest.param(b"&".join(b"f%d=1" % number for number in range(70)), id="many"),
]


@pytest.fixture(scope="module")
def app() -> Pages:
    made = Pages("authserver.web", issuer_url="http://id.example")
    made.extensions[here.EXTENSION] = None
    made.add_url_rule("/plain", "plain", view_func=lambda: "plain", methods=["GET"])
    made.add_url_rule("/plain", "posted", view_func=lambda: "posted", methods=["POST"])
    made.add_url_rule("/of/<name>", "of", view_func=lambda name: name)
    made.add_url_rule("/session", "session", view_func=lambda: session.get("nothing", "no Flask session"))
    made.add_url_rule("/away", "away", view_func=lambda: away(request.args["to"]))
    around = Blueprint("around", __name__)
    around.before_request(lambda: g.setdefault("seen", "before") and None)

    @around.after_request
    def after(response: Response) -> Response:
        response.headers["After"] = "yes"
        return response

    around.add_url_rule("/around", "seen", view_func=lambda: here.kept()["seen"])
    made.register_blueprint(around)
    return made


def test_what_fails_to_close_leaves_no_request_behind(app: Pages) -> None:
    class Upload:
        def close(self) -> None:
            raise OSError("the disk is full")

    context = app.test_request_context("/plain")
    context.push()
    request.__dict__["files"] = {"upload": Upload()}
    with pytest.raises(OSError, match="full"):
        context.pop()
    assert all(each.get(None) is None for each in (here.KEPT, here.ASKED, here.ISSUER))
    assert not has_request_context()


def test_what_is_to_be_called_at_the_end_of_an_answer_is_called(app: Pages) -> None:
    called = []
    with app.test_request_context("/plain"):
        answer = Told.elsewhere("/there", 303)
    answer.call_on_close(lambda: called.append("closed"))
    sent: Any = answer({"REQUEST_METHOD": "GET"}, lambda *_: None)
    sent.close()
    assert called == ["closed"]


def same(app: Pages, raw: bytes) -> None:
    with app.test_request_context("/", query_string=raw.decode("latin-1")):
        request.query_string = raw  # type: ignore[misc]
        assert here.query() == request.args.to_dict()
    sent = {"wsgi.input": BytesIO(raw), "CONTENT_LENGTH": str(len(raw)), "CONTENT_TYPE": FORM}
    with app.test_request_context("/", method="POST", environ_overrides=sent):
        assert here.form() == request.form.to_dict()


@pytest.mark.parametrize("raw", GIVEN)
def test_of_each_name_the_first_value_counts_as_werkzeug_reads_it(app: Pages, raw: bytes) -> None:
    same(app, raw)


@given(st.text(alphabet="ab=&+%C3A40;\n ü", max_size=24))
def test_whatever_is_typed_is_read_alike(text: str) -> None:
    made = Pages("authserver.web", issuer_url="http://id.example")
    made.extensions[here.EXTENSION] = None
    same(made, text.encode())


def test_an_address_found_before_is_found_for_its_own_method_alone(app: Pages) -> None:
    browser = app.test_client()
    for _ in range(2):
        assert browser.get("/plain", base_url="http://id.example").text == "plain"
        assert browser.post("/plain", base_url="http://id.example").text == "posted"
        assert browser.put("/plain", base_url="http://id.example").status_code == 405
        assert [browser.get(f"/of/{name}", base_url="http://id.example").text for name in "ab"] == ["a", "b"]
        assert browser.get("/plain/", base_url="http://id.example").status_code == 404
        assert browser.get("/plain", base_url="http://other.example").text == "plain"


def test_what_a_blueprint_does_around_its_views_is_done_around_no_others(app: Pages) -> None:
    browser = app.test_client()
    for _ in range(2):
        answer = browser.get("/around")
        assert (answer.text, answer.headers["After"]) == ("before", "yes")
        assert "After" not in browser.get("/plain").headers


def test_there_is_an_empty_session_for_templates_that_ask_for_one(app: Pages) -> None:
    assert app.test_client().get("/session").text == "no Flask session"


def test_a_redirect_is_one_line(app: Pages) -> None:
    browser = app.test_client()
    answer = browser.get("/away?to=/somewhere")
    assert (answer.status, answer.location, answer.text) == ("303 SEE OTHER", "/somewhere", "")
    assert browser.get("/away?to=/some%0d%0aSet-Cookie:x").status_code == 500
