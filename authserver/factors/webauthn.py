"""What a browser's answer proves, by the library; loaded when the first answer comes. PK-2, PK-7."""

import webauthn
from cryptography.exceptions import InvalidSignature
from webauthn.helpers import parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.parse_authenticator_data import parse_authenticator_data
from webauthn.helpers.parse_client_data_json import parse_client_data_json

from authserver.factors.ceremony import (
    ALGORITHMS,
    MAKE,
    USE,
    Made,
    Mistrusted,
    Offered,
    Shown,
    origin,
    rp_id,
    unfit,
)
from authserver.issuer import Issuer

LONGEST = 32_768
SUPPORTED = [COSEAlgorithmIdentifier(number) for number in ALGORITHMS]
UNREADABLE = (
    WebAuthnException,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    RecursionError,
    InvalidSignature,
)


def made(issuer: Issuer, text: str, binding: str) -> Made | Mistrusted:
    """Read what a browser made. PK-2, PK-7."""
    try:
        parsed = parse_registration_credential_json(_bounded(text))
        challenge = _challenge_of(parsed.response.client_data_json)
        if problem := unfit(issuer, MAKE, binding, challenge):
            return problem
        found = webauthn.verify_registration_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=rp_id(issuer),
            expected_origin=origin(issuer),
            supported_pub_key_algs=SUPPORTED,
        )
    except UNREADABLE as error:
        return Mistrusted(f"the registration: {error}")
    return Made(
        credential=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        eligible=found.credential_device_type == "multi_device",
        backed_up=found.credential_backed_up,
        verified=found.user_verified,
        transports=[each.value for each in parsed.response.transports or []],
        challenge=challenge,
    )


def offered(text: str) -> Offered | Mistrusted:
    """Read whose assertion this says it is."""
    try:
        parsed = parse_authentication_credential_json(_bounded(text))
        challenge = _challenge_of(parsed.response.client_data_json)
    except UNREADABLE as error:
        return Mistrusted(f"the assertion: {error}")
    return Offered(
        credential=parsed.raw_id,
        handle=parsed.response.user_handle or b"",
        parsed=parsed,
        challenge=challenge,
    )


def shown(
    issuer: Issuer, offer: Offered, public_key: bytes, binding: str, origins: list[str]
) -> Shown | Mistrusted:
    """Check an assertion against the key that it names. PK-2."""
    if problem := unfit(issuer, USE, binding, offer.challenge):
        return problem
    try:
        found = webauthn.verify_authentication_response(
            credential=offer.parsed,
            expected_challenge=offer.challenge,
            expected_rp_id=rp_id(issuer),
            expected_origin=origins,
            credential_public_key=public_key,
            # The library compares counts before signatures; we do after them, in the write that spends it.
            credential_current_sign_count=0,
        )
        flags = parse_authenticator_data(offer.parsed.response.authenticator_data).flags
    except UNREADABLE as error:
        return Mistrusted(f"the assertion: {error}")
    return Shown(
        sign_count=found.new_sign_count,
        verified=found.user_verified,
        eligible=bool(flags.be),
        backed_up=bool(flags.bs),
    )


def _challenge_of(client_data: bytes) -> bytes:
    """The challenge that was signed; an answer made in a frame of another site is none. PK-2."""
    data = parse_client_data_json(client_data)
    if data.cross_origin:
        raise ValueError("it was made within a page of another origin")
    return data.challenge


def _bounded(text: str) -> str:
    if not text or len(text) > LONGEST:
        raise ValueError("it is empty, or too long")
    return text
