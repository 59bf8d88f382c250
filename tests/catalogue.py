"""The words of the pages, as they are in the source: `python -m tests.catalogue` brings the catalogues up to date."""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from authserver.web import language

WEB = Path(language.__file__).parent
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
HEADER = "# The words of authserver's pages.\n#"


def extracted() -> Catalog:
    """Every message that a page can say."""
    found = Catalog(project="authserver", header_comment=HEADER, fuzzy=False)
    for name, _, message, comments, context in extract_from_dir(WEB, method_map=METHODS):
        found.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return found


def write(path: Path, catalog: Catalog) -> None:
    with path.open("wb") as file:
        write_po(file, catalog, omit_header=False, sort_by_file=True, include_lineno=False, width=110)


def main() -> None:
    source = extracted()
    source.revision_date = source.creation_date = language.read(language.SOURCE).creation_date
    write(language.FOLDER / "messages.pot", source)
    for tag in language.TRANSLATED:
        known = language.read(tag)
        known.update(source, no_fuzzy_matching=True)
        known.obsolete.clear()
        write(language.FOLDER / f"{tag}.po", known)


if __name__ == "__main__":
    main()
