"""Two accounts of one person, made one by an admin: what would come of it, and doing it. UP-1, ID-2."""

from dataclasses import dataclass

from authserver.audit import Actor, record
from authserver.audit.events import AccountsJoined
from authserver.authentication import UserId
from authserver.clients import find as clients
from authserver.errors import NotFound, Refusal
from authserver.input import check_version
from authserver.issuer import Issuer
from authserver.sessions import ending, sso
from authserver.store import Session, records
from authserver.store.grants import APPS_OF
from authserver.tokens import grant
from authserver.upstream import linking
from authserver.upstream.find import live
from authserver.users import edit, find
from authserver.users.user import User

REASON = "accounts_joined"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedLink:
    """A way in that leads to the account that stays from then on."""

    provider: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedApp:
    """An app that knows the person by the sub that goes. `knows_both`: it takes them for two people today."""

    client_id: str
    name: str
    knows_both: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What joining comes to. `stays` keeps its sub, its names, its role and how it signs in; `goes` is removed.

    `groups` and `email` are what the account that stays gets from the other; `lost` names what nobody keeps.
    """

    stays: User
    goes: User
    links: tuple[MovedLink, ...]
    groups: tuple[str, ...]
    email: str | None
    apps: tuple[AffectedApp, ...]
    sessions: int
    lost: tuple[str, ...]


def plan(db: Session, issuer: Issuer, stays: UserId, goes: UserId) -> Plan:
    """Look at both and change nothing. Raises a Refusal where the two are not to be joined."""
    one, other = _present(db, stays), _present(db, goes)
    _check(one, other)
    links, known = linking.of_user(db, goes), live(issuer)
    by_link = linking.groups_by_link(db, goes)
    groups = tuple(sorted(set(other.groups) - by_link - set(one.groups)))
    email = other.email if one.email is None else None
    slugs = {each.id: each.slug for each in known.every}
    return Plan(
        stays=one,
        goes=other,
        links=tuple(
            MovedLink(provider=slugs.get(each.provider_id, ""), identity=each.shown) for each in links
        ),
        groups=groups,
        email=email,
        apps=_apps(db, one, other),
        sessions=len(sso.of_user(db, issuer, goes, issuer.clock())),
        lost=tuple(_lost(db, one, other, email)),
    )


def join(
    db: Session,
    issuer: Issuer,
    stays: UserId,
    goes: UserId,
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Plan:
    """Do it: links move, everything that the other was signed in to ends, and its sub is never given again."""
    for each in sorted({stays, goes}):
        records.users.locked_user(db, each)
    found = plan(db, issuer, stays, goes)
    check_version(found.stays.version, expected_version)
    changes = {
        **({"groups": [*found.stays.groups, *found.groups]} if found.groups else {}),
        **({"email": found.email, "email_verified": found.goes.email_verified} if found.email else {}),
    }
    linking.move(db, issuer, found.goes.id, found.stays.id, by=by)
    ending.end_others(db, issuer, goes, keep=None, reason=REASON, by=by, now=issuer.clock())
    grant.revoke_where(db, issuer, reason=REASON, by=by, user=goes)
    edit.remove(db, issuer, goes, by=by)
    # Also with nothing to change: whoever may not change the one that stays is refused here, and all is undone.
    edit.edit(db, issuer, stays, changes, by=by)
    event = AccountsJoined(
        subject=stays,
        gone=goes,
        sub=found.stays.subject,
        sub_gone=found.goes.subject,
        links=[f"{each.provider}: {each.identity}" for each in found.links],
        clients=[each.client_id for each in found.apps],
    )
    record(db, event, by=by, at=issuer.clock())
    return found


def _present(db: Session, user_id: str) -> User:
    found = find.load(db, user_id)
    if found.status == "deleted":
        raise NotFound("There is no such person.", detail=f"user {user_id} was removed")
    return found


def _check(stays: User, goes: User) -> None:
    if stays.id == goes.id:
        raise _refused("This is one account already.", "join.same")
    if not stays.is_active or not goes.is_active:
        raise _refused("Both accounts must be active: whoever is kept out stays out.", "join.closed")
    if goes.role is not None:
        raise _refused(
            f"The account that goes is {goes.role}. Take that role first, or let it stay.", "join.role"
        )


def _refused(public: str, rule: str) -> Refusal:
    return Refusal(public, code="cannot_join", rule=rule, status=409)


def _apps(db: Session, stays: User, goes: User) -> tuple[AffectedApp, ...]:
    knows_stays = {row[0] for row in db.hot(APPS_OF, {"user": stays.id}).fetchall()}
    knows_goes = {row[0] for row in db.hot(APPS_OF, {"user": goes.id}).fetchall()}
    found = []
    for client_id in sorted(knows_goes):
        client = clients.find(db, client_id)
        name = client.name if client else client_id
        found.append(AffectedApp(client_id=client_id, name=name, knows_both=client_id in knows_stays))
    return tuple(found)


def _lost(db: Session, stays: User, goes: User, email: str | None) -> list[str]:
    held = find.password(db, goes.id) is not None
    return [
        *(["password"] if held else []),
        *([f"e-mail {goes.email}"] if goes.email and email is None else []),
        *([f"user name {goes.username}"] if goes.username else []),
        *(f"attribute {name}" for name in sorted(goes.attributes) if name not in stays.attributes),
        "second factors",
        "known devices",
        "consents",
    ]
