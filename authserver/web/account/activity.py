"""What happened in an account, in sentences for its owner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from authserver.audit import find
from authserver.audit.find import Entry
from authserver.clients.find import by_client_id
from authserver.factors.registry import factors
from authserver.issuer import Issuer
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.web.account.agents import device_name, place
from authserver.web.language import gettext as _
from authserver.web.pages_account import Happened
from authserver.web.pages_words import translated

PAGE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Some of it, the newest first. `last` is the sign-in before the one that reads this."""

    entries: tuple[Happened, ...]
    last: Happened | None
    older_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Knows what the words of an event stand for."""

    issuer: Issuer
    own: SsoSession

    def tell(self, entry: Entry) -> Happened:
        sentence = SENTENCES[entry.event](self, entry)
        return Happened(
            sentence=sentence,
            at=entry.at,
            device=device_name(entry.user_agent) if entry.user_agent else "",
            place=place(entry.ip or ""),
            is_here=entry.session == self.own.id,
            is_warning=entry.event in WARNINGS,
        )

    def app(self, entry: Entry) -> str:
        client = by_client_id(self.issuer, entry.client) if entry.client else None
        return client.name if client is not None else _("an app that is gone")

    def factor(self, name: object) -> str:
        known = factors(self.issuer).get(str(name))
        return translated(known.prompt.title) if known is not None else str(name)


def page(db: Session, issuer: Issuer, session: SsoSession, *, before: str) -> Found:
    """The events that are told, a page at a time."""
    teller = Teller(issuer=issuer, own=session)
    found = find.of_person(db, session.user, SENTENCES, before=before, limit=PAGE)
    return Found(
        entries=tuple(teller.tell(entry) for entry in found.items),
        last=None if before else _last_sign_in(db, session, teller),
        older_url=f"/account/activity?before={found.next}" if found.next else "",
    )


def _last_sign_in(db: Session, session: SsoSession, teller: Teller) -> Happened | None:
    found = find.of_person(db, session.user, ("sign_in",), limit=PAGE).items
    return next((teller.tell(entry) for entry in found if entry.session != session.id), None)


def _signed_in(teller: Teller, entry: Entry) -> str:
    levels = {"mfa": _("with two steps"), "mfa-low": _("with two steps"), "phr": _("with a passkey")}
    how = levels.get(str(entry.data.get("acr")))
    if how is None and "upstream" in entry.data.get("amr", ()):
        return _("Signed in by a provider")
    return _("Signed in %(how)s", how=how) if how else _("Signed in with a password")


def _ended(teller: Teller, entry: Entry) -> str:
    reasons: Mapping[str, str] = {
        "signed_out": _("Signed out"),
        "replaced": _("A new sign-in took the place of one in the same browser"),
        "expired": _("A sign-in ended because it had lasted as long as it may"),
        "taken_over": _("A device was signed out to make room for another one"),
        "password_changed": _("A device was signed out because the password changed"),
        "ended_by_admin": _("An administrator signed a device out"),
        "provider_ended": _("An administrator signed a device out"),
        "provider_removed": _("An administrator signed a device out"),
        "directory_closed": _("A device was signed out because the directory closed the account"),
    }
    return reasons.get(str(entry.data.get("reason")), _("A device was signed out"))


def _password(teller: Teller, entry: Entry) -> str:
    return _("An administrator set a new password") if _by_admin(entry) else _("Changed the password")


def _closed(teller: Teller, entry: Entry) -> str:
    if entry.data.get("locked"):
        return _("Too many wrong codes locked the second step")
    return _("Too many wrong tries closed sign-in for a while")


def _changed(teller: Teller, entry: Entry) -> str:
    acts = {
        "locked": _("An administrator locked the account"),
        "unlocked": _("An administrator unlocked the account"),
        "disabled": _("An administrator switched the account off"),
        "enabled": _("An administrator switched the account on"),
        "added": _("The account was made"),
        "epoch_moved": _("Signed out everywhere else"),
    }
    edited = (
        _("Changed the profile")
        if entry.actor.startswith("user:")
        else _("An administrator changed the account")
    )
    return acts.get(str(entry.data.get("act")), edited)


def _by_admin(entry: Entry) -> bool:
    return bool(entry.data.get("by_admin"))


SENTENCES: Mapping[str, Callable[[Teller, Entry], str]] = {
    "sign_in": _signed_in,
    "sign_in_failed": lambda _teller, _entry: _("A sign-in failed: the password or the code was wrong"),
    "password_closed": _closed,
    "second_step_closed": _closed,
    "password_changed": _password,
    "new_device": lambda _teller, _entry: _("Signed in on a device for the first time"),
    "unusual_place": lambda _teller, _entry: _("Signed in from a place for the first time"),
    "email_changed": lambda _teller, entry: (
        _("An administrator changed the e-mail address")
        if _by_admin(entry)
        else _("Changed the e-mail address")
    ),
    "registered": lambda _teller, _entry: _("The account was registered"),
    "terms_accepted": lambda _teller, entry: _(
        "Accepted the terms, version %(version)s", version=str(entry.data.get("version"))
    ),
    "data_exported": lambda _teller, _entry: _("Took a copy of the data"),
    "provider_linked": lambda _teller, entry: _(
        "Connected an account elsewhere: %(identity)s", identity=str(entry.data.get("identity"))
    ),
    "provider_unlinked": lambda _teller, entry: _(
        "Disconnected an account elsewhere: %(identity)s", identity=str(entry.data.get("identity"))
    ),
    "device_trusted": lambda _teller, _entry: _("Chose to skip the second step on a device for a while"),
    "device_trust_ended": lambda _teller, _entry: _("The second step is asked on a device again"),
    "password_reset_asked": lambda _teller, _entry: _("A link for a new password was asked for"),
    "passkey_copied": lambda _teller, _entry: _("A passkey that looks copied was refused"),
    "code_sent": lambda _teller, _entry: _("A code was mailed for a sign-in"),
    "factor_added": lambda teller, entry: _("Set up: %(way)s", way=teller.factor(entry.data.get("factor"))),
    "factor_removed": lambda teller, entry: _(
        "Removed: %(way)s", way=teller.factor(entry.data.get("factor"))
    ),
    "recovery_codes_made": lambda _teller, _entry: _("Made new recovery codes"),
    "recovery_code_used": lambda _teller, _entry: _("Used a recovery code"),
    "session_ended": _ended,
    "consent_given": lambda teller, entry: _("Allowed %(app)s access", app=teller.app(entry)),
    "consent_withdrawn": lambda teller, entry: _("Withdrew access from %(app)s", app=teller.app(entry)),
    "refresh_reused": lambda teller, entry: _(
        "A token of %(app)s was used twice, so its access ended", app=teller.app(entry)
    ),
    "changed": _changed,
}
WARNINGS = frozenset(
    {
        "sign_in_failed",
        "password_closed",
        "second_step_closed",
        "refresh_reused",
        "recovery_code_used",
        "passkey_copied",
    }
)
