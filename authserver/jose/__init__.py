"""Every JWT that is signed or verified here is signed and verified in this package alone."""

from authserver.jose.errors import BadKey, BadToken
from authserver.jose.keys import PublicKey, PublicKeys, thumbprint
from authserver.jose.kinds import (
    ACCESS,
    CLIENT_ASSERTION,
    CONFLICT,
    ID_HINT,
    LOGOUT,
    PENDING,
    UPSTREAM_ID,
    Kind,
)
from authserver.jose.read import claimant
from authserver.jose.sign import Signer, generate
from authserver.jose.verify import Claims, Expected, still_good, verify

__all__ = [
    "ACCESS",
    "CLIENT_ASSERTION",
    "CONFLICT",
    "ID_HINT",
    "LOGOUT",
    "PENDING",
    "UPSTREAM_ID",
    "BadKey",
    "BadToken",
    "Claims",
    "Expected",
    "Kind",
    "PublicKey",
    "PublicKeys",
    "Signer",
    "claimant",
    "generate",
    "still_good",
    "thumbprint",
    "verify",
]
