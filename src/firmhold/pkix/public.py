"""Public halves: as entries of key tables, and back as objects that certificates are made with."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum, unique
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import ED25519, ed25519_entry, parse_public_key
from firmhold.trust.outer_faults import PlaceFault


@unique
class Algorithm(StrEnum):
    """Which keys can be made here; the value is the scheme of TUF key tables (TUF 4.2)."""

    ED25519 = "ed25519"
    P256 = "ecdsa-sha2-nistp256"
    P384 = "ecdsa-sha2-nistp384"


PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey

CURVES: Mapping[str, Algorithm] = {"secp256r1": Algorithm.P256, "secp384r1": Algorithm.P384}
HASHES: Mapping[Algorithm, SHA256 | SHA384] = {Algorithm.P256: SHA256(), Algorithm.P384: SHA384()}


def entry_of(key: PublicKey) -> dict[str, JsonValue]:
    """Return the entry of a key table for `key`: Ed25519, P-256 or P-384."""
    if isinstance(key, Ed25519PublicKey):
        return ed25519_entry(key.public_bytes_raw())
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    scheme = CURVES[key.curve.name].value
    return {"keytype": "ecdsa", "scheme": scheme, "keyval": {"public": pem}}


def spki_sha256(key: PublicKeyTypes) -> bytes:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo: what a pin names."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).digest()


def public_key_of(entry: Mapping[str, JsonValue]) -> PublicKey:
    """Return the key in an entry that `entry_of` makes. Raises `Misuse` for any other key."""
    found = parse_public_key(entry)
    if found is not None and found.kind == ED25519:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.text))
    if found is not None and found.kind in CURVES:
        loaded = load_pem_public_key(found.text.encode())
        if isinstance(loaded, EllipticCurvePublicKey):
            return loaded
    detail = "not an Ed25519, P-256 or P-384 key"
    raise Misuse(PlaceFault(code=Code.KEY_UNREADABLE, path="public key", detail=detail))
