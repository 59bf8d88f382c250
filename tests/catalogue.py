"""The words of the pages, as they are in the source: `python -m tests.catalogue` brings the catalogues up to date."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from authserver.web import language, pages_words

WEB = Path(language.__file__).parent
METHODS = [("**.py", "python"), ("**.html", "jinja2")]


def extracted() -> Catalog:
    """Every message that a page can say."""
    found = Catalog()
    for name, _, message, comments, context in extract_from_dir(WEB, METHODS):
        found.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    for sentence in sorted(pages_words.BELOW):
        found.add(sentence, None, [("pages_words.py", 0)])
    return found


def up_to_date() -> Iterator[tuple[str, bytes]]:
    """Each catalogue by its file's name, as it is with the messages of today."""
    source = extracted()
    yield "messages.pot", written(source)
    for tag in language.TRANSLATED:
        known = language.read(tag)
        known.update(source, no_fuzzy_matching=True)
        known.obsolete.clear()
        yield f"{tag}.po", written(known)


def written(catalog: Catalog) -> bytes:
    """The file, without a header: its dates would differ each time, and its name says the language."""
    file = BytesIO()
    write_po(file, catalog, omit_header=True, sort_output=True, include_lineno=False, width=110)
    return file.getvalue()


if __name__ == "__main__":
    for name, text in up_to_date():
        (language.FOLDER / name).write_bytes(text)
