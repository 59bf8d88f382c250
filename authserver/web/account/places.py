"""The devices where somebody is signed in, as they would recognize them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from authserver.agents import network
from authserver.authentication import UserId
from authserver.clients.find import by_client_id
from authserver.issuer import Issuer
from authserver.sessions import sso
from authserver.sessions.sso import SsoSession
from authserver.store import Session
from authserver.store.sessions import FIRST_SEEN
from authserver.web.account.agents import device_name, place
from authserver.web.context import client_ip
from authserver.web.language import gettext as _
from authserver.web.pages import Device

NEW_FOR = timedelta(days=7)
SAME_MOMENT = timedelta(minutes=1)


def devices(db: Session, issuer: Issuer, user: UserId, found: Iterable[SsoSession]) -> tuple[Device, ...]:
    """Each session with its apps, whether anybody is there, and whether the device was new with it."""
    first = {row[0]: db.database.read_time(row[1]) for row in db.hot(FIRST_SEEN, {"user": user}).fetchall()}
    now = issuer.clock()
    return tuple(_device(db, issuer, session, first.get(session.device or ""), now) for session in found)


def _device(
    db: Session, issuer: Issuer, session: SsoSession, first_seen_at: datetime | None, now: datetime
) -> Device:
    clients = (by_client_id(issuer, client_id) for client_id in sso.clients_of(db, session.id))
    new = first_seen_at is not None and session.created_at - first_seen_at <= SAME_MOMENT
    return Device(
        id=session.id,
        name=device_name(session.user_agent),
        signed_in_at=session.created_at,
        last_seen_at=session.last_seen_at,
        place=_place(session.ip),
        apps=tuple(client.name for client in clients if client is not None),
        is_new=new and now - session.created_at <= NEW_FOR,
        is_away=session.is_idle(now),
    )


def _place(ip: str) -> str:
    where, found = network(ip), place(ip)
    if where and where == network(client_ip()):
        return _("this network")
    return found if found != where else _("network %(network)s", network=where) if where else ""
