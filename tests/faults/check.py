"""The clients' notes against the database: what was issued twice, forgotten, or ended without a reason."""

from tests.faults.notes import Code, Family, Notes
from tests.outlived import OUTLIVED
from tests.serve import Deployment


def violations(deployment: Deployment, notes: Notes, held: set[str]) -> list[str]:
    """Each is a broken promise; none is allowed. `held` are codes of earlier rounds."""
    return [
        *notes.surprises,
        *(f"the token {jti} was issued {times} times" for jti, times in notes.jtis.items() if times > 1),
        *_of_codes(deployment, notes, held),
        *_of_families(deployment, notes),
        *_of_sessions(deployment, notes),
        *(f"the family {row[0]} outlived its session" for row in deployment.rows(OUTLIVED)),
    ]


def _of_codes(deployment: Deployment, notes: Notes, held: set[str]) -> list[str]:
    rows = deployment.rows("SELECT key, consumed_at FROM tickets WHERE kind = 'code'")
    spent = {key for key, consumed_at in rows if consumed_at is not None}
    found = [f"the code {key} is spent, and nobody has it" for key in spent - notes.codes.keys() - held]
    kept = {key for key, _ in rows}
    for code in notes.codes.values():
        if code.key in kept:
            found += _of_code(code, was_spent=code.key in spent)
    return found


def _of_code(code: Code, *, was_spent: bool) -> list[str]:
    found = []
    if code.answers > 1 or len(code.families) > 1:
        found.append(f"the code {code.key} was answered {code.answers} times")
    if code.answers and not was_spent:
        found.append(f"the code {code.key} was answered, and is not spent")
    if was_spent and not code.answers and not code.lost:
        found.append(f"the code {code.key} is spent, and no request of it was lost")
    return found


def _of_families(deployment: Deployment, notes: Notes) -> list[str]:
    rows = deployment.rows("SELECT id, generation, revoked_at, revoke_reason, session_id FROM grants")
    known = {row[0]: row[1:] for row in rows}
    return [
        sentence
        for family in notes.families.values()
        for sentence in _of_family(family, known.get(family.id))
    ]


def _of_family(family: Family, row: tuple[object, ...] | None) -> list[str]:
    if row is None:
        return [f"the family {family.id} was answered, and is unknown"]
    generation, revoked_at, reason, session = row
    found = [
        f"generation {presented} of {family.id} was answered with {sorted(successors)}"
        for presented, successors in family.successors.items()
        if successors != {presented + 1}
    ]
    if revoked_at is not None:
        found.append(f"the family {family.id} was revoked: {reason}")
    if generation != family.generation:
        found.append(f"{family.id} is at generation {generation}, its app at {family.generation}")
    if session != family.sid:
        found.append(f"{family.id} is of the session {session}, its app was told {family.sid}")
    return found


def _of_sessions(deployment: Deployment, notes: Notes) -> list[str]:
    known = dict(deployment.rows("SELECT id, ended_at FROM sso_sessions"))
    return [
        f"the session {seat.sid} {'has ended' if seat.sid in known else 'is unknown'}"
        for seat in notes.seats
        if seat.sid not in known or known[seat.sid] is not None
    ]
