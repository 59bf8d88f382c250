"""What an authorization request asks of the database, in one statement: the session, its person, and this app."""

from authserver.store.database import Hot
from authserver.store.sessions import OF_SESSION
from authserver.store.users import PERSON, PERSONS_OWN

VISITS = f"""SELECT c.scope, p.session_id, {PERSON}, {OF_SESSION}
               FROM sso_sessions s JOIN users u ON u.id = s.user_id {PERSONS_OWN}
          LEFT JOIN consents c ON c.user_id = s.user_id AND c.client_id = :client AND c.revoked_at IS NULL
          LEFT JOIN session_clients p ON p.session_id = s.id AND p.client_id = :client"""  # noqa: S608
# One row for each group of the person.
VISIT = Hot(f"{VISITS} WHERE s.handle_digest = :digest")
VISIT_BY_PREVIOUS = Hot(f"{VISITS} WHERE s.previous_digest = :digest")
# Where the columns of each are.
APPS = slice(2)
PERSONS = slice(2, 3 + PERSON.count(","))
SESSIONS = slice(PERSONS.stop, None)
