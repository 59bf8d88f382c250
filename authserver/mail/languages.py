"""Which languages mails are written in. What writes them is loaded with the first mail that is read or delivered."""

from dataclasses import dataclass
from pathlib import Path

from authserver.issuer import Issuer

HERE = Path(__file__).parent / "texts"
SOURCE = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A mail as it is read."""

    subject: str
    text: str
    html: str
    locale: str
    link: str = ""


def locales(issuer: Issuer) -> tuple[str, ...]:
    """The languages that mails are written in: ours and the deployment's own, as they were when first asked for."""
    folders = [HERE, own(issuer)] if issuer.config.templates_dir else [HERE]

    def find() -> tuple[str, ...]:
        known = (each for folder in folders if folder.is_dir() for each in folder.iterdir())
        return tuple(sorted({each.name for each in known if each.is_dir()}))

    return issuer.kept("mail-languages", find)


def spoken(issuer: Issuer, wished: str | None) -> str:
    """The language of a mail: the person's, else the deployment's first one that there is, else English."""
    known = locales(issuer)
    for tag in (wished or "", *issuer.settings.languages):
        for each in (tag, tag.partition("-")[0].lower()):
            if each in known:
                return each
    return SOURCE


def own(issuer: Issuer) -> Path:
    """Where the deployment has texts of its own."""
    return (issuer.config.templates_dir or Path()) / "mail"
