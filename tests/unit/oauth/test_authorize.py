"""What an authorization request must look like: one row per clause."""

import json
from dataclasses import dataclass, field, replace

import pytest

from authserver.apis.api import Api, ApiScope
from authserver.apis.find import Apis
from authserver.authentication import Level
from authserver.clients.client import Client
from authserver.errors import Refusal
from authserver.oauth.authorize import (
    NAMES,
    Asked,
    AuthorizeRequest,
    check_form,
    complete,
    received,
    return_address,
)
from authserver.oauth.errand import examine
from authserver.oauth.prompts import Prompt
from authserver.oauth.request import OAuthRequest, read_pairs
from authserver.scopes import STANDARD

URI = "https://app.example.org/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
APP = Client(
    id="1",
    client_id="app",
    name="App",
    kind="confidential",
    auth_method="client_secret_basic",
    redirect_uris=(URI, "http://127.0.0.1/callback", "com.example.app:/callback"),
    scopes=("openid", "profile", "grades:read", "offline_access"),
)
GRADES = Api(
    id="1",
    identifier="https://grades.example.org",
    name="Grades",
    scopes=(ApiScope(name="grades:read"),),
)
HEALTH = Api(
    id="2",
    identifier="https://health.example.org",
    name="Health",
    scopes=(ApiScope(name="health:read"),),
    required_acr="mfa",
)
HOUSE = Api(id="3", identifier="https://api.example.org", name="House", is_default=True)
APIS = Apis.of((GRADES, HEALTH, HOUSE))
GOOD = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": URI,
    "scope": "openid profile",
    "state": "s1",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def reading(
    values: dict[str, str], client: Client = APP, repeated: frozenset[str] = frozenset()
) -> AuthorizeRequest:
    asked = Asked(values=values, repeated=repeated)
    to = return_address(client, asked)
    check_form(asked)
    return complete(examine(client, APIS, STANDARD, to, values), to, asked)


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if name not in names}


def test_a_good_request_is_read_whole() -> None:
    request = reading(GOOD)
    assert request.scope == ("openid", "profile")
    assert request.challenge == CHALLENGE
    assert (request.nonce, request.to.state, request.to.mode) == ("n1", "s1", "query")
    assert request.asked == GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    given: dict[str, str]
    error: str
    rule: str
    client: Client = APP
    repeated: frozenset[str] = field(default=frozenset())


WRONG = {
    "az5-scope-twice": Wrong(
        given=GOOD, repeated=frozenset({"scope"}), error="invalid_request", rule="authorize.repeated"
    ),
    "az5-unknown-parameter-twice": Wrong(
        given=GOOD, repeated=frozenset({"x"}), error="invalid_request", rule="authorize.repeated"
    ),
    "az5-state-twice": Wrong(
        given=GOOD, repeated=frozenset({"state"}), error="invalid_request", rule="authorize.repeated"
    ),
    "az6-response-type-missing": Wrong(
        given=without("response_type"), error="invalid_request", rule="response_type.missing"
    ),
    **{
        f"az6-response-type-{kind}": Wrong(
            given={**GOOD, "response_type": kind}, error="unsupported_response_type", rule="response_type"
        )
        for kind in ("token", "id_token", "code id_token", "code token", "none", "CODE", "code ")
    },
    "rfc6749-grant-not-open-to-client": Wrong(
        given=GOOD,
        client=replace(APP, grant_types=("client_credentials",)),
        error="unauthorized_client",
        rule="grant_type",
    ),
    "az3-no-challenge": Wrong(
        given=without("code_challenge", "code_challenge_method"), error="invalid_request", rule="pkce.missing"
    ),
    "cve10-challenge-stripped-method-left": Wrong(
        given=without("code_challenge"), error="invalid_request", rule="pkce.missing"
    ),
    "az3-no-method": Wrong(
        given=without("code_challenge_method"), error="invalid_request", rule="pkce.method"
    ),
    "az3-plain": Wrong(
        given={**GOOD, "code_challenge_method": "plain"}, error="invalid_request", rule="pkce.method"
    ),
    "az3-optional-but-no-nonce": Wrong(
        given=without("code_challenge", "code_challenge_method", "nonce"),
        client=replace(APP, pkce_optional=True),
        error="invalid_request",
        rule="pkce.missing",
    ),
    "az3-optional-but-no-openid": Wrong(
        given={**without("code_challenge", "code_challenge_method"), "scope": "profile"},
        client=replace(APP, pkce_optional=True),
        error="invalid_request",
        rule="pkce.missing",
    ),
    "az3-optional-is-never-for-public-clients": Wrong(
        given=without("code_challenge", "code_challenge_method"),
        client=replace(APP, pkce_optional=True, kind="public"),
        error="invalid_request",
        rule="pkce.missing",
    ),
    "az3-optional-still-refuses-plain": Wrong(
        given={**GOOD, "code_challenge_method": "plain"},
        client=replace(APP, pkce_optional=True),
        error="invalid_request",
        rule="pkce.method",
    ),
    **{
        f"az4-challenge-{name}": Wrong(
            given={**GOOD, "code_challenge": challenge}, error="invalid_request", rule="pkce.challenge"
        )
        for name, challenge in (
            ("short", CHALLENGE[1:]),
            ("long", CHALLENGE + "a"),
            ("newline", CHALLENGE + "\n"),
            ("padded", CHALLENGE[1:] + "="),
            ("tilde", CHALLENGE[1:] + "~"),
            ("fullwidth", CHALLENGE[1:] + "\uff21"),
        )
    },
    "az8-state-too-long": Wrong(
        given={**GOOD, "state": "s" * 2049}, error="invalid_request", rule="state.size"
    ),
    "id3-nonce-too-long": Wrong(
        given={**GOOD, "nonce": "n" * 513}, error="invalid_request", rule="nonce.size"
    ),
    **{
        f"az9-response-mode-{mode}": Wrong(
            given={**GOOD, "response_mode": mode}, error="invalid_request", rule="response_mode"
        )
        for mode in ("fragment", "query.jwt", "web_message", "FORM_POST")
    },
    "az9-mode-not-open-to-client": Wrong(
        given={**GOOD, "response_mode": "form_post"},
        client=replace(APP, response_modes=("query",)),
        error="invalid_request",
        rule="response_mode",
    ),
    "az9-form-post-to-a-private-scheme": Wrong(
        given={**GOOD, "response_mode": "form_post", "redirect_uri": "com.example.app:/callback"},
        error="invalid_request",
        rule="response_mode",
    ),
    "az11-none-beside-another": Wrong(
        given={**GOOD, "prompt": "none login"}, error="invalid_request", rule="prompt.none"
    ),
    "az11-unknown-prompt": Wrong(
        given={**GOOD, "prompt": "invent"}, error="invalid_request", rule="prompt.unknown"
    ),
    **{
        f"az12-max-age-{name}": Wrong(
            given={**GOOD, "max_age": value}, error="invalid_request", rule="max_age"
        )
        for name, value in (
            ("negative", "-1"),
            ("word", "now"),
            ("fraction", "1.5"),
            ("huge", "9" * 11),
            ("foreign-digits", "\u0661"),
            ("superscript", "\u00b2"),
        )
    },
    "az13-scope-beyond-client": Wrong(
        given={**GOOD, "scope": "openid email"}, error="invalid_scope", rule="scope"
    ),
    "az13-scope-missing": Wrong(given=without("scope"), error="invalid_scope", rule="scope.missing"),
    "az13-scope-blank": Wrong(given={**GOOD, "scope": " "}, error="invalid_scope", rule="scope.missing"),
    "az18-unknown-resource": Wrong(
        given={**GOOD, "resource": "https://other.example.org"}, error="invalid_target", rule="resource"
    ),
    "az18-resource-none-of-whose-scopes-are-open": Wrong(
        given={**GOOD, "resource": HEALTH.identifier}, error="invalid_target", rule="resource"
    ),
    "az18-resource-not-listed-for-client": Wrong(
        given={**GOOD, "resource": GRADES.identifier},
        client=replace(APP, resources=(HEALTH.identifier,)),
        error="invalid_target",
        rule="resource",
    ),
    "az18-several-resources": Wrong(
        given={**GOOD, "resource": f"{GRADES.identifier} {HOUSE.identifier}"},
        error="invalid_target",
        rule="resource",
    ),
    "jar2-request-object": Wrong(
        given={**GOOD, "request": "e30."}, error="request_not_supported", rule="authorize.request"
    ),
    "jar2-request-uri": Wrong(
        given={**GOOD, "request_uri": "https://app.example.org/r"},
        error="request_uri_not_supported",
        rule="authorize.request_uri",
    ),
    "core-registration-parameter": Wrong(
        given={**GOOD, "registration": "{}"},
        error="registration_not_supported",
        rule="authorize.registration",
    ),
    **{
        f"id8-claims-{name}": Wrong(given={**GOOD, "claims": value}, error="invalid_request", rule=rule)
        for name, value, rule in (
            ("no-json", "{", "claims.json"),
            ("a-list", "[]", "claims.json"),
            ("nan", '{"userinfo":{"a":{"value":NaN}}}', "claims.json"),
            ("member-twice", '{"userinfo":{"email":null,"email":null}}', "claims.json"),
            ("surrogate", '{"userinfo":{"\\ud800":null}}', "claims.json"),
            ("deep", "[" * 1000, "claims.json"),
            ("target-of-wrong-type", '{"id_token":[]}', "claims.shape"),
            ("member-of-wrong-type", '{"id_token":{"acr":"mfa"}}', "claims.shape"),
            ("essential-of-wrong-type", '{"id_token":{"acr":{"essential":"yes"}}}', "claims.shape"),
            ("values-of-wrong-type", '{"id_token":{"acr":{"values":"mfa"}}}', "claims.shape"),
            ("too-long", '{"userinfo":{"' + "a" * 2050 + '":null}}', "claims.size"),
        )
    },
    "az14-too-large-to-seal": Wrong(
        given={**GOOD, "state": "s" * 2048, "nonce": "n" * 512, "claims": '{"a":"' + "a" * 500 + '"}'},
        error="invalid_request",
        rule="authorize.size",
    ),
}


@pytest.mark.parametrize("row", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_parameter_is_told_to_the_app(row: Wrong) -> None:
    """AZ-3, AZ-4, AZ-5, AZ-6, AZ-9, AZ-11, AZ-13, AZ-18, ID-3, ID-8, CVE-10."""
    with pytest.raises(Refusal) as caught:
        reading(row.given, row.client, row.repeated)
    assert (caught.value.code, caught.value.rule) == (row.error, row.rule)


@pytest.mark.parametrize("row", WRONG.values(), ids=WRONG.keys())
def test_the_words_for_the_app_are_plain_ascii_without_quotes(row: Wrong) -> None:
    """TK-12: error_description holds neither what was sent nor bytes that RFC 6749 forbids."""
    with pytest.raises(Refusal) as caught:
        reading(row.given, row.client, row.repeated)
    assert caught.value.public.isascii()
    assert caught.value.public.isprintable()
    assert not set('"\\') & set(caught.value.public)


UNPROVED = {
    "az2-missing": (None, "redirect_uri.missing"),
    "az1-trailing-slash": (URI + "/", "redirect_uri.unregistered"),
    "az1-case": ("https://app.example.org/Callback", "redirect_uri.unregistered"),
    "az1-port": ("https://app.example.org:443/callback", "redirect_uri.unregistered"),
    "az1-query-added": (URI + "?x=1", "redirect_uri.unregistered"),
    "az1-http": ("http://app.example.org/callback", "redirect_uri.unregistered"),
    "az1-loopback-by-name": ("http://localhost/callback", "redirect_uri.unregistered"),
    "az1-loopback-other-path": ("http://127.0.0.1:8123/other", "redirect_uri.unregistered"),
    "az1-loopback-https": ("https://127.0.0.1:8123/callback", "redirect_uri.unregistered"),
    "az1-loopback-port-with-host": ("http://127.0.0.1:80@evil.example/callback", "redirect_uri.unregistered"),
    "cve8-path-parameter": ("https://app.example.org/..;/callback", "redirect_uri.unregistered"),
    "cve8-several-at": ("https://app.example.org@@evil.example/callback", "redirect_uri.unregistered"),
    "cve8-localhost-suffix": ("http://127.0.0.1.evil.example/callback", "redirect_uri.unregistered"),
    "cve8-regex-dot": ("https://appxexample.org/callback", "redirect_uri.unregistered"),
    "cve9-code-in-query": (URI + "?code=mine", "redirect_uri.unregistered"),
    "cve9-state-in-query": (URI + "?state=mine", "redirect_uri.unregistered"),
    "cve9-iss-in-query": (URI + "?iss=https://evil.example", "redirect_uri.unregistered"),
    "cve9-error-in-fragment": (URI + "#error=x", "redirect_uri.unregistered"),
    "tk12-quote-and-accent": ('https://x/"é', "redirect_uri.unregistered"),
}


@pytest.mark.parametrize(("uri", "rule"), UNPROVED.values(), ids=UNPROVED.keys())
def test_a_redirect_uri_that_is_not_registered_sends_nobody_anywhere(uri: str | None, rule: str) -> None:
    """AZ-1, AZ-2, CVE-8, CVE-9."""
    given = {**GOOD, "redirect_uri": uri} if uri is not None else without("redirect_uri")
    with pytest.raises(Refusal) as caught:
        return_address(APP, Asked(values=given))
    assert caught.value.rule == rule
    assert caught.value.nearest


def test_only_the_port_of_a_loopback_address_is_free() -> None:
    """AZ-1: a native app listens on whatever port it is given."""
    uri = "http://127.0.0.1:51004/callback"
    assert return_address(APP, Asked(values={**GOOD, "redirect_uri": uri})).redirect_uri == uri


def test_a_state_that_is_wrong_itself_does_not_travel() -> None:
    """AZ-8: too long, or sent twice: nothing could be returned byte for byte."""
    assert return_address(APP, Asked(values={**GOOD, "state": "s" * 2049})).state is None
    assert return_address(APP, Asked(values=GOOD, repeated=frozenset({"state"}))).state is None
    assert return_address(APP, Asked(values={**GOOD, "state": "s" * 2048})).state == "s" * 2048


def test_an_error_travels_in_the_mode_that_was_asked_for_where_that_can_be() -> None:
    """AZ-9."""
    assert return_address(APP, Asked(values={**GOOD, "response_mode": "form_post"})).mode == "form_post"
    assert return_address(APP, Asked(values={**GOOD, "response_mode": "fragment"})).mode == "query"


def test_a_confidential_client_with_a_nonce_may_be_allowed_to_leave_pkce_out() -> None:
    """AZ-3."""
    values = without("code_challenge", "code_challenge_method")
    assert reading(values, replace(APP, pkce_optional=True)).challenge is None


def test_prompt_and_max_age_are_read() -> None:
    """AZ-11, AZ-12: the client's default counts where the request says nothing."""
    assert reading({**GOOD, "prompt": "login consent"}).prompts == {Prompt.LOGIN, Prompt.CONSENT}
    assert reading({**GOOD, "max_age": "0"}, replace(APP, default_max_age=60)).max_age == 0
    assert reading(GOOD, replace(APP, default_max_age=60)).max_age == 60


def test_resources_are_open_by_the_clients_list_or_by_its_scopes() -> None:
    """AZ-18."""
    assert reading({**GOOD, "resource": GRADES.identifier}).resources == (GRADES.identifier,)
    several = replace(APP, several_resources=True, resources=(GRADES.identifier, HEALTH.identifier))
    both = f"{GRADES.identifier} {HEALTH.identifier}"
    assert reading({**GOOD, "resource": both}, several).resources == (GRADES.identifier, HEALTH.identifier)


def test_the_level_that_client_and_api_require_is_the_higher_one() -> None:
    """SU-6."""
    several = replace(APP, resources=(HEALTH.identifier, GRADES.identifier), required_acr="mfa-low")
    assert reading(GOOD, several).required.level is Level.MFA_LOW
    assert reading({**GOOD, "resource": HEALTH.identifier}, several).required.level is Level.MFA
    assert reading(GOOD).required.level is Level.PWD


ACR = {
    "values": ({"acr_values": "phr mfa"}, (Level.PHR, Level.MFA), False),
    "unknown-values-are-passed-over": ({"acr_values": "urn:x mfa"}, (Level.MFA,), False),
    "essential-claim": (
        {"claims": '{"id_token":{"acr":{"essential":true,"values":["mfa","urn:x"]}}}'},
        (Level.MFA,),
        True,
    ),
    "essential-claim-beats-values": (
        {"acr_values": "pwd", "claims": '{"id_token":{"acr":{"essential":true,"value":"mfa"}}}'},
        (Level.MFA,),
        True,
    ),
    "essential-without-values-only-asks-that-it-is-there": (
        {"claims": '{"id_token":{"acr":{"essential":true}}}'},
        (),
        False,
    ),
    "wish-by-claim": ({"claims": '{"id_token":{"acr":{"value":"mfa"}}}'}, (Level.MFA,), False),
}


@pytest.mark.parametrize(("given", "levels", "essential"), ACR.values(), ids=ACR.keys())
def test_which_acr_is_wanted(given: dict[str, str], levels: tuple[Level, ...], essential: bool) -> None:
    """SU-3, ID-8."""
    request = reading({**GOOD, **given})
    assert (request.acr.levels, request.acr.essential) == (levels, essential)


def test_the_acr_a_client_registered_counts_where_the_request_says_nothing() -> None:
    """SU-3."""
    client = replace(APP, default_acr_values=("mfa",))
    assert reading(GOOD, client).acr.levels == (Level.MFA,)
    assert reading({**GOOD, "acr_values": "pwd"}, client).acr.levels == (Level.PWD,)


def test_the_claims_parameter_is_kept_without_what_nobody_understands() -> None:
    """ID-8."""
    given = {"userinfo": {"email": {"essential": True}, "x": None}, "id_token": {"email": {"y": 1}}, "z": 5}
    request = reading({**GOOD, "claims": json.dumps(given)})
    assert json.loads(request.claims or "") == {
        "userinfo": {"email": {"essential": True}, "x": None},
        "id_token": {"email": {}},
    }


def test_a_sub_that_the_claims_parameter_asks_for_names_who_is_meant() -> None:
    """SS-9, OpenID Connect Core §5.5.1."""
    assert reading({**GOOD, "claims": '{"id_token":{"sub":{"value":"u1"}}}'}).hinted == {"u1"}


def test_hints_that_are_no_plain_text_are_left_out() -> None:
    request = reading({**GOOD, "login_hint": "ana\n", "ui_locales": "de-AT de"})
    assert (request.login_hint, request.ui_locales) == ("", ("de-AT", "de"))
    assert reading({**GOOD, "login_hint": "ana@example.org"}).login_hint == "ana@example.org"


def get(query: str) -> OAuthRequest:
    values, repeated = read_pairs(query.encode())
    return OAuthRequest(method="GET", path="/oauth/authorize", query=values, repeated=repeated)


def post(form: str, query: str = "") -> OAuthRequest:
    values, repeated = read_pairs(form.encode())
    return OAuthRequest(
        method="POST",
        path="/oauth/authorize",
        query=read_pairs(query.encode())[0],
        form=values,
        repeated=repeated,
    )


def test_get_and_post_are_read_alike() -> None:
    """AZ-5."""
    text = "client_id=app&scope=openid+profile&state=%22%3C%26%25%C3%A9%2B&x=1"
    assert received(get(text)) == received(post(text)) == received(post(text, "lang=de"))
    assert received(get(text)).values["state"] == '"<&%é+'


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_post_may_not_spread_its_parameters(name: str) -> None:
    """AZ-5."""
    with pytest.raises(Refusal) as caught:
        received(post("client_id=app", f"{name}=x"))
    assert caught.value.rule == "authorize.mixed"


def test_a_parameter_without_a_value_counts_as_left_out() -> None:
    """RFC 6749 §3.1."""
    assert received(get("client_id=app&state=&prompt=")).values == {"client_id": "app"}


def test_resource_alone_may_come_several_times() -> None:
    """RFC 8707 §2, AZ-5."""
    asked = received(get("resource=https://a.example&resource=https://b.example&state=1&state=2"))
    assert asked.values["resource"].split() == ["https://a.example", "https://b.example"]
    assert asked.repeated == {"state"}
