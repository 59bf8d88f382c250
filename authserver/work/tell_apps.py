"""Telling apps that a session has ended: on every node, each notice by one of them at a time. LO-5."""

import logging
from http import HTTPStatus
from typing import ClassVar

from authserver.clients.find import by_client_id
from authserver.clients.remote import Fetcher, NotFetched, Question
from authserver.sessions import logout
from authserver.sessions.logout import Notice
from authserver.store import retrying
from authserver.tokens.issue import logout_token
from authserver.work.rounds import Rounds

log = logging.getLogger(__name__)
AT_ONCE = 100
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TAKEN = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})


class Declined(Exception):
    """The app answered that it will not take this, now or ever."""


class TellApps(Rounds):
    """Signs each logout token at the moment of its delivery, and posts it to the app's own address."""

    name: ClassVar[str] = "logout"

    def round(self) -> int:
        tried = 0
        while tried < AT_ONCE and not self.stopped.is_set():
            notice = self._next()
            if notice is None:
                break
            tried += 1
            try:
                self._deliver(notice)
            except (NotFetched, Declined) as error:
                self._note(notice, error)
            else:
                self._note(notice, None)
        return tried

    def _next(self) -> Notice | None:
        issuer = self.issuer
        with issuer.database.reading() as db:
            if not logout.is_due(db, issuer):
                return None

        def take() -> Notice | None:
            with issuer.database.writing() as db:
                return logout.lease(db, issuer)

        return retrying(take)

    def _deliver(self, notice: Notice) -> None:
        client = by_client_id(self.issuer, notice.client_id)
        if client is None or not logout.wants(client):
            raise Declined("the app is gone, or wants to be told no more")
        token = logout_token(self.issuer, client, notice.subject, notice.session)
        question = Question(
            url=client.backchannel_logout_uri,
            method="POST",
            headers=FORM,
            body=f"logout_token={token}".encode(),
        )
        status = Fetcher(loopback=self.issuer.config.is_development).ask(question).status
        if status == HTTPStatus.BAD_REQUEST:
            raise Declined("it answered 400")
        if status not in TAKEN:
            raise NotFetched(f"it answered {status}")

    def _note(self, notice: Notice, error: Exception | None) -> None:
        """Write down what became of it, at once: until then another attempt would be made after the lease."""
        issuer = self.issuer

        def note() -> None:
            with issuer.database.writing() as db:
                if error is None:
                    logout.told(db, issuer, notice)
                elif isinstance(error, Declined):
                    logout.not_told(db, issuer, notice, str(error))
                else:
                    logout.again(db, issuer, notice, str(error))

        if error is not None:
            log.warning(
                "%s was not told of a sign-out at attempt %d: %s", notice.client_id, notice.attempt, error
            )
        retrying(note)
