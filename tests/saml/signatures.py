"""Signatures that are not the provider's, not over this message, or made in a way that we do not take. SA-1, SA-2."""

from copy import deepcopy

from lxml import etree

from tests.peers.saml import Key
from tests.saml.forge import (
    ENVELOPED,
    EXCLUSIVE,
    MORE,
    NS,
    RSA_SHA1,
    SHA1,
    Attack,
    Attacks,
    Change,
    How,
    as_it_is,
    assertion_of,
    changed,
    evil,
    find,
    name,
    sign,
    signed_again,
    text,
    tree,
    type_,
    value_info,
    x509_info,
)
from tests.saml.trip import Answered

INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
COMMENTS = f"{EXCLUSIVE}WithComments"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
HOWS = {
    "with RSA-SHA1": How(method=RSA_SHA1),
    "with a SHA-1 digest": How(digest=SHA1),
    "with an HMAC by the public key": How(method=f"{MORE}hmac-sha256"),
    "with an HMAC by nothing": How(method=f"{MORE}hmac-sha256", secret=b"\0"),
    "with DSA": How(method="http://www.w3.org/2009/xmldsig11#dsa-sha256"),
    "with MD5": How(method=f"{MORE}rsa-md5"),
    "with no algorithm": How(method=""),
    "with an algorithm nobody knows": How(method="urn:none"),
    "with inclusive canonical XML": How(transforms=(ENVELOPED, INCLUSIVE)),
    "with inclusive canonical XML of the signature": How(canonical=INCLUSIVE),
    "with comments in the canonical XML": How(transforms=(ENVELOPED, COMMENTS)),
    "without transforms": How(transforms=()),
    "not enveloped": How(transforms=(EXCLUSIVE,)),
    "with transforms turned around": How(transforms=(EXCLUSIVE, ENVELOPED)),
    "with an XPath transform": How(transforms=(ENVELOPED, XPATH, EXCLUSIVE)),
    "with an XSLT transform": How(transforms=(ENVELOPED, XSLT, EXCLUSIVE)),
    "with a base64 transform": How(transforms=(ENVELOPED, f"{NS['ds']}base64", EXCLUSIVE)),
    "over the whole document": How(uri=""),
    "over an empty name": How(uri="#"),
    "over something elsewhere": How(uri="http://127.0.0.1:9/steal"),
    "over a file": How(uri="file:///etc/passwd"),
    "over an XPointer": How(uri="#xpointer(/)"),
    "over an id that is not there": How(uri="#_nowhere"),
    "with two references": How(references=2),
    "without reference": How(references=0),
}


def attacks(bases: dict[str, Answered], key: Key, foreign: Key, other: Answered) -> Attacks:
    both = bases["both"]
    for what, how in HOWS.items():
        yield Attack(
            name=f"signed {what}",
            answered=both,
            message=changed(both, as_it_is, key, how),
            rule="saml.algorithm" if _is_algorithm(how) else "saml.signature",
        )
    yield from foreign_keys(bases, key, foreign)
    yield from moved(bases, other)
    yield from damaged(bases)


def _is_algorithm(how: How) -> bool:
    return how.references == 1 and how.uri is None and len(how.transforms) == 2


def foreign_keys(bases: dict[str, Answered], key: Key, foreign: Key) -> Attacks:
    """Somebody else's key: told of by the message, or not."""
    for signed, answered in bases.items():
        for told, how in {
            "untold": How(),
            "with its certificate": How(key_info=x509_info(foreign)),
            "with its key": How(key_info=value_info(foreign)),
            "with the provider's certificate": How(key_info=x509_info(key)),
            "by HMAC, its certificate inside": How(method=f"{MORE}hmac-sha256", key_info=x509_info(foreign)),
        }.items():
            root = tree(answered)
            find(root, "saml:Assertion/saml:Subject/saml:NameID").text = "evil"
            yield Attack(
                name=f"{signed}: signed by another key, {told}",
                answered=answered,
                message=text(signed_again(root, foreign, how)),
            )
    # One signature is right, the other is not: both have to be.
    root = tree(bases["both"])
    old = find(root, "ds:Signature")
    root.remove(old)
    sign(root, foreign, How(key_info=x509_info(foreign)))
    yield Attack(
        name="a foreign response around a good assertion", answered=bases["both"], message=text(root)
    )
    root = tree(bases["response"])
    sign(assertion_of(root), foreign)
    root.remove(find(root, "ds:Signature"))
    sign(root, key)
    yield Attack(
        name="a foreign assertion in a good response", answered=bases["response"], message=text(root)
    )


def moved(bases: dict[str, Answered], other: Answered) -> Attacks:
    """Signatures that were taken off, taken from elsewhere, or put where they do not belong."""
    for signed, answered in bases.items():
        root = tree(answered)
        for each in list(root.iter(name("ds:Signature"))):
            parent = each.getparent()
            assert parent is not None
            parent.remove(each)
        yield Attack(
            name=f"{signed}: no signature", answered=answered, message=text(root), rule="saml.signature"
        )
        yield Attack(
            name=f"{signed}: no signature, and another name", answered=answered, message=text(evil(root))
        )
        for path in ("ds:Signature", "saml:Assertion/ds:Signature"):
            here, there = tree(answered), tree(other)
            mine, theirs = here.find(path, NS), there.find(path, NS)
            if mine is None or theirs is None:
                continue
            swapped = tree(answered)
            old = find(swapped, path)
            parent = old.getparent()
            assert parent is not None
            parent.replace(old, deepcopy(theirs))
            yield Attack(
                name=f"{signed}: signature of another message at {path}",
                answered=answered,
                message=text(swapped),
            )
            find(mine, "ds:SignatureValue").text = find(theirs, "ds:SignatureValue").text
            yield Attack(
                name=f"{signed}: value of another signature at {path}", answered=answered, message=text(here)
            )
    root = tree(bases["assertion"])
    signature = find(root, "saml:Assertion/ds:Signature")
    root.insert(1, signature)
    yield Attack(
        name="the assertion's signature in the response", answered=bases["assertion"], message=text(root)
    )
    root = tree(bases["response"])
    assertion_of(root).insert(1, find(root, "ds:Signature"))
    yield Attack(
        name="the response's signature in the assertion", answered=bases["response"], message=text(root)
    )
    root = tree(bases["both"])
    find(root, "samlp:Status").append(deepcopy(find(root, "ds:Signature")))
    yield Attack(name="a signature in the status", answered=bases["both"], message=text(root))
    root = tree(bases["assertion"])
    assertion_of(root).insert(1, deepcopy(find(root, "saml:Assertion/ds:Signature")))
    yield Attack(name="two signatures in the assertion", answered=bases["assertion"], message=text(root))
    root = assertion_of(tree(bases["assertion"]))
    yield Attack(name="the signed assertion alone", answered=bases["assertion"], message=text(root))
    yield Attack(
        name="the signature alone",
        answered=bases["both"],
        message=text(find(tree(bases["both"]), "ds:Signature")),
    )


def say(path: str, value: str) -> Change:
    def change(signature: type_) -> None:
        find(signature, path).text = value

    return change


def drop(path: str) -> Change:
    def change(signature: type_) -> None:
        element = find(signature, path)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return change


def double(path: str) -> Change:
    def change(signature: type_) -> None:
        element = find(signature, path)
        element.addnext(deepcopy(element))

    return change


def damaged(bases: dict[str, Answered]) -> Attacks:
    """CVE-14: parts of a signature that are empty, missing, doubled or of another shape; a digest over nothing."""
    nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    info, reference = "ds:SignedInfo", "ds:SignedInfo/ds:Reference"
    changes: dict[str, Change] = {
        "digest of nothing": say(f"{reference}/ds:DigestValue", nothing),
        "empty digest": say(f"{reference}/ds:DigestValue", ""),
        "digest of blanks": say(f"{reference}/ds:DigestValue", "  \n "),
        "digest that is no base64": say(f"{reference}/ds:DigestValue", "####"),
        "empty value": say("ds:SignatureValue", ""),
        "value that is no base64": say("ds:SignatureValue", "~~~~"),
        "short value": say("ds:SignatureValue", "AAAA"),
        "no value": drop("ds:SignatureValue"),
        "no digest": drop(f"{reference}/ds:DigestValue"),
        "no digest method": drop(f"{reference}/ds:DigestMethod"),
        "no transforms": drop(f"{reference}/ds:Transforms"),
        "no reference": drop(reference),
        "no signed info": drop(info),
        "no signature method": drop(f"{info}/ds:SignatureMethod"),
        "no canonicalization method": drop(f"{info}/ds:CanonicalizationMethod"),
        "two signed infos": double(info),
        "two references": double(reference),
        "two digests": double(f"{reference}/ds:DigestValue"),
        "two values": double("ds:SignatureValue"),
        "an object": lambda signature: etree.SubElement(signature, name("ds:Object")),
        "a length of the MAC": lambda signature: etree.SubElement(
            find(signature, f"{info}/ds:SignatureMethod"), name("ds:HMACOutputLength")
        ),
        "a stylesheet in a transform": lambda signature: etree.SubElement(
            find(signature, f"{reference}/ds:Transforms/ds:Transform"),
            "{http://www.w3.org/1999/XSL/Transform}stylesheet",
        ),
    }
    for path in ("ds:Signature", "saml:Assertion/ds:Signature"):
        for what, change in changes.items():
            root = tree(bases["both"])
            change(find(root, path))
            yield Attack(name=f"{what} at {path}", answered=bases["both"], message=text(root))
