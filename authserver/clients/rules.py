"""What of a client fits together. Each rule is one line: a field, a condition that must hold, a sentence."""

from collections.abc import Iterator

from authserver.clients.form import ClientForm
from authserver.clients.redirects import check_registration

Rule = tuple[str, bool, str]


def problems(form: ClientForm) -> dict[str, str]:
    """Say what does not fit, by field; empty when all does."""
    found: dict[str, str] = {}
    rules = (*_of_kind(form), *_of_sign_in(form), *_of_keys(form), *_of_grants(form), *_of_addresses(form))
    for field, holds, sentence in rules:
        if not holds:
            found.setdefault(field, sentence)
    return found


def _of_kind(form: ClientForm) -> Iterator[Rule]:
    """CL-9: what runs where people can read it keeps no secret and never acts for itself."""
    if form.kind == "public":
        yield "auth_method", form.auth_method == "none", "A public client has no way to authenticate: none."
        machine = "client_credentials" in form.grant_types
        yield "grant_types", not machine, "A public client cannot act for itself (client_credentials)."
        yield "pkce_optional", not form.pkce_optional, "A public client always does PKCE."
        yield "serves", not form.serves, "A public client cannot introspect the tokens of an API."
    else:
        yield "auth_method", form.auth_method != "none", "A confidential client authenticates."
        nonce = not form.pkce_optional or "openid" in form.scopes
        yield (
            "pkce_optional",
            nonce,
            "Only a client that signs people in (openid), with a nonce, may leave out PKCE.",
        )


def _of_sign_in(form: ClientForm) -> Iterator[Rule]:
    """Who is given people's passwords is one of ours, and said to be so."""
    ours = form.first_party or not form.json_login
    yield "json_login", ours, "Only a first-party client may ask for name and password itself."


def _of_keys(form: ClientForm) -> Iterator[Rule]:
    """CL-13."""
    both = form.jwks is not None and form.jwks_uri is not None
    yield "jwks_uri", not both, "Give its keys or the address of its keys, not both."
    if form.auth_method == "private_key_jwt":
        given = form.jwks is not None or form.jwks_uri is not None
        yield "jwks", given, "private_key_jwt needs its public keys, or the address of its keys."
    else:
        yield "jwks", form.jwks is None, "Keys are for private_key_jwt."
        yield "jwks_uri", form.jwks_uri is None, "Keys are for private_key_jwt."


def _of_grants(form: ClientForm) -> Iterator[Rule]:
    of_use = bool(form.grant_types or form.serves or form.json_login)
    yield "grant_types", of_use, "A client gets tokens in at least one way, or serves an API."
    by_code = "authorization_code" in form.grant_types
    yield "redirect_uris", bool(form.redirect_uris) or not by_code, "Say where people return to."
    signs_in = by_code or form.json_login
    refreshes = "refresh_token" not in form.grant_types or signs_in
    yield "grant_types", refreshes, "refresh_token continues authorization_code, or the JSON sign-in."
    told = signs_in or not form.backchannel_logout_uri
    yield "backchannel_logout_uri", told, "A client that signs nobody in has no sessions to be told of."
    offline = "offline_access" not in form.scopes or "refresh_token" in form.grant_types
    yield "scopes", offline, "offline_access needs the grant refresh_token."


def _of_addresses(form: ClientForm) -> Iterator[Rule]:
    """CL-11."""
    for field in ("redirect_uris", "post_logout_redirect_uris"):
        for position, uri in enumerate(getattr(form, field)):
            refusal = check_registration(uri, form.kind)
            yield f"{field}.{position}", refusal is None, refusal.public if refusal else ""
