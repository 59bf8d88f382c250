"""What stands in the directory of the tests: people, a group, a referral, and what Active Directory would say."""

from base64 import b64encode
from datetime import UTC, datetime
from uuid import UUID

from tests.peers.ldap import BASE, PEOPLE, SERVICE, SERVICE_PASSWORD, Ldap

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
PASSWORD = "Analytical engines weave"
GUID = UUID("5a3ad1f0-0a4b-4a5e-8b0f-8e2a6d6f1c11")
TICKS = (int((NOW - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) - 1) * 10_000_000


def person(uid: str, *more: str, password: str = PASSWORD) -> str:
    lines = [
        f"dn: uid={uid},{PEOPLE}",
        "objectClass: inetOrgPerson",
        "objectClass: shadowAccount",
        "objectClass: foreignPerson",
        f"uid: {uid}",
        f"cn: {uid.title()} Lovelace",
        "sn: Lovelace",
        f"userPassword: {password}",
        *more,
    ]
    return "\n".join(lines) + "\n\n"


TREE = (
    f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Example

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {SERVICE_PASSWORD}

dn: cn=policy,{BASE}
objectClass: pwdPolicy
objectClass: device
cn: policy
pwdAttribute: userPassword

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: ou=elsewhere,{BASE}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=elsewhere,{BASE}

"""
    + person("ada", "givenName: Ada", "mail: ada@example.org", "preferredLanguage: en", "title: Countess")
    + person("bob", "mail: bob@example.org")
    + person("twin", "mail: one@example.org", "sAMAccountName: shared")
    + person("twin2", "sAMAccountName: shared")
    + person("jürgen")
    + person("disabled", "userAccountControl: 514")
    + person("held", "nsAccountLock: TRUE")
    + person("ended", f"accountExpires: {TICKS}")
    + person("forever", "accountExpires: 9223372036854775807", "userAccountControl: 512")
    + person("shadow", "shadowExpire: 20000")
    + person("guided", "sAMAccountName: guided")
    + f"""dn: cn=staff,ou=groups,{BASE}
objectClass: groupOfNames
cn: staff
member: uid=ada,{PEOPLE}

"""
)


def planted() -> Ldap:
    """A directory with all of this in it."""
    server = Ldap.install()
    server.add(TREE)
    # A GUID is bytes, as Active Directory has them.
    octets = b64encode(GUID.bytes_le).decode()
    server.modify(f"dn: uid=guided,{PEOPLE}\nchangetype: modify\nadd: objectGUID\nobjectGUID:: {octets}\n")
    return server
