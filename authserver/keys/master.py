"""The master key: versioned, from the environment or a file; the newest version seals, older ones open.

A key file has one `version:key` a line, the key as base64 of 32 bytes. A bare key is version 1.
"""

import base64
import binascii
import fcntl
import os
import re
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes

from authserver.config import Config
from authserver.errors import Misconfigured
from authserver.opaque import new_secret
from authserver.vault import KEY, Place, Vault, b64

ENTRY = re.compile(r"(?:([1-9][0-9]{0,3}):)?([A-Za-z0-9+/_-]+={0,2})")
FEWEST_BYTES = 12  # different byte values among 32; chance gives fewer once in 10^20
OWNER_ONLY = 0o600
HEADER = (
    "# Master keys of authserver, version:key. The last one seals; older ones open what they sealed.\n"
    "# Back this file up, apart from the database: without it nobody can sign in again.\n"
)
REMEDY = "Give 32 random bytes in base64, as `openssl rand -base64 32` makes them."


class LiveVault(Vault):
    """A vault that looks at its source again when it meets a version that it does not have yet."""

    def __init__(self, config: Config) -> None:
        super().__init__(read(config))
        self._config = config

    def open(self, sealed: bytes, place: Place) -> bytes:
        if self.version_of(sealed) > self.version:
            self.learn(read(self._config))
        return super().open(sealed, place)


def vault_of(config: Config) -> Vault:
    """The vault that this configuration opens."""
    return LiveVault(config)


def read(config: Config) -> Mapping[int, bytes]:
    """Every version of the master key that is configured."""
    if config.master_key:
        return parse(config.master_key.get_secret_value(), "AUTHSERVER_MASTER_KEY")
    path = config.master_key_path
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise Misconfigured(
            f"There is no master key: {path} does not exist.",
            "Run `authserver init`, or name the file by AUTHSERVER_MASTER_KEY_FILE.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"The master key file {path} cannot be read: {error}", "Let this user read it."
        ) from error
    return parse(text, str(path))


def parse(text: str, source: str) -> Mapping[int, bytes]:
    """The versions in a text; refuses what no random generator made (KEY-6)."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    entries = [entry for line in lines for entry in line.replace(",", " ").split()]
    if not entries:
        raise Misconfigured(f"{source} holds no master key.", REMEDY)
    keys: dict[int, bytes] = {}
    for entry in entries:
        found = ENTRY.fullmatch(entry)
        if found is None:
            raise Misconfigured(f"{source} holds something that is not a master key.", REMEDY)
        version = int(found[1] or 1)
        if version in keys:
            raise Misconfigured(f"{source} holds version {version} twice.", "Number each key differently.")
        keys[version] = _checked(found[2], source)
    return keys


def make(path: Path) -> bool:
    """Write a new key file that only its owner may read; False where there is one, which stays as it is."""
    beside = path.with_name(f"{path.name}.{new_secret(6)}")
    _write(beside, f"{HEADER}1:{b64(token_bytes(KEY))}\n")
    try:
        # Linking is atomic: whoever reads at the same time finds a whole file or none.
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True


def add_version(path: Path) -> int:
    """Add a new version to a key file, so that it seals from now on; older ones keep opening."""
    with path.open("r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        versions = parse(text, str(path))
        new = max(versions) + 1
        lines = [HEADER.rstrip(), *(f"{number}:{b64(versions[number])}" for number in sorted(versions))]
        lines.append(f"{new}:{b64(token_bytes(KEY))}\n")
        beside = path.with_name(f"{path.name}.new")
        _write(beside, "\n".join(lines))
        beside.replace(path)
    return new


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _checked(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        raise Misconfigured(f"A master key in {source} is not base64.", REMEDY) from None
    if len(key) != KEY:
        raise Misconfigured(f"A master key in {source} has {len(key)} bytes and needs {KEY}.", REMEDY)
    if len(set(key)) < FEWEST_BYTES:
        raise Misconfigured(f"A master key in {source} is a default or an example.", REMEDY)
    return key
