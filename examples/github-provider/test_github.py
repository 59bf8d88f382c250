"""The plug-in against a server that answers as GitHub's API does: who comes back, and who does not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from authserver_github import GitHub, GitHubConfig
from github_server import CLIENT, SECRET, GitHubServer

from authserver.clients.remote import Fetcher
from authserver.input import read
from authserver.upstream.contract import (
    Asking,
    Callback,
    Declined,
    Departure,
    Distrusted,
    Down,
    Identity,
    Passed,
    Probe,
)
from authserver.upstream.http import Http

AT = datetime(2027, 1, 15, 12, tzinfo=UTC)
OURS = "https://login.example/login/upstream/github/callback"
ASKING = Asking(callback=OURS, document="", state="key.answer", nonce="n", at=AT)
KIND = GitHub()


@pytest.fixture
def there() -> Iterator[GitHubServer]:
    server = GitHubServer()
    yield server
    server.close()


def config(there: GitHubServer, **more: Any) -> GitHubConfig:
    given = {"client_id": CLIENT, "client_secret": SECRET, "url": there.url, "api": there.url}
    return read(GitHubConfig, given | more)


def http() -> Http:
    return Http(Fetcher(loopback=True))


def question(departure: Departure) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(departure.url).query))


def back(there: GitHubServer, departure: Departure, **changed: str) -> Callback:
    """What a browser brings back after its person agreed there."""
    given = dict(parse_qsl(urlsplit(there.agree(question(departure))).query)) | changed
    return Callback(asking=ASKING, method="GET", params={k: v for k, v in given.items() if v}, at=AT)


def signed_in(there: GitHubServer, **more: Any) -> Identity:
    chosen = config(there, **more)
    departure = KIND.begin(chosen, ASKING, http())
    return KIND.complete(chosen, back(there, departure), departure.keep, http())


def test_somebody_comes_back_as_the_number_that_stays_theirs(there: GitHubServer) -> None:
    found = signed_in(there)
    assert (found.issuer, found.subject, found.username, found.name) == (
        there.url,
        "583231",
        "octocat",
        "Mona Lisa",
    )
    assert (found.email, found.email_verified) == ("mona@github.example", True)
    assert (found.shown, found.page) == ("octocat", "https://github.com/octocat")
    assert found.authentication.at is None, "it does not say when they signed in"
    there.person["login"] = "mona"
    assert signed_in(there).subject == "583231"


def test_the_question_holds_what_protects_it_and_no_secret(there: GitHubServer) -> None:
    departure = KIND.begin(config(there), ASKING, http())
    asked = question(departure)
    assert (asked["state"], asked["redirect_uri"], asked["code_challenge_method"]) == (
        "key.answer",
        OURS,
        "S256",
    )
    assert SECRET not in departure.url
    assert str(departure.keep["verifier"]) not in departure.url


def test_organizations_become_groups_where_an_admin_asks_for_them(there: GitHubServer) -> None:
    assert signed_in(there).groups == ()
    assert signed_in(there, organizations=True).groups == ("acme", "octo-org")


@pytest.mark.parametrize(
    ("emails", "found"),
    [
        ([], ("", False)),
        ([{"email": "a@b.example", "primary": True, "verified": False}], ("a@b.example", False)),
        ([{"email": "a@b.example", "primary": True, "verified": "true"}], ("a@b.example", False)),
        ([{"email": "a@b.example", "primary": False, "verified": True}], ("", False)),
        ({"message": "no"}, ("", False)),
    ],
)
def test_an_address_counts_only_as_github_says(
    there: GitHubServer, emails: Any, found: tuple[str, bool]
) -> None:
    there.emails = emails
    identity = signed_in(there)
    assert (identity.email, identity.email_verified) == found


def test_who_says_no_has_declined(there: GitHubServer) -> None:
    chosen = config(there)
    departure = KIND.begin(chosen, ASKING, http())
    for changed in ({"error": "access_denied"}, {"code": ""}):
        with pytest.raises(Declined):
            KIND.complete(chosen, back(there, departure, **changed), departure.keep, http())


def test_a_code_of_another_sign_in_is_worth_nothing(there: GitHubServer) -> None:
    """By PKCE: its verifier never left the server that began it."""
    chosen = config(there)
    mine, theirs = KIND.begin(chosen, ASKING, http()), KIND.begin(chosen, ASKING, http())
    with pytest.raises(Distrusted) as refused:
        KIND.complete(chosen, back(there, theirs), mine.keep, http())
    assert "bad_verification_code" in refused.value.detail


def test_what_is_broken_there_is_told_as_such(there: GitHubServer) -> None:
    there.broken = {"/user": 503}
    with pytest.raises(Down):
        signed_in(there)
    there.broken = {"/user": 404}
    with pytest.raises(Distrusted):
        signed_in(there)
    there.broken = {}
    there.person = {"login": "octocat"}
    with pytest.raises(Distrusted):
        signed_in(there)


def test_its_test_says_what_to_fix(there: GitHubServer) -> None:
    probe = Probe(http=http(), at=AT, callback=OURS, document="")
    (step,) = KIND.test(config(there), probe)
    assert step.passed is Passed.YES
    (step,) = KIND.test(config(there, client_secret="another"), probe)
    assert (step.passed, "client_secret" in step.remedy) == (Passed.NO, True)
    there.broken = {"/login/oauth/access_token": 500}
    (step,) = KIND.test(config(there), probe)
    assert step.passed is Passed.NO
    assert SECRET not in json.dumps([step.found, step.remedy])
