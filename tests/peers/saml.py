"""A SAML identity provider: Debian's SimpleSAMLphp on PHP's built-in server, with keys of this run."""

import os
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.peers.process import Home, PeerMissingError, answers, free_port, program, unprivileged, wait_until
from tests.wire import send

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
UNPACKED = Path(__file__).resolve().parent / "unpacked"
ADA = {
    "uid": "ada",
    "mail": "ada@uni.example",
    "givenName": "Ada",
    "sn": "Lovelace",
    "displayName": "Ada Lovelace",
    "eduPersonPrincipalName": "ada@uni.example",
    "eduPersonScopedAffiliation": "staff@uni.example",
    "isMemberOf": "analysts",
}
GRACE = {"uid": "grace", "mail": "grace.hopper@uni.example"}
PASSWORD = "correct horse battery staple"
CONFIG = """<?php
$config = [
  'baseurlpath' => '{url}/', 'certdir' => '{home}/cert/', 'loggingdir' => '{home}/log/', 'datadir' => '{home}/data/',
  'tempdir' => '{home}/tmp', 'metadatadir' => '{home}/metadata', 'secretsalt' => 'of the tests alone',
  'auth.adminpassword' => 'not used in the tests', 'timezone' => 'UTC', 'enable.saml20-idp' => true,
  'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'session.cookie.secure' => false, 'session.cookie.samesite' => null, 'language.cookie.secure' => false,
  'session.phpsession.savepath' => '{home}/tmp', 'store.type' => 'phpsession', 'logging.handler' => 'file',
  'logging.level' => 5, 'showerrors' => true, 'errorreporting' => false, 'admin.checkforupdates' => false,
  'metadata.sources' => [['type' => 'flatfile'], {sources}],
  'authproc.idp' => [], 'theme.use' => 'default',
];
"""
AUTHSOURCES = """<?php
$config = ['people' => ['exampleauth:UserPass', {people}]];
"""
HOSTED = """<?php
$metadata['{entity}'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.crt', 'auth' => 'people',
  'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri', 'userid.attribute' => 'uid',
  'NameIDFormat' => ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
  'saml20.sign.response' => {response}, 'saml20.sign.assertion' => {assertion},
  'authproc' => [
    3 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
    100 => ['class' => 'core:AttributeMap',
      'mail' => 'urn:oid:0.9.2342.19200300.100.1.3', 'givenName' => 'urn:oid:2.5.4.42', 'sn' => 'urn:oid:2.5.4.4',
      'eduPersonPrincipalName' => 'urn:oid:1.3.6.1.4.1.5923.1.1.1.6',
      'isMemberOf' => 'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
      'displayName' => 'http://schemas.microsoft.com/identity/claims/displayname'],
  ],
];
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key that signs, and its certificate, in PEM."""

    private: PrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def make_key(*, bits: int = 2048) -> Key:
    """A key with a self-signed certificate, as identity providers have them."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return Key(private=private, certificate=certificate_of(private))


def make_elliptic_key() -> Key:
    private = ec.generate_private_key(ec.SECP256R1())
    return Key(private=private, certificate=certificate_of(private))


def certificate_of(
    private: PrivateKey, *, since: timedelta = timedelta(days=1), until: timedelta = timedelta(days=365)
) -> x509.Certificate:
    """A self-signed certificate, from so long ago until so far ahead."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.uni.example")])
    now = datetime.fromtimestamp(time.time(), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - since)
        .not_valid_after(now + until)
        .sign(private, hashes.SHA256())
    )


@dataclass(slots=True)
class SimpleSaml:
    """A running identity provider; `know` tells it of a service, `sign` says what it signs."""

    home: Home
    code: Path
    php: Path
    port: int = field(default_factory=free_port)
    key: Key = field(default_factory=make_key)
    services: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def install(cls) -> "SimpleSaml":
        found = program(
            "simplesamlphp",
            f"{str(UNPACKED).lstrip('/')}/usr/share/simplesamlphp/www/module.php",
            "usr/share/simplesamlphp/www/module.php",
            package="simplesamlphp",
        )
        server = cls(
            Home(name="saml", user=unprivileged("nobody")),
            found.parent.parent,
            program("php", package="php-cli"),
        )
        server._write_all()
        server.start()
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def entity_id(self) -> str:
        return f"{self.url}/idp"

    @property
    def sso_url(self) -> str:
        return f"{self.url}/saml2/idp/SSOService.php"

    def metadata(self) -> bytes:
        """What it publishes of itself."""
        return send("GET", f"{self.url}/saml2/idp/metadata.php").body

    def know(self, metadata: bytes) -> None:
        """Take a service from the metadata that it publishes."""
        path = self.home.path / "metadata" / f"service-{len(self.services)}.xml"
        self._write(path, metadata.decode())
        self.services.append(str(path))
        self._write_config()

    def sign(self, *, response: bool, assertion: bool) -> None:
        """What is signed from now on."""
        self._write(
            self.home.path / "metadata" / "saml20-idp-hosted.php",
            HOSTED.format(
                entity=self.entity_id,
                response="true" if response else "false",
                assertion="true" if assertion else "false",
            ),
        )

    def change_key(self, key: Key) -> None:
        """Sign with this key from now on, and publish its certificate."""
        self.key = key
        self._write(self.home.path / "cert" / "idp.key", self.key.key_pem.decode())
        self._write(self.home.path / "cert" / "idp.crt", self.key.certificate_pem)

    def start(self) -> None:
        with (self.home.path / "log" / "php").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.php,
                    "-q",
                    "-d",
                    "opcache.enable_cli=0",
                    "-S",
                    f"127.0.0.1:{self.port}",
                    "-t",
                    self.code / "www",
                ],
                user=self.home.user,
                cwd=self.home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    "PATH": os.environ["PATH"],
                    "LC_ALL": "C.UTF-8",
                    "SIMPLESAMLPHP_CONFIG_DIR": str(self.home.path / "config"),
                },
            )
        wait_until(self._answers_or_ended, "SimpleSAMLphp answers")
        if self.process.poll() is not None:
            raise PeerMissingError(f"php ended with {self.process.returncode}:\n{self.log}")

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.home.remove()

    @property
    def log(self) -> str:
        """What it and PHP said."""
        files = sorted((self.home.path / "log").iterdir())
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def _answers_or_ended(self) -> bool:
        return answers(self.port) or (self.process is not None and self.process.poll() is not None)

    def _write_all(self) -> None:
        for name in ("config", "metadata", "cert", "log", "data", "tmp"):
            folder = self.home.path / name
            folder.mkdir()
            folder.chmod(0o777)
        self._write(self.home.path / "cert" / "idp.key", self.key.key_pem.decode())
        self._write(self.home.path / "cert" / "idp.crt", self.key.certificate_pem)
        people = ", ".join(f"'{who['uid']}:{PASSWORD}' => {php_array(who)}" for who in (ADA, GRACE))
        self._write(self.home.path / "config" / "authsources.php", AUTHSOURCES.format(people=people))
        self._write_config()
        self.sign(response=True, assertion=True)

    def _write_config(self) -> None:
        sources = ", ".join(f"['type' => 'xml', 'file' => '{path}']" for path in self.services)
        self._write(
            self.home.path / "config" / "config.php",
            CONFIG.format(url=self.url, home=self.home.path, sources=sources),
        )

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)


def php_array(values: dict[str, str]) -> str:
    return "[" + ", ".join(f"'{name}' => ['{value}']" for name, value in values.items()) + "]"
