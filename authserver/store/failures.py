"""Wrong answers that were given for an account, known or unknown; see limits/passwords.py."""

from authserver.store.database import Hot

OF_ACCOUNT = Hot("SELECT at, counted FROM failures WHERE account = :account AND kind = :kind ORDER BY at, id")

TRY = Hot(
    "INSERT INTO failures (id, account, kind, at, counted) VALUES (:id, :account, :kind, :at, :counted)"
)

COUNT = Hot("UPDATE failures SET counted = :counted WHERE id = :id")

FORGIVE = Hot("DELETE FROM failures WHERE id = :id")

# A try that is still looked at stays: whoever made it decides it, and two who wait for each other decide nothing.
RESET = Hot(
    """DELETE FROM failures
        WHERE id = :made
           OR (account = :account AND kind IN (:kind, :device) AND (counted = :counted OR at <= :stale))"""
)

CLEAR_KIND = Hot("DELETE FROM failures WHERE account = :account AND kind = :kind")

CLEAR = Hot("DELETE FROM failures WHERE account = :account")

# Named as its index names them: those of people are few, and go with the next full sign-in.
SWEEP_STRANGERS = Hot("DELETE FROM failures WHERE kind = 'stranger' AND at < :before")
