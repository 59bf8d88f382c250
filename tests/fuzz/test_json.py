"""T-2: what apps send in JSON, made bad: every member in every type, and bodies that are no object."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.fuzz.samples import House, Sample
from tests.fuzz.test_anything import check

NASTY: list[Any] = [
    None, True, 0, -1, 1e308, 10**400, "", " ", "\x00", "\ud800", "a" * 5_000, "🙂" * 300, "é\u0301" * 600, [], ["x"],
    {}, {"a": {"b": []}}, "' OR 1=1 --", "<fuzz>'\"", "%00", "../..", "as_rt1_x", "e30.e30.e30", "\r\nX-Fuzz: 1",
]  # fmt: skip
BODIES = [
    b"", b"null", b"[]", b"5", b'"x"', b"{", b"{}", b'{"a":1,"a":2}', b"\xff\xfe", b"\x00", b'{"a":NaN}',
    b"[" * 60_000, b'{"a":' * 30 + b"1" + b"}" * 30, b'{"\\u0000":1}', b'{"a":"\\ud800"}', b"a=b",
]  # fmt: skip


def asked(house: House) -> Iterator[Sample]:
    """The requests of apps that carry something."""
    for sample in house.samples.values():
        if sample.data is not None and not sample.path.startswith("/api/admin"):
            yield sample


@pytest.mark.parametrize("nasty", NASTY, ids=range(len(NASTY)))
def test_every_member_takes_a_nasty_value(house: House, nasty: Any) -> None:
    for sample in asked(house):
        for name in sample.data:
            worse = replace(sample, data={**sample.data, name: nasty})
            check(house.send(worse), worse)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_object(house: House, body: bytes) -> None:
    for sample in asked(house):
        for kind in ("application/json", "application/json; charset=utf-16", "text/plain", ""):
            headers = {**sample.headers, "Content-Type": kind}
            reply = house.world.ask(sample.method, sample.path, "", headers, body)
            check(reply, sample)
            assert reply.status in {400, 401, 403, 409, 413, 415}, (sample.path, body[:40], reply.status)


def test_a_member_that_is_missing(house: House) -> None:
    for sample in asked(house):
        for name in sample.data:
            less = {key: value for key, value in sample.data.items() if key != name}
            reply = house.send(replace(sample, data=less))
            check(reply, sample)
            assert json.loads(reply.body), sample.path
