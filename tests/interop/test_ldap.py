"""LDAP against a real OpenLDAP: who is found, who is let in, and what a directory may not do to us."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import pytest

from authserver.clients.remote import Fetcher
from authserver.errors import Unavailable
from authserver.input import read
from authserver.upstream.contract import Denied, Identity, Passed, Probe, Step, Why
from authserver.upstream.http import Http
from authserver.upstream.ldap.config import PRESETS, LdapConfig
from authserver.upstream.ldap.kind import Ldap
from authserver.upstream.ldap.wire import Directory
from tests.interop.tree import GUID, NOW, PASSWORD, person
from tests.peers import certificates
from tests.peers.ldap import BASE, PEOPLE, SERVICE, SERVICE_PASSWORD
from tests.peers.ldap import Ldap as Slapd


def config(directory: Slapd, **more: Any) -> LdapConfig:
    given = {
        "servers": [directory.tls_url],
        "ca": directory.authority,
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "base_dn": BASE,
    }
    return read(LdapConfig, given | more)


def check(config: LdapConfig, username: str, password: str = PASSWORD) -> Identity | Denied:
    return Ldap().check(config, username, password, NOW)


def refused(found: Identity | Denied) -> Denied:
    assert isinstance(found, Denied), found
    return found


def let_in(found: Identity | Denied) -> Identity:
    assert isinstance(found, Identity), found
    return found


@pytest.mark.parametrize("by", ["tls_url", "url"], ids=["ldaps", "starttls"])
def test_a_person_signs_in_over_tls(directory: Slapd, by: str) -> None:
    """LD-3, LD-6: what is read of them; the subject is the entry's UUID."""
    found = let_in(check(config(directory, servers=[getattr(directory, by)], attributes=["title"]), "ada"))
    assert (found.username, found.name, found.given_name, found.family_name) == (
        "ada",
        "Ada Lovelace",
        "Ada",
        "Lovelace",
    )
    assert (found.email, found.email_verified, found.locale) == ("ada@example.org", False, "en")
    assert UUID(found.subject)
    assert found.attributes == {"title": ["Countess"]}
    assert found.authentication.at == NOW


@pytest.mark.parametrize("password", ["", " ", "\t\n", "\0", f"{PASSWORD}\0", "x" * 2000, "\ud800"])
def test_an_empty_password_reaches_no_directory(directory: Slapd, password: str) -> None:
    """LD-1: many directories take an empty password as nobody's, and say yes."""
    nowhere = config(directory, servers=["ldaps://127.0.0.1:1"])
    assert refused(check(nowhere, "ada", password)).why is Why.UNKNOWN


def test_the_service_account_needs_a_password(directory: Slapd) -> None:
    """LD-1"""
    with pytest.raises(Exception, match="cannot be saved"):
        config(directory, bind_password="")


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "a*",
        ")(uid=*",
        "ada)(objectClass=*",
        "*)(|(uid=*",
        "\\00",
        "\\2a",
        "ada\\",
        "(",
        "ada,dc=x",
        "#ada",
        "\uff0a",
    ],
)
def test_a_name_is_never_part_of_the_question(directory: Slapd, name: str) -> None:
    """LD-2: escaped, and found by nobody."""
    assert refused(check(config(directory), name)).why is Why.UNKNOWN


def test_names_in_utf_8_are_found(directory: Slapd) -> None:
    """LD-2"""
    assert let_in(check(config(directory), "jürgen")).username == "jürgen"


def test_more_than_one_hit_is_nobody(directory: Slapd) -> None:
    """LD-2"""
    both = config(directory, user_filter="(sAMAccountName={username})")
    found = refused(check(both, "shared"))
    assert (found.why, found.detail) == (Why.UNKNOWN, "more than one fits")


def test_a_wrong_password_counts_and_an_unknown_name_does_not(directory: Slapd) -> None:
    """LD-7: both read as wrong; only the first was really rejected."""
    assert refused(check(config(directory), "ada", "wrong")).why is Why.WRONG
    assert refused(check(config(directory), "nobody", "wrong")).why is Why.UNKNOWN
    for answered in (check(config(directory), "ada", "wrong"), check(config(directory), "nobody")):
        assert refused(answered).public == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [("disabled", "disabled"), ("held", "disabled"), ("ended", "expired"), ("shadow", "expired")],
)
def test_closed_accounts_are_told_so_with_the_right_password_alone(
    directory: Slapd, name: str, says: str
) -> None:
    """LD-5, LD-7: although the bind succeeds."""
    told = refused(check(config(directory), name))
    assert told.why is Why.CLOSED
    assert says in told.public
    assert refused(check(config(directory), name, "wrong")).public == ""


def test_never_is_not_in_the_past(directory: Slapd) -> None:
    """LD-5: Active Directory's words for "never expires"."""
    assert let_in(check(config(directory), "forever"))


def test_a_lock_by_policy_is_seen_by_the_job(directory: Slapd) -> None:
    """LD-5: whoever signed in before is looked up again, without a password."""
    subject = let_in(check(config(directory), "bob")).subject
    assert let_in(Ldap().standing(config(directory), subject, NOW)).username == "bob"
    lock = "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z"
    directory.modify(f"dn: uid=bob,{PEOPLE}\nchangetype: modify\n{lock}\n")
    try:
        assert refused(Ldap().standing(config(directory), subject, NOW)).why is Why.CLOSED
        assert isinstance(check(config(directory), "bob"), Denied)
    finally:
        directory.modify(f"dn: uid=bob,{PEOPLE}\nchangetype: modify\ndelete: pwdAccountLockedTime\n")
    missing = str(UUID(int=1))
    assert refused(Ldap().standing(config(directory), missing, NOW)).why is Why.UNKNOWN


def test_a_rename_keeps_the_subject_and_a_reused_name_does_not_inherit_it(directory: Slapd) -> None:
    """LD-6"""
    directory.add(person("grace"))
    before = let_in(check(config(directory), "grace")).subject
    directory.modify(f"dn: uid=grace,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=hopper\ndeleteoldrdn: 1\n")
    assert let_in(check(config(directory), "hopper")).subject == before
    directory.add(person("grace"))
    assert let_in(check(config(directory), "grace")).subject != before


def test_a_guid_is_read_from_its_bytes(directory: Slapd) -> None:
    """LD-6: and finds its person again."""
    active = {
        name: value for name, value in PRESETS["active-directory"].config.items() if name != "user_filter"
    }
    settings = config(directory, **active, user_filter="(sAMAccountName={username})")
    assert let_in(check(settings, "guided")).subject == str(GUID)
    assert let_in(Ldap().standing(settings, str(GUID), NOW)).username == "guided"
    assert refused(check(settings, "twin2")).why is Why.UNKNOWN


def test_groups_come_by_attribute_or_by_search(directory: Slapd) -> None:
    """Each source gives the names as the directory has them."""
    assert let_in(check(config(directory, groups_attribute="memberOf"), "ada")).groups == (
        f"cn=staff,ou=groups,{BASE}",
    )
    searched = config(directory, group_base_dn=f"ou=groups,{BASE}")
    assert let_in(check(searched, "ada")).groups == ("staff",)
    assert let_in(check(searched, "bob")).groups == ()


def test_another_certificate_and_another_name_are_refused(directory: Slapd, tmp_path: Any) -> None:
    """LD-3: by chain and by host name; only a switch that says so lets them pass."""
    stranger = certificates.issue(tmp_path, "localhost").authority.read_text(encoding="ascii")
    for by in (directory.tls_url, directory.url):
        with pytest.raises(Unavailable, match="certificate verify failed"):
            check(config(directory, servers=[by], ca=stranger), "ada")
        assert let_in(check(config(directory, servers=[by], ca=stranger, insecure_certificates=True), "ada"))
    with pytest.raises(Unavailable):
        check(config(directory, servers=[directory.tls_url.replace("localhost", "127.0.0.2")]), "ada")


def test_no_password_travels_in_clear_unless_a_switch_says_so(directory: Slapd) -> None:
    """LD-3: a server that offers no TLS gets no bind."""
    with listening() as (port, heard):
        with pytest.raises(Unavailable):
            check(config(directory, servers=[f"ldap://127.0.0.1:{port}"]), "ada")
        assert heard
        assert not any(SERVICE_PASSWORD.encode() in each for each in heard)
    plain = config(directory, servers=[directory.url], insecure_plain=True)
    assert let_in(check(plain, "ada"))


def test_the_next_server_answers_for_one_that_is_away(directory: Slapd) -> None:
    """LD-4: failover in the order of the list."""
    assert let_in(check(config(directory, servers=["ldaps://127.0.0.1:1", directory.tls_url]), "ada"))


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_silent_server_is_left_after_its_time(directory: Slapd, scheme: str) -> None:
    """LD-4, UP-12: it accepts, and says nothing; another one answers, or nobody does."""
    with listening() as (port, _):
        silent = f"{scheme}://127.0.0.1:{port}"
        with pytest.raises(Unavailable):
            check(config(directory, servers=[silent]), "ada")


def test_one_that_dies_between_search_and_bind_is_no_wrong_password(directory: Slapd) -> None:
    """LD-7: the bind was never rejected."""
    settings = config(directory)
    exchange = Directory(settings)
    (found,) = exchange.find("(uid=ada)", ("uid",))
    directory.stop()
    try:
        with pytest.raises(Unavailable):
            exchange.bind(found.dn, PASSWORD, ())
    finally:
        directory.start()
    assert let_in(check(settings, "ada"))


def test_a_referral_is_not_followed(directory: Slapd) -> None:
    """LD-4: a search that meets one, and one that is one."""
    assert let_in(check(config(directory), "ada"))
    with pytest.raises(Unavailable, match="referral"):
        check(config(directory, base_dn=f"ou=elsewhere,{BASE}"), "ada")


def probe(name: str = "") -> Probe:
    return Probe(http=Http(Fetcher()), at=NOW, callback="", document="", name=name)


def steps(config: LdapConfig, name: str = "") -> list[Step]:
    return list(Ldap().test(config, probe(name)))


def test_a_test_takes_the_real_steps(directory: Slapd) -> None:
    """AD-7: and shows who was found."""
    found = steps(config(directory, groups_attribute="memberOf"), "ada")
    assert {step.passed for step in found} == {Passed.YES}
    assert [step.title for step in found] == [
        f"Connect to {directory.tls_url}",
        "Sign in as the service account",
        "Find the base",
        "Look for ada",
        "Read their name",
        "Read their e-mail",
        "Read their groups",
    ]


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"servers": ["ldaps://localhost:1"]}, "Check address and port"),
        ({"ca": ""}, "Put the certificate of its authority into ca"),
        ({"bind_password": "wrong"}, "Check bind_dn and bind_password."),
        ({"base_dn": "ou=nowhere,dc=example,dc=org"}, "Check base_dn"),
        ({"user_filter": "(mail={username})"}, "Check user_filter"),
    ],
)
def test_a_test_says_what_to_do(directory: Slapd, changed: dict[str, Any], remedy: str) -> None:
    """AD-7: it ends at the first step that fails, with what to do, and no secret."""
    last = steps(config(directory, **changed), "ada")[-1]
    assert last.passed is Passed.NO
    assert remedy in last.remedy
    assert SERVICE_PASSWORD not in repr(last)


def test_a_test_warns_of_what_is_insecure_and_of_closed_accounts(directory: Slapd) -> None:
    """LD-3, LD-5"""
    plain = steps(config(directory, servers=[directory.url], insecure_plain=True), "disabled")
    assert plain[0].passed is Passed.WARNED
    assert "in clear" in plain[0].found
    assert plain[-1].passed is Passed.WARNED
    assert steps(config(directory))[-1].passed is Passed.SKIPPED


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A server that accepts and keeps what it hears; it never says a word of LDAP."""
    heard: list[bytes] = []
    held: list[socket.socket] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def hear(wire: socket.socket) -> None:
            heard.append(wire.recv(1000))

        def serve() -> None:
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                held.append(wire)
                threading.Thread(target=hear, args=(wire,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1], heard
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for wire in held:
                wire.close()
