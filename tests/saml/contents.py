"""Messages that are signed as they should be, and say what must not be believed. SA-3, SA-5, SA-9."""

from datetime import timedelta

from lxml import etree

from tests.peers.saml import Key
from tests.saml.forge import NS, Attack, Attacks, Change, changed, find, name, type_
from tests.saml.trip import CALLBACK, DOCUMENT, Answered

DATA = "saml:Assertion/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
CONFIRMATION = "saml:Assertion/saml:Subject/saml:SubjectConfirmation"
CONDITIONS = "saml:Assertion/saml:Conditions"
AUDIENCE = f"{CONDITIONS}/saml:AudienceRestriction/saml:Audience"
STATEMENT = "saml:Assertion/saml:AuthnStatement"
NAME_ID = "saml:Assertion/saml:Subject/saml:NameID"
CODE = "samlp:Status/samlp:StatusCode"
ATTRIBUTE = "saml:Assertion/saml:AttributeStatement/saml:Attribute"
XINCLUDE = "http://www.w3.org/2001/XInclude"
NAMED = "<saml:NameID>evil</saml:NameID>"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
GOOD = f'<samlp:StatusCode Value="{STATUS}Success"/>'


def attacks(answered: Answered, key: Key) -> Attacks:
    for what, (rule, change) in {**wrong(answered), **malformed()}.items():
        yield Attack(
            name=f"signed: {what}",
            answered=answered,
            message=changed(answered, change, key),
            rule=f"saml.{rule}",
        )


def set_(path: str, attribute: str, value: str | None) -> Change:
    def change(root: type_) -> None:
        element = find(root, path) if path else root
        if value is None:
            element.attrib.pop(attribute, None)
        else:
            element.set(attribute, value)

    return change


def say(path: str, value: str) -> Change:
    def change(root: type_) -> None:
        find(root, path).text = value

    return change


def drop(path: str) -> Change:
    def change(root: type_) -> None:
        element = find(root, path)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return change


def add(path: str, xml: str, at: int | None = None) -> Change:
    def change(root: type_) -> None:
        declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
        new = etree.fromstring(f"<x {declared}>{xml}</x>")[0]
        parent = find(root, path) if path else root
        parent.insert(len(parent) if at is None else at, new)

    return change


def rename(path: str, to: str) -> Change:
    def change(root: type_) -> None:
        find(root, path).tag = to

    return change


def both(*changes: Change) -> Change:
    def change(root: type_) -> None:
        for each in changes:
            each(root)

    return change


def wrong(answered: Answered) -> dict[str, tuple[str, Change]]:
    """What is well-formed and not for us, not now, or not from them."""

    def at(minutes: float) -> str:
        return f"{answered.at + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

    return {
        "issuer of the assertion": ("issuer", say("saml:Assertion/saml:Issuer", "https://other.example")),
        "issuer of the response": ("issuer", say("saml:Issuer", "https://other.example")),
        "issuer with a blank": ("issuer", lambda root: say("saml:Issuer", f"{find(root, 'saml:Issuer').text} ")(root)),
        "issuer in another format": ("issuer", set_("saml:Assertion/saml:Issuer", "Format", "urn:other")),
        "audience of another service": ("audience", say(AUDIENCE, "https://other.example/metadata")),
        "audience in upper case": ("audience", say(AUDIENCE, DOCUMENT.upper())),
        "audience with a slash more": ("audience", say(AUDIENCE, f"{DOCUMENT}/")),
        "audience with a blank": ("audience", say(AUDIENCE, f" {DOCUMENT}")),
        "audience of another provider's side of us": ("audience", say(AUDIENCE, DOCUMENT.replace("uni", "corp"))),
        "no audience": ("audience", drop(AUDIENCE)),
        "no audience restriction": ("audience", drop(f"{CONDITIONS}/saml:AudienceRestriction")),
        "a second audience restriction": (
            "audience",
            add(CONDITIONS, "<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience>"
                "</saml:AudienceRestriction>"),
        ),
        "recipient elsewhere": ("recipient", set_(DATA, "Recipient", "https://other.example/acs")),
        "recipient of another provider's side of us": (
            "recipient", set_(DATA, "Recipient", CALLBACK.replace("uni", "corp"))),
        "no recipient": ("recipient", set_(DATA, "Recipient", None)),
        "destination elsewhere": ("destination", set_("", "Destination", "https://other.example/acs")),
        "no destination": ("destination", set_("", "Destination", None)),
        "empty destination": ("destination", set_("", "Destination", "")),
        "answers another request": ("in_response_to", set_("", "InResponseTo", "_another")),
        "answers no request": ("in_response_to", set_("", "InResponseTo", None)),
        "confirms another request": ("in_response_to", set_(DATA, "InResponseTo", "_another")),
        "confirms no request": ("in_response_to", set_(DATA, "InResponseTo", None)),
        "unsolicited altogether": (
            "in_response_to", both(set_("", "InResponseTo", None), set_(DATA, "InResponseTo", None))),
        "conditions not yet": ("not_before", set_(CONDITIONS, "NotBefore", at(2))),
        "conditions no longer": ("expired", set_(CONDITIONS, "NotOnOrAfter", at(-2))),
        "conditions that ended 61 s ago": ("expired", set_(CONDITIONS, "NotOnOrAfter", at(-61 / 60))),
        "confirmation not yet": ("not_before", set_(DATA, "NotBefore", at(2))),
        "confirmation no longer": ("expired", set_(DATA, "NotOnOrAfter", at(-2))),
        "confirmation without end": ("expired", set_(DATA, "NotOnOrAfter", None)),
        "session that is over": ("session_expired", set_(STATEMENT, "SessionNotOnOrAfter", at(-2))),
        "signed in tomorrow": ("not_before", set_(STATEMENT, "AuthnInstant", at(60 * 24))),
        "written tomorrow": ("not_before", set_("saml:Assertion", "IssueInstant", at(60 * 24))),
        "confirmed by a key": (
            "confirmation", set_(CONFIRMATION, "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")),
        "not confirmed": ("confirmation", drop(CONFIRMATION)),
        "status Requester": ("status", set_(CODE, "Value", f"{STATUS}Requester")),
        "status Responder": ("status", set_(CODE, "Value", f"{STATUS}Responder")),
        "status success in lower case": ("status", set_(CODE, "Value", f"{STATUS}success")),
        "status AuthnFailed": (
            "declined",
            both(
                set_(CODE, "Value", f"{STATUS}Responder"),
                add(CODE, f'<samlp:StatusCode Value="{STATUS}AuthnFailed"/>'),
            ),
        ),
        "version of the response": ("version", set_("", "Version", "1.1")),
        "version of the assertion": ("version", set_("saml:Assertion", "Version", "2.1")),
        "a transient name": (
            "transient", set_(NAME_ID, "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient")),
    }  # fmt: skip


def malformed() -> dict[str, tuple[str, Change]]:
    """What the schema or the profile forbids."""
    return {
        "no status": ("structure", drop("samlp:Status")),
        "two statuses": ("structure", add("", f"<samlp:Status>{GOOD}</samlp:Status>")),
        "no issuer in the assertion": ("structure", drop("saml:Assertion/saml:Issuer")),
        "no conditions": ("structure", drop(CONDITIONS)),
        "two conditions": ("structure", add("saml:Assertion", "<saml:Conditions/>")),
        "a condition nobody knows": ("conditions", add(CONDITIONS, '<saml:Condition type="x"/>')),
        "no subject": ("structure", drop("saml:Assertion/saml:Subject")),
        "two subjects": ("structure", add("saml:Assertion", f"<saml:Subject>{NAMED}</saml:Subject>")),
        "no name": ("subject", drop(NAME_ID)),
        "two names": ("structure", add("saml:Assertion/saml:Subject", NAMED)),
        "an empty name": ("name_id", say(NAME_ID, "")),
        "a blank name": ("name_id", say(NAME_ID, " \n")),
        "a name with blanks around": ("name_id", say(NAME_ID, "ada ")),
        "an element in the name": ("structure", add(NAME_ID, "<saml:x>evil</saml:x>")),
        "a name that goes on behind an element": (
            "structure", lambda root: setattr(etree.SubElement(find(root, NAME_ID), "b"), "tail", "evil")),
        "an endless name": ("subject", say(NAME_ID, "a" * 2000)),
        "an element in the audience": ("structure", add(AUDIENCE, "<saml:x/>")),
        "no confirmation data": ("structure", drop(DATA)),
        "no statement of authentication": ("structure", drop(STATEMENT)),
        "two statements of authentication": ("structure", add("saml:Assertion", "<saml:AuthnStatement/>")),
        "no instant of authentication": ("structure", set_(STATEMENT, "AuthnInstant", None)),
        "no context of authentication": ("structure", drop(f"{STATEMENT}/saml:AuthnContext")),
        "a decision about resources": ("structure", add("saml:Assertion", "<saml:AuthzDecisionStatement/>")),
        "an instant in local time": ("structure", set_(CONDITIONS, "NotOnOrAfter", "2099-01-01T00:00:00")),
        "an instant with an offset": ("structure", set_(CONDITIONS, "NotOnOrAfter", "2099-01-01T00:00:00+14:00")),
        "an instant that is none": ("structure", set_(CONDITIONS, "NotOnOrAfter", "2099-13-32T25:61:61Z")),
        "an instant in words": ("structure", set_(CONDITIONS, "NotBefore", "yesterday")),
        "an empty instant": ("structure", set_(DATA, "NotOnOrAfter", "")),
        "the end of the calendar": ("structure", set_(DATA, "NotOnOrAfter", "9999-12-31T23:59:59Z")),
        "no version": ("structure", set_("saml:Assertion", "Version", None)),
        "an encrypted assertion": ("encrypted", rename("saml:Assertion", name("saml:EncryptedAssertion"))),
        "an encrypted name": ("encrypted", rename(NAME_ID, name("saml:EncryptedID"))),
        "an encrypted attribute": (
            "encrypted", rename(ATTRIBUTE, name("saml:EncryptedAttribute"))),
        "no assertion": ("one_assertion", drop("saml:Assertion")),
        "an assertion of SAML 1.1": (
            "structure", rename("saml:Assertion", "{urn:oasis:names:tc:SAML:1.0:assertion}Assertion")),
        "an assertion without namespace": ("structure", rename("saml:Assertion", "Assertion")),
        "a logout response": ("structure", lambda root: setattr(root, "tag", name("samlp:LogoutResponse"))),
        "an artifact response": ("structure", lambda root: setattr(root, "tag", name("samlp:ArtifactResponse"))),
        "an ID that is an XPointer": ("signature", set_("saml:Assertion", "ID", "xpointer(/)")),
        "an ID with a hash in front": ("signature", set_("saml:Assertion", "ID", "#_evil")),
        "an ID with a blank": ("signature", set_("saml:Assertion", "ID", "_evil ")),
        "an ID twice": ("duplicate_id", lambda root: set_("samlp:Status", "ID", str(root.get("ID")))(root)),
        "an ID twice, as xml:id": (
            "duplicate_id",
            lambda root: set_("samlp:Status", "{http://www.w3.org/XML/1998/namespace}id", str(root.get("ID")))(root),
        ),
        "an ID twice, in lower case": (
            "duplicate_id", lambda root: set_("samlp:Status", "id", str(root.get("ID")))(root)),
        "an ID twice, in a namespace": (
            "duplicate_id", lambda root: set_("samlp:Status", "{urn:x}Id", str(root.get("ID")))(root)),
        "XInclude in a value": (
            "structure",
            add(NAME_ID, f'<xi:include xmlns:xi="{XINCLUDE}" href="file:///etc/passwd" parse="text"/>'),
        ),
    }  # fmt: skip
