"""Whether a second factor is demanded: of everybody, of a group, at a client. The strictest rule holds. AD-9."""

from enum import IntEnum

from authserver.authentication import Level, UserId
from authserver.clients.client import Client
from authserver.groups.find import any_rules, rules_for
from authserver.issuer import Issuer
from authserver.store import Session
from authserver.users.exempt import is_exempt


class Rule(IntEnum):
    """From lax to strict, by the words of settings and forms."""

    OFF = 0
    OPTIONAL = 1
    REQUIRED = 2

    @property
    def least(self) -> Level:
        """What a sign-in must reach under it."""
        return Level.MFA_LOW if self is Rule.REQUIRED else Level.PWD


def rule_for_all(issuer: Issuer) -> Rule:
    """What holds for somebody of whom nothing is known yet."""
    return Rule[issuer.settings.second_factor.upper()]


def rule_for_everybody(issuer: Issuer, client: Client) -> Rule | None:
    """What holds for whoever comes for this client; None where it depends on their groups, or on exemptions."""
    strictest = max(rule_for_all(issuer), Rule[(client.second_factor or "off").upper()])
    return None if strictest is Rule.REQUIRED or any_rules(issuer) else strictest


def rule_for(db: Session, issuer: Issuer, user: UserId, client: Client | None = None) -> Rule:
    """What holds for this person at this client, or in their own account; whoever is exempt is demanded nothing."""
    words = [*rules_for(db, issuer, user), *([client.second_factor] if client else ())]
    strictest = max(rule_for_all(issuer), *(Rule[word.upper()] for word in words if word), Rule.OFF)
    if strictest is Rule.REQUIRED and is_exempt(db, issuer, user):
        return Rule.OPTIONAL
    return strictest
