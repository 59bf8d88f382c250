"""Consent: what a person allowed an app to have, as an immutable record."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    user: str
    client_id: str
    scope: frozenset[str]
    granted_at: datetime
