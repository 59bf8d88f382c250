"""Mail on several nodes: each leaves once, also when a node dies with one in its hands."""

from authserver.audit import SYSTEM
from authserver.mail import outbox
from authserver.mail.outbox import LEASED_FOR
from authserver.settings import change
from tests.conftest import Deploy
from tests.peers.process import wait_until
from tests.peers.smtp import MailServer
from tests.serve import Deployment, Store

WITHIN = 30


def configure(deployment: Deployment, server: MailServer) -> None:
    with deployment.opened() as issuer, issuer.database.writing() as db:
        for name, value in server.settings().items():
            change.set_(db, issuer, name, value, by=SYSTEM)


def put(deployment: Deployment, count: int) -> list[str]:
    people = [f"p{number}@example.org" for number in range(count)]
    with deployment.opened() as issuer, issuer.database.writing() as db:
        for to in people:
            outbox.enqueue(db, issuer, to=to, template="test", locale="en")
    return people


def test_two_nodes_that_race_send_each_mail_once(
    store: Store, deploy: Deploy, mail_server: MailServer
) -> None:
    """OPS-8: four workers on two nodes look for the same mails."""
    deployment = deploy(store, workers=2, nodes=2 if store == "postgresql" else 1)
    configure(deployment, mail_server)
    people = put(deployment, 30)
    wait_until(lambda: len(mail_server.mails) >= 30, "every mail is delivered", within=WITHIN)
    wait_until(
        lambda: deployment.rows("SELECT DISTINCT state FROM outbox") == [("sent",)],
        "all is noted",
        within=WITHIN,
    )
    assert sorted(mail_server.sink.recipients) == sorted(people)


def test_a_mail_in_the_hands_of_a_node_that_is_killed_goes_out_once(
    store: Store, deploy: Deploy, mail_server: MailServer
) -> None:
    """OPS-4: kill -9 while the server has not yet said that it took the mail."""
    deployment = deploy(store, workers=1)
    configure(deployment, mail_server)
    mail_server.sink.holds = True
    (to,) = put(deployment, 1)
    assert mail_server.sink.begun.wait(WITHIN)
    (node,) = deployment.nodes
    node.kill()
    mail_server.sink.holds = False
    deployment.clock.advance(LEASED_FOR.total_seconds())
    node.start()
    wait_until(
        lambda: deployment.rows("SELECT state FROM outbox") == [("sent",)], "it went out", within=WITHIN
    )
    assert mail_server.sink.recipients == [to]
