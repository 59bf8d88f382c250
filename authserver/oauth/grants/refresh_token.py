"""grant_type=refresh_token. RFC 6749 §6, RFC 9700 §4.14.2."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from authserver.audit import record
from authserver.audit.events import Event, RefreshRetried, RefreshReused, StoreBehind
from authserver.clients.client import Client
from authserver.oauth.errors import OAuthRefusal, invalid_grant, invalid_request
from authserver.oauth.server import Grant
from authserver.oauth.wanted import resources_for, scope_for
from authserver.store import Session, retrying
from authserver.tokens.grant import Grant as Family
from authserver.tokens.grant import load, revoke
from authserver.tokens.issue import NotIssued, Ready, TokenSet, Wanted, issue_tokens, ready
from authserver.tokens.refresh import (
    FarAhead,
    Outcome,
    Over,
    Presented,
    Retried,
    Reused,
    Rotated,
    read,
    settle,
    spend,
)

Ended = tuple[OAuthRefusal, str, Event | None]


class Refreshed(NamedTuple):
    """What is issued, and the generation of the refresh token to hand out."""

    ready: Ready
    generation: int


class RefreshToken(Grant):
    GRANT_TYPE = "refresh_token"

    def admit(self, client: Client, form: Mapping[str, str]) -> None:
        if not form.get("refresh_token"):
            raise invalid_request("refresh_token is missing", rule="refresh_token_missing")

    def tokens(self, client: Client) -> TokenSet:
        presented = read(self.issuer, self.request.edge.form["refresh_token"])
        if presented is None:
            raise not_valid("not a token that we made", rule="refresh_token_forged")
        outcome = retrying(lambda: self._refresh(client, presented))
        if isinstance(outcome, Refreshed):
            # Signed after the transaction: nobody else waits for the store meanwhile.
            return issue_tokens(self.issuer, outcome.ready, generation=outcome.generation)
        refusal, reason, event = outcome
        # A family ends durably before the answer, in a transaction of its own: a refusal inside would undo it.
        retrying(lambda: self._end(presented, reason, event))
        raise refusal

    def _refresh(self, client: Client, presented: Presented) -> Refreshed | Ended:
        issuer, database = self.issuer, self.issuer.database
        with database.writing_alone() as db:
            allowed = self._allowed(db, client, presented)
            if not isinstance(allowed, Ready):
                return allowed
            grant = allowed.standing.grant
            standing = grant.generation
            if presented.generation == standing and spend(
                db, issuer, client, presented, allowed.now, standing=standing
            ):
                return Refreshed(ready=allowed, generation=standing + 1)
        with database.writing_fast() as db:
            settled = self._settle(
                db, client, grant, presented, settle(db, issuer, client, presented, allowed.now)
            )
        return Refreshed(ready=allowed, generation=settled) if isinstance(settled, int) else settled

    def _allowed(self, db: Session, client: Client, presented: Presented) -> Ready | Ended:
        """All that could forbid issuing, before anything is spent."""
        form, standing = self.request.edge.form, load(db, client, presented.grant)
        if standing is None or standing.grant.client_id != client.client_id:
            raise not_valid("unknown, or another client's", rule="refresh_token_client")
        wanted = Wanted(scope=scope_for(standing.grant, form), resources=resources_for(standing.grant, form))
        try:
            return ready(db, self.issuer, client, standing, wanted)
        except NotIssued as error:
            if error.rule == "required_acr":
                raise
            return not_valid(error.detail, rule=error.rule), error.rule, None

    def _settle(
        self, db: Session, client: Client, grant: Family, presented: Presented, outcome: Outcome
    ) -> int | Ended:
        """The generation to hand out; or the refusal, and why the family ends."""
        issuer = self.issuer
        about: dict[str, Any] = {
            "subject": grant.user,
            "client": client.client_id,
            "session": grant.session,
            "grant": grant.id,
        }
        match outcome:
            case Rotated(healed=False, generation=generation):
                return generation
            case Rotated(generation=generation):
                event: Event = StoreBehind(
                    **about, presented=presented.generation, current=presented.generation - 1
                )
                record(db, event, by=self.request.edge.actor, at=issuer.clock())
                return generation
            case Retried(generation=generation):
                event = RefreshRetried(**about, generation=generation)
                record(db, event, by=self.request.edge.actor, at=issuer.clock())
                return generation
            case Reused(current=current):
                event = RefreshReused(**about, presented=presented.generation, current=current)
                return not_valid("it was used before", rule="refresh_token_reused"), "refresh_reused", event
            case FarAhead(current=current):
                event = StoreBehind(**about, presented=presented.generation, current=current)
                return not_valid("it is ahead of its row", rule="store_behind"), "store_behind", event
            case Over():
                raise not_valid("it was revoked or has expired", rule="refresh_token_over")

    def _end(self, presented: Presented, reason: str, event: Event | None) -> None:
        issuer, actor = self.issuer, self.request.edge.actor
        with issuer.database.writing() as db:
            revoke(db, issuer, presented.grant, reason=reason[:32], by=actor)
            if event is not None:
                record(db, event, by=actor, at=issuer.clock())


def not_valid(detail: str, **private: Any) -> OAuthRefusal:
    return invalid_grant("the refresh token is not valid", detail=detail, **private)
