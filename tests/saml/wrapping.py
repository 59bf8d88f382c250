"""Signature wrapping: what was signed is still there, and something else stands where a careless reader looks. SA-2.

XSW1 to XSW8 of the literature are among these: clones of the response or the assertion before, after, inside and
around the signed one, in Extensions, Object, Advice and wherever else a place can be found.
"""

from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from tests.saml.forge import Attack, Attacks, assertion_of, evil, find, name, stripped, text, tree, type_
from tests.saml.trip import Answered

IDS = ("another-id", "the-same-id", "no-id")
Place = Callable[[type_, type_, type_], None]


def attacks(bases: dict[str, Answered]) -> Attacks:
    """Every clone in every place with every id, for each way to sign."""
    for signed, answered in bases.items():
        for identifier in IDS:
            for where, place in ASSERTION_PLACES.items():
                root = tree(answered)
                original = assertion_of(root)
                clone = named(evil(original), original, identifier)
                place(root, original, clone)
                yield Attack(
                    name=f"{signed}: evil assertion {where}, {identifier}",
                    answered=answered,
                    message=text(root),
                )
            for where, wrap in RESPONSE_PLACES.items():
                original = tree(answered)
                clone = named(evil(original), original, identifier)
                wrap(clone, original)
                yield Attack(
                    name=f"{signed}: signed response {where} of an evil one, {identifier}",
                    answered=answered,
                    message=text(clone),
                )


def named(clone: type_, original: type_, identifier: str) -> type_:
    if identifier == "no-id":
        del clone.attrib["ID"]
    elif identifier == "another-id":
        clone.set("ID", "_evil")
    else:
        clone.set("ID", str(original.get("ID")))
    return clone


def around(holder: str) -> Place:
    """The signed assertion goes inside the evil one, which takes its place; their signature outside or inside."""

    def place(root: type_, original: type_, clone: type_) -> None:
        root.replace(original, clone)
        inside = clone if not holder else etree.SubElement(clone, name(holder))
        inside.append(original)

    return place


def enveloping(root: type_, original: type_, clone: type_) -> None:
    """XSW8: the evil one carries the signature, whose Object holds what was signed."""
    signature = original.find("ds:Signature", {"ds": name("ds:Signature")[1:].partition("}")[0]})
    root.replace(original, clone)
    if signature is None:
        signature = etree.Element(name("ds:Signature"))
    clone.insert(1, deepcopy(signature))
    etree.SubElement(clone[1], name("ds:Object")).append(stripped(original))


def detached(root: type_, original: type_, clone: type_) -> None:
    """The evil one carries the signature, and what was signed stands beside it without."""
    signature = original.find(name("ds:Signature"))
    if signature is not None:
        clone.insert(1, deepcopy(signature))
    root.replace(original, clone)
    root.append(stripped(original))


def in_value(root: type_, original: type_, clone: type_) -> None:
    root.replace(original, clone)
    value = clone.find(f".//{name('saml:AttributeValue')}")
    assert value is not None
    value.append(original)


def extensions(root: type_, original: type_, clone: type_) -> None:
    """XSW7."""
    holder = etree.Element(name("samlp:Extensions"))
    holder.append(clone)
    root.insert(1, holder)


def original_in_extensions(root: type_, original: type_, clone: type_) -> None:
    root.replace(original, clone)
    holder = etree.Element(name("samlp:Extensions"))
    holder.append(original)
    root.insert(1, holder)


def in_status(root: type_, original: type_, clone: type_) -> None:
    root.replace(original, clone)
    etree.SubElement(find(root, "samlp:Status"), name("samlp:StatusDetail")).append(original)


ASSERTION_PLACES: dict[str, Place] = {
    "before the signed one (XSW3)": lambda _, original, clone: original.addprevious(clone),
    "after the signed one (XSW5)": lambda _, original, clone: original.addnext(clone),
    "in the signed one": lambda _, original, clone: original.append(clone),
    "around the signed one (XSW4)": around(""),
    "with the signed one as advice": around("saml:Advice"),
    "with the signed one in its subject": around("saml:Subject"),
    "enveloping the signed one (XSW8)": enveloping,
    "with the signature of the other (XSW6)": detached,
    "with the signed one in a value": in_value,
    "in the extensions (XSW7)": extensions,
    "in place of the signed one, that in extensions": original_in_extensions,
    "in place of the signed one, that in the status": in_status,
}


def beside_signature(clone: type_, original: type_) -> None:
    """XSW1 and XSW2: the signature moves to the evil response, and covers the original inside of it."""
    signature = original.find(name("ds:Signature"))
    if signature is not None:
        clone.insert(1, deepcopy(signature))
        etree.SubElement(clone[1], name("ds:Object")).append(stripped(original))
    else:
        clone.append(original)


def with_signature(clone: type_, original: type_) -> None:
    signature = original.find(name("ds:Signature"))
    if signature is not None:
        clone.insert(1, deepcopy(signature))
    clone.append(stripped(original))


RESPONSE_PLACES: dict[str, Callable[[type_, type_], None]] = {
    "in the signature (XSW1)": beside_signature,
    "after the signature (XSW2)": with_signature,
    "at the end": lambda clone, original: clone.append(original),
    "in the extensions": lambda clone, original: etree.SubElement(clone, name("samlp:Extensions")).append(
        original
    ),
    "in the advice": lambda clone, original: etree.SubElement(
        assertion_of(clone), name("saml:Advice")
    ).append(original),
}
