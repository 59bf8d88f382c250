"""grant_type=authorization_code. RFC 6749 §4.1.3, RFC 7636 §4.5.

Everything is checked first, then the code is spent, then tokens are made: after the spending nothing may refuse.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from authserver.audit import record
from authserver.audit.events import CodeReplayed
from authserver.clients.client import Client
from authserver.oauth.errors import OAuthRefusal, invalid_grant, invalid_request
from authserver.oauth.server import Grant
from authserver.oauth.wanted import resources_for
from authserver.once import Spent, Ticket, peek_with_grant, spend
from authserver.opaque import same
from authserver.store import retrying
from authserver.tokens.grant import Standing, revoke, standing_of
from authserver.tokens.issue import Ready, TokenSet, Wanted, issue_tokens, ready

KIND = "code"
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Its own client brought a code again, with the right verifier, long after it was spent. TK-3."""

    grant: str


class AuthorizationCode(Grant):
    GRANT_TYPE = "authorization_code"

    def admit(self, client: Client, form: Mapping[str, str]) -> None:
        if not form.get("code"):
            raise invalid_request("code is missing", rule="code_missing")
        if not form.get("redirect_uri"):
            raise invalid_request("redirect_uri is missing", rule="redirect_uri_missing")
        verifier = form.get("code_verifier")
        if verifier is not None and not VERIFIER.fullmatch(verifier):
            raise invalid_request("code_verifier is malformed", rule="code_verifier_malformed")

    def tokens(self, client: Client) -> TokenSet:
        outcome = retrying(lambda: self._redeem(client))
        if isinstance(outcome, Replayed):
            retrying(lambda: self._punish(client, outcome))
            raise not_valid("the code was spent before, and its tokens are now revoked", rule="code_replayed")
        # Signed after the transaction: nobody else waits for the store meanwhile.
        first = 0 if "refresh_token" in client.grant_types else None
        return issue_tokens(self.issuer, outcome, generation=first)

    def _redeem(self, client: Client) -> Ready | Replayed:
        issuer, form, now = self.issuer, self.request.edge.form, self.issuer.clock()
        with issuer.database.writing_alone() as db:
            found, beside = peek_with_grant(
                db, issuer.roots, KIND, form["code"], idle_ends=client.idle_ends_tokens, now=now
            )
            if not isinstance(found, (Ticket, Spent)) or found.grant is None:
                raise not_valid("unknown or expired", rule="code_unknown")
            check_binding(client, form, found.payload)
            if isinstance(found, Spent):
                return self._again(found, now)
            if not beside[0]:
                raise not_valid("the grant of the code is gone", rule="code_unknown")
            standing = standing_of(db, beside)
            wanted = self._wanted(client, standing, form, found.payload)
            allowed = ready(db, issuer, client, standing, wanted)
            if not spend(db, found, now=now):
                raise not_valid("another request spent it first, or its grant ended", rule="code_spent")
        return allowed

    def _wanted(
        self, client: Client, standing: Standing, form: Mapping[str, str], payload: Mapping[str, Any]
    ) -> Wanted:
        return Wanted(
            scope=standing.grant.scope,
            resources=resources_for(standing.grant, form),
            nonce=payload.get("nonce"),
        )

    def _again(self, spent: Spent, now: datetime) -> Replayed:
        since = now - spent.at
        if since <= timedelta(seconds=self.issuer.settings.code_replay_grace):
            raise not_valid(f"spent {since.total_seconds():.0f} s ago: a double submit", rule="code_spent")
        return Replayed(grant=str(spent.grant))

    def _punish(self, client: Client, replayed: Replayed) -> None:
        issuer, actor = self.issuer, self.request.edge.actor
        with issuer.database.writing() as db:
            if revoke(db, issuer, replayed.grant, reason="code_replayed", by=actor):
                event = CodeReplayed(client=client.client_id, grant=replayed.grant)
                record(db, event, by=actor, at=issuer.clock())


def check_binding(client: Client, form: Mapping[str, str], payload: Mapping[str, Any]) -> None:
    """The code belongs to this client, this redirect_uri and this verifier; a miss spends nothing. TK-2."""
    if payload["client_id"] != client.client_id:
        raise not_valid("it was issued to another client", rule="code_client", value=client.client_id)
    if payload["redirect_uri"] != form["redirect_uri"]:
        raise not_valid(
            "redirect_uri is not the one of the authorization request",
            rule="code_redirect_uri",
            value=form["redirect_uri"],
            nearest=payload["redirect_uri"],
        )
    challenge, verifier = payload.get("challenge"), form.get("code_verifier")
    if challenge is None and verifier is not None:
        raise not_valid("a verifier came, but no challenge was sent", rule="code_verifier_unasked")
    if challenge is not None and (
        verifier is None or not same(create_s256_code_challenge(verifier), challenge)
    ):
        raise not_valid("the code_verifier does not match the challenge", rule="code_verifier")


def not_valid(detail: str, **private: Any) -> OAuthRefusal:
    """One body for unknown, expired, foreign and used codes. TK-2."""
    return invalid_grant("the code is not valid", detail=detail, **private)
