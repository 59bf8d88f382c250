"""XML from outside, read once and strictly: one encoding, no DTD, no entities, nothing fetched. SA-5."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from lxml import etree

from authserver.upstream.contract import Distrusted

Element = etree._Element  # noqa: SLF001  # lxml names its element type nowhere else
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
LARGEST = 256 * 1024
LARGEST_PUBLISHED = 1024 * 1024
DEEPEST = 50
# Far more than any provider sends; canonical XML takes time that grows with the square of each.
MOST_ATTRIBUTES = 40
MOST_NAMESPACES = 2_000
BOM = b"\xef\xbb\xbf"
# The one declaration that changes nothing: XML 1.0 in UTF-8.
DECLARATION = re.compile(
    rb"""\A<\?xml\s+version\s*=\s*["']1\.0["'](?:\s+encoding\s*=\s*["']utf-8["'])?"""
    rb"""(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>""",
    re.IGNORECASE,
)
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,30})?Z")


def cleaned(data: bytes, largest: int = LARGEST) -> bytes:
    """A document without its declaration, in UTF-8 for certain: what follows is read the same by every reader."""
    if len(data) > largest:
        raise unreadable(f"it has {len(data)} bytes, and {largest} are the most")
    text = data.removeprefix(BOM)
    if text.startswith(BOM):
        raise unreadable("it begins with two byte order marks")
    if b"\0" in text:
        # UTF-16 without a mark is valid UTF-8 with these between the letters.
        raise unreadable("it holds NUL")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable("it is not in UTF-8") from error
    return DECLARATION.sub(b"", text, count=1)


def message(text: bytes) -> Element:
    """A cleaned message: nothing but elements, attributes and text, and every ID in it is its own. SA-2, SA-5."""
    # A comment, a CDATA section and a DTD begin with the first, an instruction with the second; nothing else may.
    for mark in (b"<!", b"<?"):
        if mark in text:
            raise unreadable(f"a message holds no comment, CDATA, DTD or instruction: {mark.decode()} found")
    if text.count(b"xmlns") > MOST_NAMESPACES:
        raise unreadable("it declares too many namespaces")
    root = _parsed(text)
    _check_tree(root)
    return root


def published(text: bytes) -> Element:
    """Cleaned metadata, which may hold comments; read from `without_comments`, or from a signed copy."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise unreadable("it has a DTD")
    return _parsed(text)


def without_comments(root: Element) -> Element:
    """The same document, its texts whole: a comment splits what stands around it."""
    try:
        return _parsed(etree.tostring(root, method="c14n", exclusive=True, with_comments=False))
    except etree.LxmlError as error:
        raise unreadable(str(error)) from error


def parser() -> etree.XMLParser:
    """A parser that resolves nothing, fetches nothing and keeps libxml2's own limits."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )


def name(namespace: str, local: str) -> str:
    return f"{{{namespace}}}{local}"


def children(parent: Element, namespace: str, local: str) -> list[Element]:
    """The direct children of this name."""
    return parent.findall(name(namespace, local))


def only(parent: Element, namespace: str, local: str) -> Element:
    """The one direct child of this name; none and two are refused alike."""
    found = children(parent, namespace, local)
    if len(found) != 1:
        raise Distrusted(
            f"{here(parent)} holds {len(found)} {local}, and must hold one", rule="saml.structure"
        )
    return found[0]


def text_of(element: Element) -> str:
    """The whole text of an element that holds nothing else."""
    if len(element):
        raise Distrusted(f"{here(element)} holds more than text", rule="saml.structure")
    return element.text or ""


def attribute(element: Element, key: str) -> str:
    """An attribute that must be there."""
    found = element.get(key)
    if not found:
        raise Distrusted(f"{here(element)} has no {key}", rule="saml.structure")
    return found


def time_of(element: Element, key: str) -> datetime | None:
    """A time in UTC (SAML Core §1.3.3), None where there is none; one that cannot be read is refused."""
    text = element.get(key)
    if text is None:
        return None
    found = TIME.fullmatch(text)
    # The last year is left out: what is reckoned from it has no date.
    if found is not None and text < "9999":
        with suppress(ValueError):
            whole = datetime.fromisoformat(found.group(1)).replace(tzinfo=UTC)
            return whole.replace(microsecond=int((found.group(2) or ".0")[1:7].ljust(6, "0")))
    raise Distrusted(f"{key} of {here(element)} is no time in UTC", rule="saml.structure", value=text[:40])


def here(element: Element) -> str:
    """What an element is called, for a detail."""
    return etree.QName(element).localname


def unreadable(why: str) -> Distrusted:
    return Distrusted(f"the XML cannot be read: {why[:200]}", rule="saml.xml")


def _parsed(text: bytes) -> Element:
    try:
        return etree.fromstring(text, parser())
    except (etree.LxmlError, ValueError) as error:
        raise unreadable(str(error)) from error


def _check_tree(root: Element) -> None:
    seen: set[str] = set()
    for element, depth in _walk(root):
        if depth > DEEPEST:
            raise unreadable(f"it is more than {DEEPEST} elements deep")
        if not isinstance(element.tag, str):
            raise unreadable("it holds something beside elements and text")
        if len(element.attrib) > MOST_ATTRIBUTES:
            raise unreadable(f"an element has more than {MOST_ATTRIBUTES} attributes")
        for key, value in element.attrib.items():
            # By any of these names somebody's reader would find an element.
            if etree.QName(key).localname.lower() != "id":
                continue
            if value in seen:
                raise Distrusted("an ID is there twice", rule="saml.duplicate_id", value=str(value)[:80])
            seen.add(str(value))


def _walk(root: Element) -> Iterator[tuple[Element, int]]:
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        yield element, depth
        waiting.extend((child, depth + 1) for child in element)
