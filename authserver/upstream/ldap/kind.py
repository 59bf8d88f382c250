"""LDAP: search by a service account, then bind as whoever was found. LD-1 to LD-7."""

from collections.abc import Iterator
from datetime import datetime
from unicodedata import category
from uuid import UUID

from ldap3.utils.conv import escape_bytes, escape_filter_chars

from authserver.errors import Unavailable
from authserver.upstream.contract import (
    Authenticated,
    Denied,
    Identity,
    Passed,
    PasswordUpstream,
    Probe,
    Step,
    Why,
)
from authserver.upstream.ldap.closed import CHECKS, by_message, closed
from authserver.upstream.ldap.config import MEMBER, NAME, PRESETS, LdapConfig
from authserver.upstream.ldap.wire import Directory, Entry, Rejected

LONGEST_NAME, LONGEST_PASSWORD = 256, 1024
GUID_BYTES = 16
# Directories compare names without these, so that one name would have endless spellings, each with tries of its own.
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
OPEN_DOOR = "Your account there cannot be used. Please ask those who run it."


class Ldap(PasswordUpstream[LdapConfig]):
    """A directory; its form is our sign-in page."""

    title = "LDAP"
    says_verified = False
    presets = PRESETS
    Config = LdapConfig

    def check(self, config: LdapConfig, username: str, password: str, at: datetime) -> Identity | Denied:
        if problem := _unfit(username, password):
            return Denied(why=Why.UNKNOWN, detail=problem)
        directory = Directory(config)
        entry = _one(directory, config, config.user_filter.replace(NAME, escape_filter_chars(username)))
        if isinstance(entry, Denied):
            # Who is not there takes as long as who is.
            directory.bind(f"cn=nobody,{config.base_dn}", password, ())
            return entry
        match directory.bind(entry.dn, password, (config.subject_attribute,)):
            case Rejected(said=said) if public := by_message(said):
                return Denied(why=Why.CLOSED, detail=said, public=public)
            case Rejected(said=said):
                return Denied(why=Why.WRONG, detail=said or "the directory rejected the password")
            case bound:
                if bound.entry is None:
                    return Denied(why=Why.UNKNOWN, detail="the directory took the bind for somebody else's")
        return _let_in(directory, config, entry, at, Authenticated(at=at))

    def standing(self, config: LdapConfig, subject: str, at: datetime) -> Identity | Denied:
        directory = Directory(config)
        sought = f"({config.subject_attribute}={_escaped(config, subject)})"
        entry = _one(directory, config, sought)
        return entry if isinstance(entry, Denied) else _let_in(directory, config, entry, at, Authenticated())

    def test(self, config: LdapConfig, probe: Probe) -> Iterator[Step]:
        for server in config.servers:
            alone = Directory(config.model_copy(update={"servers": [server]}))
            try:
                base = alone.look(config.base_dn)
            except Unavailable as error:
                yield Step(
                    title=f"Connect to {server}",
                    passed=Passed.NO,
                    found=str(error),
                    remedy=_remedy(str(error)),
                )
                return
            yield _security(config, server)
            yield Step(
                title="Sign in as the service account",
                passed=Passed.YES,
                found=config.bind_dn or "anonymously",
            )
            if base is None:
                remedy = "Check base_dn, and that the service account may read it."
                found = f"{config.base_dn} is not there, or may not be read"
                yield Step(title="Find the base", passed=Passed.NO, found=found, remedy=remedy)
                return
            yield Step(title="Find the base", passed=Passed.YES, found=config.base_dn)
        if probe.name:
            yield from _looked_for(config, probe)
        else:
            remedy = "Give somebody's name to see who is found and what is read of them."
            yield Step(title="Look for somebody", passed=Passed.SKIPPED, remedy=remedy)


def _unfit(username: str, password: str) -> str:
    """Why these never reach a directory: it would take an empty password as nobody's, and let it in. LD-1."""
    if not password.strip() or "\0" in password:
        return "the password is empty or holds a NUL"
    if not username.strip() or any(category(each) in UNSEEN for each in username):
        return "the name is empty, or holds what nobody sees"
    if len(username) > LONGEST_NAME or len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD:
        return "the name or the password is too long"
    try:
        (username + password).encode("utf-8")
    except UnicodeEncodeError:
        return "the name or the password is no text"
    return ""


def _one(directory: Directory, config: LdapConfig, search_filter: str) -> Entry | Denied:
    """Exactly one hit counts. LD-2."""
    found = directory.find(search_filter, _wanted(config))
    if len(found) != 1:
        return Denied(why=Why.UNKNOWN, detail="nobody fits" if not found else "more than one fits")
    return found[0]


def _let_in(
    directory: Directory, config: LdapConfig, entry: Entry, at: datetime, authentication: Authenticated
) -> Identity | Denied:
    public, attribute = closed(entry, at)
    if public:
        return Denied(why=Why.CLOSED, detail=f"{attribute} of {entry.dn}", public=public)
    subject = _subject(config, entry)
    if not subject:
        return Denied(
            why=Why.CLOSED,
            detail=f"{entry.dn} has no {config.subject_attribute} that can be read",
            public=OPEN_DOOR,
        )
    username, email = entry.text(config.username_attribute), entry.text(config.email_attribute)
    return Identity(
        issuer=config.base_dn.lower(),
        subject=subject,
        username=username,
        name=entry.text(config.name_attribute),
        given_name=entry.text(config.given_name_attribute),
        family_name=entry.text(config.family_name_attribute),
        email=email,
        locale=entry.text("preferredLanguage"),
        attributes={name: list(entry.texts(name)) for name in config.attributes if entry.texts(name)},
        groups=_groups(directory, config, entry),
        authentication=authentication,
        shown=username or email or entry.dn,
    )


def _groups(directory: Directory, config: LdapConfig, entry: Entry) -> tuple[str, ...]:
    """Their groups, by full names as the directory has them, or by the names that a search of groups gives."""
    found = list(entry.texts(config.groups_attribute)) if config.groups_attribute else []
    if config.group_base_dn:
        sought = config.group_filter.replace(MEMBER, escape_filter_chars(entry.dn))
        for group in directory.groups(sought, config.group_name_attribute):
            found += group.texts(config.group_name_attribute)
    return tuple(sorted(set(found)))


def _wanted(config: LdapConfig) -> tuple[str, ...]:
    named = (
        config.subject_attribute,
        config.username_attribute,
        config.name_attribute,
        config.given_name_attribute,
        config.family_name_attribute,
        config.email_attribute,
        config.groups_attribute,
        "preferredLanguage",
        *config.attributes,
        *CHECKS,
    )
    return tuple(dict.fromkeys(name for name in named if name))


def _subject(config: LdapConfig, entry: Entry) -> str:
    """What stays through a new name and a new place, and is never given twice. LD-6."""
    value = next(iter(entry.values.get(config.subject_attribute.lower(), ())), b"")
    if config.subject_attribute == "objectGUID":
        return str(UUID(bytes_le=value)) if len(value) == GUID_BYTES else ""
    return value.decode("utf-8", "replace").lower()


def _escaped(config: LdapConfig, subject: str) -> str:
    if config.subject_attribute == "objectGUID":
        escaped: str = escape_bytes(UUID(subject).bytes_le)
        return escaped
    text: str = escape_filter_chars(subject)
    return text


def _security(config: LdapConfig, server: str) -> Step:
    if server.startswith("ldap://") and config.insecure_plain:
        return Step(
            title=f"Connect to {server}",
            passed=Passed.WARNED,
            found="without TLS: passwords travel in clear",
            remedy="Use ldaps://, or turn insecure_plain off.",
        )
    if config.insecure_certificates:
        return Step(
            title=f"Connect to {server}",
            passed=Passed.WARNED,
            found="its certificate is not checked: anybody between can read passwords",
            remedy="Put its authority's certificate into ca, and turn insecure_certificates off.",
        )
    return Step(title=f"Connect to {server}", passed=Passed.YES, found="TLS, with its certificate checked")


def _looked_for(config: LdapConfig, probe: Probe) -> Iterator[Step]:
    title, directory = f"Look for {probe.name}", Directory(config)
    try:
        entry = _one(directory, config, config.user_filter.replace(NAME, escape_filter_chars(probe.name)))
        found = (
            entry
            if isinstance(entry, Denied)
            else _let_in(directory, config, entry, probe.at, Authenticated())
        )
    except Unavailable as error:
        yield Step(title=title, passed=Passed.NO, found=str(error), remedy=_remedy(str(error)))
        return
    match found:
        case Denied(why=Why.CLOSED):
            yield Step(
                title=title, passed=Passed.WARNED, found=found.detail, remedy="This account is not let in."
            )
        case Denied():
            remedy = "Check user_filter and base_dn, and what the service account may read."
            yield Step(title=title, passed=Passed.NO, found=found.detail, remedy=remedy)
        case Identity():
            yield Step(
                title=title,
                passed=Passed.YES,
                found=f"{found.shown}, {config.subject_attribute} {found.subject}",
            )
            for what, value, field in (
                ("name", found.name, "name_attribute"),
                ("e-mail", found.email, "email_attribute"),
            ):
                passed, remedy = (
                    (Passed.YES, "") if value else (Passed.WARNED, f"Check {field}, if they should have one.")
                )
                yield Step(title=f"Read their {what}", passed=passed, found=value or "nothing", remedy=remedy)
            groups = ", ".join(found.groups or ()) or "none"
            yield Step(title="Read their groups", passed=Passed.YES, found=groups)


def _remedy(error: str) -> str:
    """What to do about what a connection said."""
    text = error.lower()
    table = (
        (
            "certificate",
            "Put the certificate of its authority into ca, and name the server as its certificate does.",
        ),
        ("refused the service account", "Check bind_dn and bind_password."),
        ("begin tls", "Let it offer StartTLS, or use ldaps://."),
        ("name or service not known", "Check the server's name."),
        ("timed out", "Check that a firewall lets this server through, and that the port is right."),
        ("did not answer", "Check that the port is right, and that ldaps:// and ldap:// are not mixed up."),
    )
    return next((said for mark, said in table if mark in text), "Check address and port, and that it runs.")
