"""A mail is written down with its reason, delivered once, tried again, and given up with a word."""

import threading
from datetime import timedelta
from email.message import EmailMessage

import pytest

from authserver.audit import SYSTEM
from authserver.keys import master, reseal
from authserver.mail import compose, outbox, transports
from authserver.mail.outbox import BACKOFF, LEASED_FOR
from authserver.settings import secrets
from authserver.store import Hot
from authserver.store import sweep as store_sweep
from authserver.store.outbox import outbox_rows
from authserver.store.settings import changed_settings
from authserver.store.sweep import TABLES
from authserver.vault import KEY, Vault
from authserver.work.after_restore import after_restore
from authserver.work.deliver import Delivery
from authserver.work.sweep import sweep
from tests.flow.conftest import MakeWorld
from tests.flow.world import World
from tests.peers.smtp import PASSWORD, MailServer, html_of, running, text_of

TO = "ada@example.org"


def put(world: World, to: str = TO, **given: str) -> str:
    with world.writing() as db:
        return outbox.enqueue(
            db, world.issuer, to=to, template="test", locale="en", values={"at": "noon"}, **given
        )


def states(world: World) -> list[tuple[str, int]]:
    with world.reading() as db:
        return [(mail.state, mail.attempts) for mail in reversed(outbox.kept(db))]


@pytest.fixture
def production(make_world: MakeWorld, mail_server: MailServer) -> World:
    """A world that sends its mails to the server."""
    world = make_world(environment="production", issuer="https://id.example.org")
    world.set(**mail_server.settings())
    return world


def test_a_mail_goes_out_over_tls_with_a_password(production: World, mail_server: MailServer) -> None:
    put(production, link="/account/x?y=1")
    assert production.deliver() == 1
    mail = mail_server.only_mail()
    assert mail_server.sink.encrypted == [True]
    assert mail_server.sink.recipients == [TO]
    assert mail["From"] == "authserver <no-reply@id.example.org>"
    assert mail["To"] == TO
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == production.clock()
    assert mail["Message-ID"].endswith("@id.example.org>")
    assert "noon" in text_of(mail)
    assert "noon" in html_of(mail)
    assert states(production) == [("sent", 1)]
    assert production.deliver() == 0


def test_tls_from_the_start_is_spoken_too(
    make_world: MakeWorld, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    with running(tmp_path_factory.mktemp("smtp"), from_start=True) as server:
        world.set(**server.settings())
        put(world)
        world.deliver()
        server.only_mail()


def test_nothing_is_sent_where_the_act_is_rolled_back(production: World) -> None:
    def act() -> None:
        with production.writing() as db:
            outbox.enqueue(db, production.issuer, to=TO, template="test", locale=None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert states(production) == []


def test_what_a_mail_says_is_sealed_and_gone_when_it_was_sent(production: World) -> None:
    """KEY-4: links and codes are secrets; a sealed one opens in no other row."""
    put(production, link="/secret-link")
    ((payload,),) = production.rows("SELECT payload FROM outbox")
    assert b"secret-link" not in bytes(payload)
    production.deliver()
    assert production.rows("SELECT payload FROM outbox") == [(None,)]


def test_links_lead_to_the_issuer_and_nowhere_else(world: World) -> None:
    """PW-8: a mail's link is a path of ours; whatever host a request came by."""
    put(world, link="/account/reset?t=1")
    (mail,) = world.mails()
    assert mail.written is not None
    assert mail.written.link == f"{world.url}/account/reset?t=1"
    for link in ("https://evil.example/", "//evil.example/", "account"):
        with pytest.raises(ValueError, match="path of this server"):
            put(world, link=link)


@pytest.mark.parametrize(
    "address",
    ["ada@example.org\r\nBcc: eve@example.org", "ada", "a b@example.org", "<ada@example.org>", "a@b,c@d", ""],
)
def test_an_address_that_could_add_a_header_or_a_recipient_is_refused(address: str, world: World) -> None:
    with pytest.raises(ValueError, match="not an address"):
        put(world, to=address)


def test_names_of_a_deployment_cannot_add_headers(production: World, mail_server: MailServer) -> None:
    production.set(site_name="Nord <evil@example.org>, Üni: x")
    put(production)
    production.deliver()
    (sender,) = mail_server.only_mail()["From"].addresses
    assert sender.addr_spec == "no-reply@id.example.org"
    assert sender.display_name.startswith("Nord")


def test_addresses_of_other_letters_are_reached(production: World, mail_server: MailServer) -> None:
    put(production, to="ada@bücher.example")
    put(production, to="дмитрий@example.org")
    assert production.deliver() == 2
    assert mail_server.sink.recipients == ["ada@xn--bcher-kva.example", "дмитрий@example.org"]


def test_while_the_server_is_away_mails_wait_and_none_is_lost(
    production: World, mail_server: MailServer
) -> None:
    for number in range(3):
        put(production, to=f"p{number}@example.org")
    with mail_server.away():
        assert production.deliver() == 1, "one attempt finds out for all"
        assert production.deliver() == 1
    assert states(production) == [("waiting", 1), ("waiting", 1), ("waiting", 0)]
    assert production.deliver() == 1
    production.clock.time += BACKOFF[0]
    assert production.deliver() == 2
    assert sorted(mail_server.sink.recipients) == [f"p{number}@example.org" for number in range(3)]


def test_a_mail_is_given_up_after_its_attempts_with_a_word(
    production: World, mail_server: MailServer
) -> None:
    """AU-1: an operator is told in the audit, and can have it tried again."""
    mail_server.sink.answers[TO] = "451 come again"
    id_ = put(production)
    with production.writing() as db:
        db.hot(Hot("UPDATE outbox SET attempts = :attempts"), {"attempts": len(BACKOFF)})
    production.deliver()
    assert states(production) == [("failed", len(BACKOFF) + 1)]
    (event,) = production.events("mail_failed")
    assert event.data == {"template": "test", "attempts": len(BACKOFF) + 1}
    mail_server.sink.answers.clear()
    with production.writing() as db:
        assert outbox.retry(db, production.issuer, id_)
    production.deliver()
    assert states(production) == [("sent", 1)]
    with production.writing() as db:
        assert not outbox.retry(db, production.issuer, id_), "what was sent is not sent again"


def test_attempts_come_ever_later(production: World, mail_server: MailServer) -> None:
    mail_server.sink.answers[TO] = "451 come again"
    put(production)
    for wait in BACKOFF[:5]:
        assert production.deliver() == 1
        production.clock.time += wait - timedelta(seconds=1)
        assert production.deliver() == 0
        production.clock.advance(seconds=1)


def test_an_address_that_the_server_refuses_is_not_tried_again(
    production: World, mail_server: MailServer
) -> None:
    mail_server.sink.answers["gone@example.org"] = "550 no such mailbox"
    put(production, to="gone@example.org")
    put(production)
    assert production.deliver() == 2, "the other one goes out over the same line"
    assert states(production) == [("failed", 1), ("sent", 1)]
    with production.reading() as db:
        assert outbox.kept(db, state="failed")[0].last_error == "the server said 550 no such mailbox"


def test_what_is_of_no_use_any_more_is_not_sent(production: World, mail_server: MailServer) -> None:
    """A code that has ended only confuses."""
    put(production)
    with mail_server.away():
        production.deliver()
    production.clock.advance(hours=2)
    sweep(production.issuer)
    assert states(production) == [("failed", 1)]
    assert production.deliver() == 0
    assert mail_server.mails == []
    assert len(production.events("mail_failed")) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_ca_file": ""}, "the certificate is not accepted"),
        ({"smtp_host": "127.0.0.2"}, "ConnectionRefusedError"),
        ({"smtp_password": "wrong"}, "the server said 535"),
        ({"smtp_tls": "tls"}, "SSLError"),
        ({"smtp_ca_file": "/nowhere.pem"}, "FileNotFoundError"),
    ],
)
def test_a_server_that_is_not_the_right_one_gets_no_mail(
    wrong: dict[str, str], said: str, production: World, mail_server: MailServer
) -> None:
    production.set(**mail_server.settings() | wrong)
    put(production)
    production.deliver()
    assert mail_server.mails == []
    with production.reading() as db:
        (mail,) = outbox.kept(db)
    assert mail.state == "waiting"
    assert said in mail.last_error


def test_nothing_goes_in_clear_where_the_server_offers_no_starttls(
    make_world: MakeWorld, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    with running(tmp_path_factory.mktemp("smtp"), offers_tls=False) as server:
        world.set(**server.settings())
        put(world)
        world.deliver()
        assert server.mails == []
    assert states(world) == [("waiting", 1)]


def test_workers_that_race_send_each_mail_once(production: World, mail_server: MailServer) -> None:
    for number in range(12):
        put(production, to=f"p{number}@example.org")
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        Delivery(issuer=production.issuer).round()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mail_server.sink.recipients) == sorted(f"p{number}@example.org" for number in range(12))
    assert states(production) == [("sent", 1)] * 12


def test_a_mail_in_somebodys_hands_is_left_to_them_until_their_lease_ends(production: World) -> None:
    """A worker that died is replaced; one that is only slow decides nothing any more once it was."""
    put(production)
    with production.writing() as db:
        slow = outbox.lease(db, production.issuer)
        assert slow is not None
        assert outbox.lease(db, production.issuer) is None
        assert not outbox.retry(db, production.issuer, slow.id)
    production.clock.time += LEASED_FOR
    with production.writing() as db:
        outbox_again = outbox.lease(db, production.issuer)
        assert outbox_again is not None
        outbox.again(db, production.issuer, slow, "too late")
        assert outbox.lease(db, production.issuer) is None, "the late word of the slow one changed nothing"
        outbox.sent(db, production.issuer, outbox_again)
    assert states(production) == [("sent", 2)]


def test_a_mail_that_is_sent_again_has_the_same_id(production: World, mail_server: MailServer) -> None:
    """Receivers know a mail that they took before its sender could write that down."""
    put(production)
    with production.writing() as db:
        lost = outbox.lease(db, production.issuer)
    assert lost is not None
    server = transports.of(production.issuer)
    assert server is not None
    with server.connected() as line:
        line.send(_composed(production, lost), TO)
    production.clock.time += LEASED_FOR
    production.deliver()
    one, other = mail_server.mails
    assert one["Message-ID"] == other["Message-ID"]
    assert one["Date"] == other["Date"]


def _composed(world: World, mail: outbox.Mail) -> EmailMessage:
    said = outbox.write(world.issuer, mail)
    return compose.compose(world.issuer, said, to=mail.to, id_=mail.id, at=mail.created_at)


def test_sent_mails_are_forgotten_after_a_week(production: World) -> None:
    put(production)
    production.deliver()
    (table,) = (table for table in TABLES if table.table == "outbox")
    production.clock.advance(days=7)
    assert sum(store_sweep.sweep(production.issuer.database, table, production.clock())) == 0
    production.clock.advance(seconds=1)
    assert sum(store_sweep.sweep(production.issuer.database, table, production.clock())) == 1


def test_without_a_server_production_sends_nothing_and_development_shows_it(
    make_world: MakeWorld,
) -> None:
    world = make_world(environment="production", issuer="https://id.example.org")
    assert not outbox.can_send(world.issuer)
    put(world)
    assert world.deliver() == 0
    shown = make_world()
    assert outbox.can_send(shown.issuer)
    put(shown, link="/account")
    shown.deliver()
    assert states(shown) == [("sent", 1)]
    assert shown.mails()[0].written is not None


def test_a_new_master_key_seals_mails_that_wait_and_the_password_of_the_server(production: World) -> None:
    """KEY-4, KEY-7."""
    put(production)
    issuer = production.issuer
    keys = master.read(issuer.config)
    vault = Vault(keys | {2: b"2" * KEY})
    with production.writing() as db:
        reseal.reseal(db, vault, now=production.clock(), by=SYSTEM)
        (row,) = outbox_rows(db, "mail")
        assert row.payload is not None
        assert vault.version_of(row.payload) == 2
        kept = changed_settings(db)["smtp_password"]
    assert secrets.opened(Vault({2: b"2" * KEY}), "smtp_password", kept) == PASSWORD


def test_a_restored_backup_sends_nothing_again(production: World) -> None:
    put(production)
    with production.writing() as db:
        after_restore(db, now=production.clock(), by=SYSTEM)
    assert production.deliver() == 0
