"""Records as the admin API shows them: what is named here and nothing else, so that no secret slips through. KEY-8."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from authserver.agents import described
from authserver.apis.api import Api
from authserver.audit.find import Entry
from authserver.clients.client import Client
from authserver.clients.edit import as_form
from authserver.groups.attributes import Attribute
from authserver.groups.group import Group
from authserver.keys.rotation import SigningKey
from authserver.login.inviting import Invitation
from authserver.login.one_account import Plan
from authserver.sessions.sso import SsoSession
from authserver.settings.setting import Change, Setting
from authserver.upstream.contract import Step
from authserver.upstream.find import Listed
from authserver.upstream.provider import Broken, Provider
from authserver.users.api_tokens import ApiToken
from authserver.users.exempt import Exemption
from authserver.users.find import StoredPassword
from authserver.users.user import User

Shown = dict[str, Any]


def client(found: Client) -> Shown:
    return {
        "client_id": found.client_id,
        **as_form(found),
        "secrets": [{"set": True, "expires_at": each.expires_at} for each in found.secrets],
        "version": found.version,
    }


def api(found: Api) -> Shown:
    scopes = [
        _named(scope, ("name", "sentences", "clients", "groups", "required_acr", "required_max_age"))
        for scope in found.scopes
    ]
    rest = (
        "id",
        "identifier",
        "name",
        "token_lifetime",
        "required_acr",
        "required_max_age",
        "is_default",
        "version",
    )
    return {**_named(found, rest), "scopes": scopes}


def group(found: Group) -> Shown:
    return _named(
        found, ("name", "title", "second_factor", "max_sessions", "members", "created_at", "version")
    )


def attribute(found: Attribute) -> Shown:
    return _named(found, ("name", "title", "type", "edited_by", "scope", "tokens", "built_in", "version"))


def user(found: User) -> Shown:
    return _named(
        found,
        (
            "id", "subject", "username", "name", "email", "email_verified", "locale", "status", "role", "groups",
            "max_sessions", "attributes", "created_at", "updated_at", "last_sign_in_at", "version",
        ),
    )  # fmt: skip


def session(found: SsoSession, clients: Iterable[str]) -> Shown:
    """A session by its sid; what a browser shows for it is known to nobody. SS-8."""
    rest = (
        "id",
        "user",
        "kind",
        "user_agent",
        "ip",
        "remembered",
        "created_at",
        "last_seen_at",
        "idle_until",
        "expires_at",
    )
    proved = found.authentication
    device = " on ".join(word for word in described(found.user_agent) if word)
    about = {"device": device, "acr": proved.acr, "amr": list(proved.amr), "clients": list(clients)}
    return {**_named(found, rest), **about}


def user_in_full(found: User, password: StoredPassword | None, exempt: Exemption | None) -> Shown:
    """With whether there is a password (AD-6), and why no second factor is demanded, if so."""
    held = {"set": password is not None, "changed_at": password.changed_at if password else None}
    return {**user(found), "password": held, "exempt": exemption(exempt) if exempt else None}


def exemption(found: Exemption) -> Shown:
    return _named(found, ("reason", "made_by", "made_at", "until"))


def invitation(found: Invitation) -> Shown:
    return _named(found, ("id", "email", "app", "groups", "made_by", "made_at", "expires_at"))


def plan(found: Plan) -> Shown:
    """What joining two accounts comes to."""
    links = [_named(each, ("provider", "identity")) for each in found.links]
    apps = [_named(each, ("client_id", "name", "knows_both")) for each in found.apps]
    sides = {"stays": user(found.stays), "goes": user(found.goes)}
    subs = {"sub": found.stays.subject, "sub_gone": found.goes.subject}
    return {
        **sides,
        **subs,
        "links": links,
        "apps": apps,
        **_named(found, ("groups", "email", "sessions", "lost")),
    }


def setting(found: Setting) -> Shown:
    return _named(
        found,
        (
            "name", "value", "default", "origin", "where", "description", "schema", "changed_by", "changed_at",
            "version",
        ),
    )  # fmt: skip


def change(found: Change) -> Shown:
    return _named(found, ("id", "name", "old", "new", "by", "at"))


def key(found: SigningKey) -> Shown:
    return _named(found, ("kid", "alg", "state", "created_at", "activates_at", "retires_at", "purge_at"))


def provider(found: Provider) -> Shown:
    rest = ("slug", "preset", "title", "status", "position", "created_at", "updated_at", "version")
    beside = {"config": found.shown_config(), "rules": found.rules.model_dump(mode="json")}
    return {**_named(found, rest), "kind": found.kind_name, **beside}


def listed_provider(found: Listed) -> Shown:
    each = found.provider
    problem = each.problem if isinstance(each, Broken) else None
    rest = {"kind": each.kind_name, "links": found.links, "problem": problem}
    return {**_named(each, ("slug", "title", "status", "version")), **rest}


def step(found: Step) -> Shown:
    return {**_named(found, ("title", "found", "remedy")), "passed": found.passed.value}


def token(found: ApiToken, now: datetime) -> Shown:
    rest = (
        "id", "name", "role", "scopes", "made_by", "made_with", "created_at", "expires_at", "last_used_at",
        "revoked_at",
    )  # fmt: skip
    return {**_named(found, rest), "state": found.state(now)}


def entry(found: Entry) -> Shown:
    return _named(found, tuple(Entry.__dataclass_fields__))


def _named(record: object, names: tuple[str, ...]) -> Shown:
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value) if isinstance(value, Mapping) else value
