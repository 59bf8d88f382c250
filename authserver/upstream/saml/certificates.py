"""Certificates of providers, and the keys that our own requests are signed with. SA-1, SA-8."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID

from authserver.opaque import Secret

RSA_BITS = 2048
CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
OUR_BITS = 3072
SOON = timedelta(days=30)
PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
# Software that reads SAML metadata takes the key and not the dates; an admin rolls it over, no date does.
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)


def texts(given: str) -> list[str]:
    """The certificates of a PEM file, or a bare one, each as base64 on one line."""
    found = PEM.findall(given) or [given]
    return ["".join(each.split()) for each in found if each.strip()]


def load(text: str) -> Certificate:
    """A certificate that we would verify with; raises ValueError with a sentence for whoever gave it."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
        key = certificate.public_key()
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("This is no X.509 certificate in PEM.") from error
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES
    )
    if not strong:
        raise ValueError(
            f"Its key is too weak: RSA has {RSA_BITS} bits at least, ECDSA one of the NIST curves from P-256."
        )
    return certificate


def in_force(certificates: Iterable[str], at: datetime) -> list[Certificate]:
    """Those that are within their dates."""
    loaded = [load(each) for each in certificates]
    return [each for each in loaded if each.not_valid_before_utc <= at <= each.not_valid_after_utc]


def fingerprint(text: str) -> str:
    """SHA-256 of a certificate, as openssl prints it."""
    digest = load(text).fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def same_fingerprint(one: str, other: str) -> bool:
    return one.replace(":", "").upper() == other.replace(":", "").upper()


def warnings(certificates: Sequence[str], at: datetime) -> Iterator[str]:
    """A sentence for each certificate that ended, or ends within a month."""
    for text in certificates:
        ends = load(text).not_valid_after_utc
        short = fingerprint(text)[:23]
        if ends <= at:
            yield f"The certificate {short}… of the provider ended on {ends:%Y-%m-%d}."
        elif ends <= at + SOON:
            yield f"The certificate {short}… of the provider ends on {ends:%Y-%m-%d}: ask for the next one."


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key of ours with its self-signed certificate."""

    private: rsa.RSAPrivateKey = field(repr=False)
    certificate: Certificate

    @classmethod
    def make(cls) -> "SigningKey":
        private = rsa.generate_private_key(public_exponent=65537, key_size=OUR_BITS)
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authserver SAML requests")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(named)
            .issuer_name(named)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(SINCE)
            .not_valid_after(UNTIL)
            .sign(private, hashes.SHA256())
        )
        return cls(private=private, certificate=certificate)

    @classmethod
    def opened(cls, kept: Secret) -> "SigningKey":
        """What `kept()` made; raises ValueError for anything else."""
        private, _, certificate = kept.reveal().partition(".")
        key = load_der_private_key(base64.b64decode(private), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the key that signs requests is no RSA key")  # noqa: TRY004
        return cls(private=key, certificate=load(certificate))

    def kept(self) -> Secret:
        """One line of text, to be sealed."""
        private = self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return Secret(f"{base64.b64encode(private).decode()}.{self.text}")

    @property
    def text(self) -> str:
        """Its certificate, as metadata holds it."""
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
