"""What can only be read: the keys that sign, and the audit."""

from flask import Response

from authserver.audit import find as audit
from authserver.errors import NotFound
from authserver.keys import rotation
from authserver.web.api import reading, shown
from authserver.web.api.answering import answer, listed, looked
from authserver.web.api.table import noun, route

keys, events = noun("keys"), noun("audit")
LIST = (*audit.FILTERS, "limit", "after")


@route(keys, "GET", scope="keys:read", gives="Key[]")
def list_keys() -> Response:
    """List the keys that sign tokens: next, active, retiring, retired."""
    reading.query()
    return listed(map(shown.key, looked(rotation.all_keys)), None)


@route(keys, "GET", "/<kid>", scope="keys:read", gives="Key")
def show_key(kid: str) -> Response:
    """Show a key that signs tokens, never the key itself."""
    found = next((each for each in looked(rotation.all_keys) if each.kid == kid), None)
    if found is None:
        raise NotFound("There is no such key.", detail=f"no signing key {kid!r}")
    return answer(shown.key(found))


@route(events, "GET", scope="audit:read", gives="Event[]", query=LIST)
def list_events() -> Response:
    """Read who did what, the newest first."""
    given = reading.query(*LIST)
    most, start = reading.limit(given), reading.after(given)
    wanted = {name: given[name] for name in audit.FILTERS if given.get(name)}
    page = looked(lambda db: audit.page(db, wanted, before=start, limit=most))
    return listed(map(shown.entry, page.items), page.next)


@route(events, "GET", "/<event_id>", scope="audit:read", gives="Event")
def show_event(event_id: str) -> Response:
    """Read one event."""
    return answer(shown.entry(looked(lambda db: audit.load(db, event_id))))
