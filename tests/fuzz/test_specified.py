"""T-2, WEB-8: for each way to be malformed the one specified answer, on every route that reads what is malformed."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from authserver.web.edge import ROUTES
from tests.fuzz.samples import House, Sample
from tests.fuzz.test_anything import check
from tests.wire import FORM

Spoil = Callable[[Sample], Sample]
EXTRA = (("x", "y"),)


def add(name: str, value: str) -> Spoil:
    """One more field, in the body where there is one."""

    def spoil(sample: Sample) -> Sample:
        if sample.form is not None:
            return replace(sample, form=(*sample.form, (name, value)))
        return replace(sample, query=(*sample.query, (name, value)))

    return spoil


def with_header(name: str, value: str) -> Spoil:
    return lambda sample: replace(sample, headers={**sample.headers, name: value})


def many(sample: Sample) -> Sample:
    fields = tuple((f"x{number}", "y") for number in range(70))
    if sample.form is not None:
        return replace(sample, form=(*sample.form, *fields))
    return replace(sample, query=(*sample.query, *fields))


MALFORMED = [
    pytest.param(add("x", "%00"), 400, "invalid_request", id="nul"),
    pytest.param(add("x", "%ff%fe"), 400, "invalid_request", id="not-utf-8"),
    pytest.param(add("x", "%ed%a0%80"), 400, "invalid_request", id="lone-surrogate"),
    pytest.param(add("x", "%zz"), 400, "invalid_request", id="bad-escape"),
    pytest.param(add("x", "\xc3"), 400, "invalid_request", id="raw-byte"),
    pytest.param(many, 400, "invalid_request", id="too-many-fields"),
    pytest.param(with_header("X-Flood", "a" * 17_000), 431, "invalid_request", id="big-header"),
    pytest.param(
        lambda sample: replace(sample, query=(("x", "a" * 17_000),)),
        414,
        "invalid_request",
        id="long-address",
    ),
]
IN_THE_BODY = [
    pytest.param(add("x", "a" * 70_000), 413, "invalid_request", id="big-body"),
    pytest.param(with_header("Content-Length", "-1"), 400, "invalid_request", id="negative-length"),
    pytest.param(with_header("Content-Length", "abc"), 400, "invalid_request", id="length-is-no-number"),
    pytest.param(with_header("Content-Length", "60000"), 400, "invalid_request", id="shorter-than-announced"),
    pytest.param(with_header("Content-Type", "application/json"), 400, "invalid_request", id="json"),
    pytest.param(with_header("Content-Type", "multipart/form-data"), 400, "invalid_request", id="multipart"),
    pytest.param(
        lambda sample: replace(sample, query=EXTRA, form=(*(sample.form or ()), *EXTRA)),
        400,
        "invalid_request",
        id="in-both-places",
    ),
    pytest.param(
        lambda sample: replace(sample, form=(*(sample.form or ()), *EXTRA, *EXTRA)),
        400,
        "invalid_request",
        id="twice",
    ),
]


def of_machines(house: House) -> Iterator[Sample]:
    return (sample for sample in house.samples.values() if sample.path in ROUTES)


def of_pages(house: House) -> Iterator[Sample]:
    """Pages that read a form; the protocol's own are told apart by what they answer, and have their own tests."""
    for sample in house.samples.values():
        is_page = sample.path not in ROUTES and not sample.path.startswith(("/api/", "/oauth/"))
        if is_page and sample.form is not None:
            yield sample


@pytest.mark.parametrize(("spoil", "status", "error"), MALFORMED)
def test_a_malformed_request_to_a_machine_endpoint(
    house: House, spoil: Spoil, status: int, error: str
) -> None:
    """T-2, TK-5: JSON with the error, on every row of the edge."""
    for sample in of_machines(house):
        worse = spoil(sample)
        reply = house.send(worse)
        check(reply, worse)
        assert (reply.status, reply.json()["error"]) == (status, error), worse
        assert "no-store" in (reply.header("Cache-Control") or ""), worse


@pytest.mark.parametrize(("spoil", "status", "error"), IN_THE_BODY)
def test_a_malformed_body_to_a_machine_endpoint(house: House, spoil: Spoil, status: int, error: str) -> None:
    """T-2, TK-5, TK-6, WEB-8: what only a body can have wrong."""
    for sample in of_machines(house):
        if not sample.form:
            continue
        worse = spoil(sample)
        reply = house.send(worse)
        check(reply, worse)
        assert (reply.status, reply.json()["error"]) == (status, error), worse


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        pytest.param(lambda sample: replace(sample, query=(("x", "%00"),)), 400, id="nul"),
        pytest.param(many, 400, id="too-many-fields"),
        pytest.param(add("x", "a" * 70_000), 413, id="big-body"),
        pytest.param(with_header("X-Flood", "a" * 17_000), 431, id="big-header"),
        pytest.param(with_header("Content-Length", "-1"), 400, id="negative-length"),
        pytest.param(with_header("Content-Type", "application/json"), 415, id="json"),
        pytest.param(with_header("Content-Type", "multipart/form-data; boundary=x"), 415, id="multipart"),
        pytest.param(with_header("Origin", "https://evil.example"), 403, id="other-origin"),
        pytest.param(with_header("Sec-Fetch-Site", "cross-site"), 403, id="other-site"),
    ],
)
def test_a_malformed_form_to_a_page(house: House, spoil: Spoil, status: int) -> None:
    """T-2, WEB-2, WEB-8: a page that says so, with a reference."""
    tried = 0
    for sample in of_pages(house):
        worse = spoil(sample)
        reply = house.send(worse)
        check(reply, worse)
        if reply.status == 303 and "/login" in (reply.location or ""):
            continue  # nobody is signed in there, which comes first
        assert reply.status == status, worse
        tried += 1
    assert tried > 5


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "BREW"])
def test_another_method_is_told_which_there_are(house: House, method: str) -> None:
    """T-2: 405 with Allow, as RFC 9110 §15.5.6 has it, on every route."""
    served = {(sample.method, sample.path) for sample in house.samples.values()}
    for sample in house.samples.values():
        if "/api/admin" in sample.path or (method, sample.path) in served:
            continue
        worse = replace(sample, method=method)
        reply = house.send(worse)
        check(reply, worse)
        assert reply.status == 405, worse
        assert sample.method in (reply.header("Allow") or "").replace(" ", "").split(","), worse


NEARLY = [
    "//oauth/token", "/oauth/token/", "/OAuth/token", "/oauth//token", "/oauth/%74oken/", "/oauth/../oauth/token",
    "/.well-known/jwks.json/", "/oauth/token%00", "/oauth/token;x", "/oauth/token%2f", "/oauth/token%0d%0aX:y",
]  # fmt: skip


@pytest.mark.parametrize("path", NEARLY)
def test_a_path_that_is_nearly_ours_is_not(house: House, path: str) -> None:
    """T-2: a near-miss is 404, and never the endpoint."""
    for method in ("GET", "POST"):
        form = {"Content-Type": FORM} if method == "POST" else {}
        sample = Sample(method=method, path=path, headers=form, form=() if form else None)
        reply = house.world.send(method, house.world.url + path, form, sample.body)
        check(reply, sample)
        assert reply.status in {400, 404}, reply.status
