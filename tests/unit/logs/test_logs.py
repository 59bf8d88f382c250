"""Logs: one line a record, and no secret in it."""

import json
import logging
import re
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import values

from authserver import logs, metrics
from authserver.logs import REQUEST, Json, Text, accessed, hidden
from authserver.opaque import new_secret
from authserver.work.prometheus import FOLDER_VARIABLE, Prometheus

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"

CANARIES = [
    pytest.param(JWT, id="jwt"),
    pytest.param("as_rt1_018f3c5c5f9d7a2f8b1d2e3f4a5b6c7d.3.abcdef.macmacmacmac", id="refresh-token"),
    pytest.param("as_api_" + new_secret(), id="api-token"),
    pytest.param("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", id="hash"),
    pytest.param(f"{new_secret(16)}.{new_secret(32)}", id="code"),
    pytest.param(f"first-owner.{new_secret(32)}", id="setup-link"),
    pytest.param("-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----", id="private-key"),
]


def record(message: str, *given: Any, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("authserver.test", logging.INFO, "", 0, message, given, None)
    made.__dict__.update(more)
    return made


@pytest.mark.parametrize("formatter", [Json(), Text()], ids=["json", "text"])
@pytest.mark.parametrize("canary", CANARIES)
def test_a_secret_in_a_message_is_not_written(canary: str, formatter: logging.Formatter) -> None:
    """KEY-8: canaries."""
    assert canary not in formatter.format(record("the driver said %s", canary))
    error = ValueError(canary)
    written = formatter.format(record("it failed", exc_info=(ValueError, error, None)))
    assert "ValueError" in written
    assert all(line not in written for line in canary.splitlines() if "KEY" not in line)


def test_a_password_in_a_url_is_hidden() -> None:
    """KEY-8."""
    assert hidden("at postgresql://as:hunter2@db/as") == "at postgresql://as:…@db/as"


def test_ordinary_words_stay() -> None:
    text = "client portal refused: redirect_uri differs in the trailing slash (https://app.example/cb)"
    assert hidden(text) == text


@pytest.mark.parametrize("sent", ["a\nb", "a\r\nb", "a\x1b[2Kb", "a\u2028b", "a\x00b"])
@pytest.mark.parametrize("formatter", [Json(), Text()], ids=["json", "text"])
def test_a_stranger_cannot_write_a_line_of_their_own(sent: str, formatter: logging.Formatter) -> None:
    """AU-5."""
    written = formatter.format(record("refused: %s", sent))
    assert len(written.splitlines()) == 1
    assert written.isprintable()


def test_json_carries_the_request() -> None:
    token = REQUEST.set("r-1")
    try:
        told = json.loads(Json().format(record("hello %s", "world", told={"status": 200})))
    finally:
        REQUEST.reset(token)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("at"))
    assert told == {
        "level": "info",
        "logger": "authserver.test",
        "message": "hello world",
        "request": "r-1",
        "status": 200,
    }


def test_the_access_log_leaves_secrets_out(caplog: pytest.LogCaptureFixture) -> None:
    """KEY-8: whatever is in the query, and the link that makes the first owner."""
    ticket = f"first-owner.{new_secret(32)}"

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"x"]

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/setup/{ticket}",
        "QUERY_STRING": "tx=secret",
        "REMOTE_ADDR": "192.0.2.1",
        logs.REQUEST_ID: "r-1",
    }
    with caplog.at_level(logging.INFO, "authserver.access"):
        assert list(accessed(app)(environ, lambda *_: None)) == [b"x"]
    written = Json().format(caplog.records[0])
    assert "secret" not in written
    assert ticket not in written
    assert json.loads(written)["status"] == 200


def test_metrics_are_counted_over_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "put back afterwards")
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    exporter = Prometheus()
    monkeypatch.setattr(metrics, "_exporter", exporter)
    try:
        metrics.count("tokens_issued", grant="refresh_token")
        metrics.count("tokens_issued", grant="refresh_token")
        metrics.observe("token", 200, 0.002)
        metrics.observe("token", 200, 0.0025)
        metrics.observe("token", 401, 7.0)
        text = exporter.exposition().decode()
    finally:
        exporter.close()
    assert 'authserver_tokens_issued_total{grant="refresh_token"} 2.0' in text
    assert 'authserver_requests_total{endpoint="token",status="200"} 2.0' in text
    assert 'authserver_requests_total{endpoint="token",status="401"} 1.0' in text
    assert 'authserver_request_seconds_bucket{endpoint="token",le="0.001"} 0.0' in text
    assert 'authserver_request_seconds_bucket{endpoint="token",le="0.0025"} 2.0' in text
    assert 'authserver_request_seconds_bucket{endpoint="token",le="5.0"} 2.0' in text
    assert 'authserver_request_seconds_count{endpoint="token"} 3.0' in text
    assert 'authserver_request_seconds_sum{endpoint="token"} 7.0045' in text


def test_without_an_exporter_nothing_is_counted() -> None:
    metrics.count("tokens_issued", grant="refresh_token")
    metrics.observe("token", 200, 0.002)
