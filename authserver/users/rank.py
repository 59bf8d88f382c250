"""Whom an actor may change: nobody who stands above them, and roles are an owner's to give."""

from authserver.audit import Actor
from authserver.errors import Refusal

RANKS = {"owner": 4, "admin": 3, "support": 2, "auditor": 1}


def check_may_change(by: Actor, user_id: str, role: str | None) -> None:
    """Raise a Refusal unless this is oneself, or somebody of no higher rank."""
    oneself = by.kind == "user" and by.id == user_id
    if not oneself and RANKS.get(by.role or "", 0) < RANKS.get(role or "", 1):
        raise Refusal(
            "Somebody with a higher role must do this.",
            code="forbidden",
            status=403,
            detail=f"{by.label} with role {by.role} may not change a {role or 'person'}",
            rule="rank",
        )


def check_may_give(by: Actor, before: str | None, after: str | None) -> None:
    """Raise a Refusal unless the role stays as it was, or an owner changes it."""
    if before != after and by.role != "owner":
        raise Refusal(
            "Only an owner gives and takes roles.",
            code="forbidden",
            status=403,
            detail=f"{by.label} with role {by.role}: {before} to {after}",
            rule="rank.role",
            fields={"role": "Only an owner gives and takes roles."},
        )


def last_owner() -> Refusal:
    return Refusal(
        "This is the last active owner. Make somebody else an owner first.",
        code="last_owner",
        status=409,
        rule="last_owner",
        fields={"role": "This is the last active owner."},
    )
