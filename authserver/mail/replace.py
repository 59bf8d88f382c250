"""Texts of mails that admins put in the place of the files; live on every node within a second."""

from authserver.audit import Actor, record
from authserver.audit.events import Changed
from authserver.errors import NotFound
from authserver.input import invalid
from authserver.issuer import Issuer
from authserver.mail import drafts
from authserver.mail.drafts import BrokenDraft, Draft
from authserver.mail.languages import locales
from authserver.mail.letters import TEXTS
from authserver.mail.templates import TOPIC
from authserver.store import Session, bump, records

LONGEST_SUBJECT = 200


def put(db: Session, issuer: Issuer, name: str, locale: str, draft: Draft, *, by: Actor) -> None:
    """Put a text in the place of the file; refused with a sentence for each field that is broken. AD-10."""
    known = _known(issuer, name, locale)
    wrong = {}
    for field in ("subject", "text", "html"):
        source = getattr(draft, field)
        try:
            drafts.check(source, known)
        except BrokenDraft as error:
            wrong[field] = str(error)
    for field in ("subject", "text"):
        if not getattr(draft, field).strip():
            wrong[field] = "This is needed."
    if len(draft.subject) > LONGEST_SUBJECT or "\n" in draft.subject:
        wrong["subject"] = f"A subject is one line of at most {LONGEST_SUBJECT} characters."
    if wrong:
        raise invalid(wrong)
    row = records.outbox.mail_template(db, name, locale) or records.outbox.MailTemplateRow(
        name=name, locale=locale, version=0
    )
    row.subject, row.text, row.html = draft.subject, draft.text, draft.html
    row.version, row.updated_by, row.updated_at = row.version + 1, by.label, issuer.clock()
    db.orm.add(row)
    db.orm.flush()
    _changed(db, issuer, name, locale, act="changed", by=by)


def take_back(db: Session, issuer: Issuer, name: str, locale: str, *, by: Actor) -> None:
    """Let the file hold again."""
    _known(issuer, name, locale)
    row = records.outbox.mail_template(db, name, locale)
    if row is None:
        raise NotFound("This text was not replaced.", detail=f"mail {name} ({locale})")
    db.orm.delete(row)
    db.orm.flush()
    _changed(db, issuer, name, locale, act="removed", by=by)


def _known(issuer: Issuer, name: str, locale: str) -> frozenset[str]:
    if name not in TEXTS or locale not in locales(issuer):
        raise NotFound("There is no such mail.", detail=f"no mail {name!r} ({locale!r})")
    return TEXTS[name].known


def _changed(db: Session, issuer: Issuer, name: str, locale: str, *, act: str, by: Actor) -> None:
    about = Changed(kind="mail_template", id=f"{name}.{locale}", act=act)
    record(db, about, by=by, at=issuer.clock())
    bump(db, TOPIC)
