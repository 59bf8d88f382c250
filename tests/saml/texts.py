"""Bytes that are read in more than one way, or not at all: comments, DTDs, encodings, sizes. SA-5, CVE-14."""

import re
from datetime import timedelta

from tests.saml.forge import Attack, Attacks
from tests.saml.trip import Answered

INSERTS = {
    "a comment": b"<!-- evil -->",
    "an empty comment": b"<!---->",
    "an instruction": b"<?evil?>",
    "an empty section": b"<![CDATA[]]>",
}
PLACES = {
    "the name": rb"(<saml:NameID[^>]*>.)",
    "the issuer": rb"(<saml:Issuer>.)",
    "the audience": rb"(<saml:Audience>.)",
    "a value": rb"(<saml:AttributeValue[^>]*>.)",
    "the digest": rb"(<ds:DigestValue>.)",
    "the signature's value": rb"(<ds:SignatureValue>.)",
    "the reference": rb"(<ds:Reference[^>]*>)",
    "the assertion": rb"(<saml:Assertion[^>]*>)",
    "the status": rb"(<samlp:Status>)",
    "the front": rb"\A()",
    "the end": rb"()\Z",
}
LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10 if level else b"ha") for level in range(10)
)
DTDS = {
    "a bare DTD": b"<!DOCTYPE Response>",
    "an entity": b'<!DOCTYPE r [<!ENTITY e "evil">]>',
    "a file": b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "an address": b'<!DOCTYPE r [<!ENTITY e SYSTEM "http://127.0.0.1:9/x">]>',
    "an external DTD": b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">',
    "a public DTD": b'<!DOCTYPE r PUBLIC "-//x//x" "http://127.0.0.1:9/x.dtd">',
    "a parameter entity": b'<!DOCTYPE r [<!ENTITY % e SYSTEM "http://127.0.0.1:9/x"> %e;]>',
    "a thousand laughs": b"<!DOCTYPE r [%s]>" % LAUGHS,
    "another type of ID": b"<!DOCTYPE r [<!ATTLIST saml:NameID Format ID #IMPLIED>]>",
    "a default attribute": b'<!DOCTYPE r [<!ATTLIST samlp:Response ID CDATA "evil">]>',
    "a notation": b'<!DOCTYPE r [<!NOTATION n SYSTEM "x">]>',
    "a DTD in lower case": b"<!doctype r>",
}
# Refused before anything costly is done with them.
RULES = dict.fromkeys(
    ("too large", "too large by blanks", "61 elements deep", "20000 attributes", "10000 namespaces"),
    "saml.xml",
)


def attacks(answered: Answered) -> Attacks:
    yield from _attacks(answered)


def _attacks(answered: Answered) -> Attacks:
    plain = re.sub(rb"\A<\?xml[^>]*\?>\s*", b"", answered.message)
    for what, inserted in INSERTS.items():
        for where, pattern in PLACES.items():
            made = re.sub(pattern, lambda found, new=inserted: found.group(1) + new, plain, count=1)
            assert made != plain, where
            yield Attack(name=f"{what} in {where}", answered=answered, message=made)
    for what, dtd in DTDS.items():
        body = plain
        if b"ENTITY e" in dtd:
            body = re.sub(rb"(<saml:NameID[^>]*>)[^<]*", rb"\1&e;", plain)
        elif b"ENTITY l" in dtd:
            body = re.sub(rb"(<saml:NameID[^>]*>)[^<]*", rb"\1&l9;", plain)
        yield Attack(name=f"DTD: {what}", answered=answered, message=dtd + body, rule="saml.xml")
    for what, made in {**encodings(plain), **broken(plain)}.items():
        yield Attack(name=what, answered=answered, message=made, rule=RULES.get(what, ""))
    for what, later in {
        "a second too late": timedelta(minutes=6, seconds=1),
        "a day late": timedelta(days=1),
    }.items():
        yield Attack(name=what, answered=answered, message=answered.message, later=later, rule="saml.expired")
    yield Attack(
        name="before it was made",
        answered=answered,
        message=answered.message,
        later=timedelta(minutes=-5),
        rule="saml.not_before",
    )


def encodings(plain: bytes) -> dict[str, bytes]:
    """One text in other bytes: who guesses the encoding otherwise reads something else."""
    letters = plain.decode()

    def declared(encoding: str) -> bytes:
        return f'<?xml version="1.0" encoding="{encoding}"?>'.encode()

    return {
        "UTF-16": letters.encode("utf-16"),
        "UTF-16, little end first": letters.encode("utf-16-le"),
        "UTF-16, big end first": letters.encode("utf-16-be"),
        "UTF-32": letters.encode("utf-32"),
        "UTF-16 that says UTF-8": b"\xff\xfe" + (declared("UTF-8").decode() + letters).encode("utf-16-le"),
        "UTF-8 that says UTF-16": declared("UTF-16") + plain,
        "UTF-8 that says UTF-7": declared("UTF-7") + plain,
        "UTF-7": declared("UTF-7") + letters.encode("utf-7"),
        "Latin-1": declared("ISO-8859-1") + plain.replace(b"Ada Lovelace", b"Ad\xe4 Lovelace"),
        "EBCDIC": declared("cp037") + letters.encode("cp037"),
        "an encoding nobody knows": declared("x-evil") + plain,
        "a byte that is no UTF-8": plain.replace(b"Ada Lovelace", b"Ada \xff Lovelace"),
        "a letter in more bytes than it needs": plain.replace(b"Ada Lovelace", b"\xc1\x81da Lovelace"),
        "half of a pair": plain.replace(b"Ada Lovelace", b"\xed\xa0\x80"),
        "a NUL": plain.replace(b"Ada Lovelace", b"Ada\0Lovelace"),
        "a NUL at the end": plain + b"\0",
        "a character reference to NUL": plain.replace(b"Ada Lovelace", b"Ada&#0;Lovelace"),
        "an unknown entity": plain.replace(b"Ada Lovelace", b"Ada&nbsp;Lovelace"),
        "XML 1.1": b'<?xml version="1.1"?>' + plain,
        "XML 2.0": b'<?xml version="2.0"?>' + plain,
        "two declarations": declared("UTF-8") * 2 + plain,
        "a blank before the declaration": b" " + declared("UTF-8") + plain,
        "two byte order marks": b"\xef\xbb\xbf" * 2 + plain,
    }


def broken(plain: bytes) -> dict[str, bytes]:
    """What is no message, or too much of one."""
    end = b"</samlp:Response>"
    return {
        "nothing": b"",
        "blanks": b"   ",
        "a bracket": b"<",
        "half of it": plain[: len(plain) // 2],
        "all but the last letter": plain[:-1],
        "twice": plain + plain,
        "text behind it": plain + b"evil",
        "HTML": b"<html><body>Service unavailable</body></html>",
        "JSON": b'{"evil": true}',
        "noise": bytes(range(256)) * 4,
        "too large": plain.replace(end, b"<x>" + b"a" * 300_000 + b"</x>" + end),
        "too large by blanks": plain + b" " * 300_000,
        "61 elements deep": plain.replace(end, b"<x>" * 60 + b"</x>" * 60 + end),
        "20000 elements deep": plain.replace(end, b"<x>" * 20_000 + b"</x>" * 20_000 + end),
        "10000 namespaces": plain.replace(
            b"<samlp:Status>",
            b"<samlp:Status %s>" % b" ".join(b'xmlns:n%d="u:n"' % each for each in range(10_000)),
        ),
        "a long list of prefixes": plain.replace(
            b'<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>',
            b'<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces '
            b'xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="%s"/></ds:CanonicalizationMethod>'
            % (b"a " * 50_000),
        ),
        "20000 attributes": plain.replace(b"<samlp:Status>", b"<samlp:Status %s>" % _attributes()),
        "an attribute twice": plain.replace(b"<samlp:Status>", b'<samlp:Status a="1" a="2">'),
        "a prefix that is not declared": plain.replace(b"<samlp:Status>", b"<evil:x/><samlp:Status>"),
        "a relative namespace": plain.replace(b"<saml:Assertion ", b'<saml:Assertion xmlns="evil" ', 1),
        "a prefix that means something else": plain.replace(
            b"<saml:Assertion ", b'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" ', 1
        ),
        "a language on the name": plain.replace(b"<saml:NameID ", b'<saml:NameID xml:lang="en" ', 1),
        "a base on the assertion": plain.replace(
            b"<saml:Assertion ", b'<saml:Assertion xml:base="http://evil.example/" ', 1
        ),
        "another type of the name": plain.replace(
            b"<saml:NameID ",
            b'<saml:NameID xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="x" ',
            1,
        ),
        "another type of a value": plain.replace(b'xsi:type="xs:string"', b'xsi:type="xs:anyType"', 1),
        "a letter of the name": re.sub(rb"(<saml:NameID[^>]*>).", rb"\1X", plain, count=1),
        "a letter of a value": plain.replace(b"ada@uni.example", b"eve@uni.example"),
        "blanks in the assertion": plain.replace(b"<saml:Subject>", b"\n <saml:Subject>"),
        "text in the assertion": plain.replace(b"<saml:Subject>", b"evil<saml:Subject>"),
        "text behind the assertion": plain.replace(end, b"evil" + end),
    }


def _attributes() -> bytes:
    return b" ".join(b'a%d=""' % number for number in range(20_000))
