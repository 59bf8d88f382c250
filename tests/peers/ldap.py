"""An OpenLDAP server of our own, with people in it: TLS by a private authority, and what Active Directory would say."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.certificates import Certificates, issue
from tests.peers.process import (
    Home,
    PeerMissingError,
    answers,
    free_port,
    program,
    run,
    unprivileged,
    wait_until,
)

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
SERVICE, SERVICE_PASSWORD = f"cn=reader,{BASE}", "it reads and nothing else"
HOST = "localhost"
# Attributes that only Active Directory has, so that its entries can stand here.
FOREIGN = """
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9.999 NAME 'foreignPerson' SUP top AUXILIARY
  MAY ( userAccountControl $ accountExpires $ objectGUID $ sAMAccountName $ nsAccountLock ) )
"""
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include {home}/foreign.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {home}/slapd.pid
TLSCACertificateFile {certificates}/ca.pem
TLSCertificateFile {certificates}/server.pem
TLSCertificateKeyFile {certificates}/server-key.pem
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by self read by anonymous auth by * none
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw {root}
directory {home}/data
maxsize 10485760
index objectClass,uid eq
overlay memberof
overlay ppolicy
ppolicy_default "cn=policy,{base}"
"""


@dataclass(slots=True)
class Ldap:
    """A running slapd; `stop` and `start` take it away and give it back with all that it knows."""

    home: Home
    program: Path
    certificates: Certificates
    root: str
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def install(cls) -> "Ldap":
        home = Home(name="slapd", user=unprivileged("openldap"))
        folder = home.path / "certificates"
        folder.mkdir()
        server = cls(
            home,
            program("slapd", "usr/sbin/slapd", "usr/libexec/slapd", package="slapd"),
            issue(folder, HOST),
            root=os.urandom(16).hex(),
        )
        server.configure()
        server.start()
        return server

    @property
    def url(self) -> str:
        """Where TLS begins by request."""
        return f"ldap://{HOST}:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://{HOST}:{self.tls_port}"

    @property
    def authority(self) -> str:
        return self.certificates.authority.read_text(encoding="ascii")

    def configure(self) -> None:
        where = self.home.path
        (where / "data").mkdir()
        (where / "foreign.schema").write_text(FOREIGN, encoding="ascii")
        text = CONFIGURATION.format(
            home=where, certificates=where / "certificates", base=BASE, service=SERVICE, root=self.root
        )
        (where / "slapd.conf").write_text(text, encoding="ascii")
        if self.home.user is not None:
            for path in (where, *where.rglob("*")):
                os.chown(path, self.home.user, -1)

    def start(self) -> None:
        """Start, and come back when it takes connections."""
        urls = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        with (self.home.path / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-d", "0", "-h", urls, "-f", self.home.path / "slapd.conf"],
                user=self.home.user,
                cwd=self.home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
        wait_until(self._answers_or_ended, "slapd answers")
        if self.process.poll() is not None:
            log_text = (self.home.path / "log").read_text(encoding="utf-8", errors="replace")
            raise PeerMissingError(f"slapd ended with {self.process.returncode}:\n{log_text}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.stop()
        self.home.remove()

    def add(self, ldif: str) -> None:
        """Put entries in, as its root."""
        self._tool("ldapadd", ldif)

    def modify(self, ldif: str) -> None:
        self._tool("ldapmodify", ldif)

    def _tool(self, name: str, ldif: str) -> None:
        path = self.home.path / "change.ldif"
        path.write_text(ldif, encoding="utf-8")
        path.chmod(0o644)
        command = (program(name, package="ldap-utils"), "-x", "-H", f"ldap://127.0.0.1:{self.port}")
        run((*command, "-D", f"cn=root,{BASE}", "-w", self.root, "-f", path), self.home.user, self.home.path)

    def _answers_or_ended(self) -> bool:
        up = answers(self.port) and answers(self.tls_port)
        return up or (self.process is not None and self.process.poll() is not None)
