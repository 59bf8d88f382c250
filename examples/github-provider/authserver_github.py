"""Sign-in by GitHub: OAuth 2.0 without OpenID Connect, so who somebody is has to be asked of its API."""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from pydantic import Field

from authserver.clients.remote import NotFetched
from authserver.upstream.contract import (
    Asking,
    Callback,
    Declined,
    Departure,
    Distrusted,
    Down,
    Identity,
    Kept,
    Passed,
    Probe,
    RedirectUpstream,
    SecretText,
    Step,
    UpstreamConfig,
)
from authserver.upstream.http import Answer, Http

AGENT = {"User-Agent": "authserver-github", "Accept": "application/vnd.github+json"}
SERVER_ERROR = 500


class GitHubConfig(UpstreamConfig):
    """An OAuth app of yours at GitHub, or at a GitHub Enterprise Server of your own."""

    # Who changes these enters the secret again: it is never sent elsewhere than where it was meant for.
    sent_to: ClassVar[tuple[str, ...]] = ("url", "api")

    client_id: str = Field(min_length=1, max_length=255, description="The client id of the OAuth app.")
    client_secret: SecretText = Field(description="Its client secret.")
    url: str = Field("https://github.com", description="Where people sign in.")
    api: str = Field("https://api.github.com", description="Where its API is.")
    organizations: bool = Field(
        default=False, description="Whether to ask which organizations they are in; these become groups."
    )


class GitHub(RedirectUpstream[GitHubConfig]):
    """People go to GitHub and come back with a code."""

    title = "GitHub"
    Config = GitHubConfig

    def begin(self, config: GitHubConfig, asking: Asking, http: Http) -> Departure:
        verifier = secrets.token_urlsafe(32)
        question = {
            "client_id": config.client_id,
            "redirect_uri": asking.callback,
            "scope": "read:user user:email" + (" read:org" if config.organizations else ""),
            "state": asking.state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            "login": asking.login_hint,
            # It never says when somebody signed in, so a fresh sign-in is never taken from it; this is what it can do.
            "prompt": "select_account" if asking.fresh else "",
        }
        query = urlencode({name: value for name, value in question.items() if value})
        return Departure(url=f"{config.url}/login/oauth/authorize?{query}", keep={"verifier": verifier})

    def complete(self, config: GitHubConfig, back: Callback, keep: Kept, http: Http) -> Identity:
        code = back.params.get("code")
        if "error" in back.params or not code:
            raise Declined(f"GitHub said {back.params.get('error', 'nothing')!a}"[:200])
        told = _redeem(config, code, back.asking.callback, str(keep["verifier"]), http)
        token = told.get("access_token")
        if not isinstance(token, str) or not token:
            raise Distrusted(f"GitHub refused the code: {told.get('error')!a}"[:200], rule="github.token")
        person = _asked(config, "/user", token, http)
        if not isinstance(person, dict) or not isinstance(person.get("id"), int):
            raise Distrusted("GitHub's API names nobody", rule="github.user")
        email, verified = _address(_asked(config, "/user/emails", token, http))
        groups = _logins(_asked(config, "/user/orgs", token, http)) if config.organizations else ()
        login = str(person.get("login", ""))
        return Identity(
            issuer=config.url,
            # The number stays; a login is given up and taken by somebody else.
            subject=str(person["id"]),
            username=login,
            name=str(person.get("name") or ""),
            email=email,
            email_verified=verified,
            attributes={"login": login, "company": person.get("company"), "blog": person.get("blog")},
            groups=groups,
            shown=login,
            page=str(person.get("html_url") or ""),
        )

    def test(self, config: GitHubConfig, probe: Probe) -> Iterator[Step]:
        title = "Its token endpoint"
        try:
            told = _redeem(config, "authserver-test", probe.callback, secrets.token_urlsafe(32), probe.http)
        except (NotFetched, Distrusted, Down) as error:
            remedy = "See whether a firewall keeps this server from it, and that url is right."
            yield Step(title=title, passed=Passed.NO, found=str(error)[:200], remedy=remedy)
            return
        match told.get("error"):
            case "bad_verification_code":
                yield Step(title=title, passed=Passed.YES, found="it knows us")
            case "redirect_uri_mismatch":
                remedy = f"Register {probe.callback} as callback URL of the OAuth app."
                yield Step(
                    title=title, passed=Passed.NO, found="it knows us, but not our address", remedy=remedy
                )
            case said:
                remedy = "Check client_id and client_secret against what GitHub shows."
                yield Step(title=title, passed=Passed.NO, found=f"it said {said!a}"[:200], remedy=remedy)


def _redeem(config: GitHubConfig, code: str, callback: str, verifier: str, http: Http) -> Mapping[str, Any]:
    """Exchange the code. GitHub answers 200 to a wrong one, too, with `error` in it."""
    form = {
        "client_id": config.client_id,
        "client_secret": config.client_secret.reveal(),
        "code": code,
        "redirect_uri": callback,
        "code_verifier": verifier,
    }
    answer = http.post(
        f"{config.url}/login/oauth/access_token", form, headers={**AGENT, "Accept": "application/json"}
    )
    told = _read(answer, "the token endpoint")
    if not isinstance(told, dict):
        raise Distrusted("GitHub's token endpoint gave no JSON object", rule="github.json")
    return told


def _asked(config: GitHubConfig, path: str, token: str, http: Http) -> Any:
    return _read(http.get(f"{config.api}{path}", token=token, headers=AGENT), path)


def _read(answer: Answer, what: str) -> Any:
    if answer.status >= SERVER_ERROR:
        raise Down(f"GitHub answered {answer.status} at {what}")
    if not answer.ok:
        raise Distrusted(f"GitHub answered {answer.status} at {what}", rule="github.status")
    try:
        return answer.value()
    except ValueError as error:
        raise Distrusted(f"GitHub gave no JSON at {what}", rule="github.json") from error


def _address(emails: Any) -> tuple[str, bool]:
    """The primary address, and whether GitHub says that it is verified."""
    for each in emails if isinstance(emails, list) else ():
        if isinstance(each, dict) and each.get("primary") is True and isinstance(each.get("email"), str):
            return each["email"], each.get("verified") is True
    return "", False


def _logins(found: Any) -> tuple[str, ...]:
    entries = found if isinstance(found, list) else ()
    return tuple(
        each["login"] for each in entries if isinstance(each, dict) and isinstance(each.get("login"), str)
    )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
