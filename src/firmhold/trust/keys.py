"""A public key is known by what it *is*, not by the name it goes under.

Two entries of a key table may hold one key: under two key ids, in another letter case, with other
line breaks in its PEM, or for another padding. `PublicKey.identity` is the SHA-256 of the key's
DER SubjectPublicKeyInfo and is the same for all of them; `trust.quorum` counts identities.

A key that cannot be read, is too weak (TUF 4.2: RSA of at least 2048 bits; Ed25519 of small order,
for which anybody can sign) or belongs to no scheme of `SCHEMES` is no key: `parse_public_key`
answers None and its signatures count for nothing.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature as SslibSignature
from securesystemslib.signer import SSlibKey

from firmhold.trust.encoding import JsonValue, canonical_json

KeyId = NewType("KeyId", str)
"""The name of a key inside one document."""

KeyIdentity = NewType("KeyIdentity", str)
"""SHA-256 of the DER SubjectPublicKeyInfo, in hexadecimal: the key itself."""

ED25519 = "ed25519"
SCHEMES: Mapping[str, str] = {
    ED25519: ED25519,
    "ecdsa-sha2-nistp256": "secp256r1",
    "ecdsa-sha2-nistp384": "secp384r1",
    "rsassa-pss-sha256": "rsa",
    "rsassa-pss-sha384": "rsa",
    "rsassa-pss-sha512": "rsa",
    "rsa-pkcs1v15-sha256": "rsa",
    "rsa-pkcs1v15-sha384": "rsa",
    "rsa-pkcs1v15-sha512": "rsa",
}
"""Signature schemes that are believed, with the kind of key each one needs."""

_KEYTYPES: Mapping[str, frozenset[str]] = {
    ED25519: frozenset({ED25519}),
    "secp256r1": frozenset({"ecdsa", "ecdsa-sha2-nistp256"}),
    "secp384r1": frozenset({"ecdsa", "ecdsa-sha2-nistp384"}),
    "rsa": frozenset({"rsa"}),
}
_ED25519_HEX = re.compile(r"[0-9a-fA-F]{64}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_ED25519_FIELD = 2**255 - 19
_ED25519_ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_ED25519_SMALL_ORDER = frozenset(
    {0, 1, _ED25519_FIELD - 1, _ED25519_ORDER_EIGHT, _ED25519_FIELD - _ED25519_ORDER_EIGHT}
)
"""The y coordinates of the eight points of small order; a point and its negative share one."""

_RSA_BITS = range(2048, 8193)
_MAX_PEM_CHARACTERS = 8192


@dataclass(frozen=True, slots=True)
class Signature:
    """A claim that key `key_id` made `sig` (hexadecimal as found, perhaps not even that)."""

    key_id: KeyId
    sig: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A readable public key with its scheme; `text` is the normal form of its public part."""

    identity: KeyIdentity
    kind: str
    scheme: str
    text: str

    def verifies(self, sig: str, payload: bytes) -> bool:
        """Tell whether hexadecimal `sig` is this key's signature over `payload`."""
        if not _HEX.fullmatch(sig):
            return False
        keytype = "ecdsa" if self.kind.startswith("secp") else self.kind
        key = SSlibKey(self.identity, keytype, self.scheme, {"public": self.text})
        try:
            key.verify_signature(SslibSignature(self.identity, sig), payload)
        except UnverifiedSignatureError:
            return False
        return True


def parse_public_key(entry: Mapping[str, JsonValue]) -> PublicKey | None:
    """Read an entry `{keytype, scheme, keyval: {public}}` of a key table; None if it is no key."""
    keytype, scheme, keyval = entry.get("keytype"), entry.get("scheme"), entry.get("keyval")
    public = keyval.get("public") if isinstance(keyval, dict) else None
    if not (isinstance(keytype, str) and isinstance(scheme, str) and isinstance(public, str)):
        return None
    kind = SCHEMES.get(scheme)
    if kind is None or keytype not in _KEYTYPES[kind]:
        return None
    key = _load_ed25519(public) if kind == ED25519 else _load_pem(public, kind)
    return None if key is None else _normal_form(key, kind, scheme)


def ed25519_entry(public: bytes) -> dict[str, JsonValue]:
    """Return the entry of a key table for an Ed25519 key (its 32 raw bytes)."""
    return {"keytype": ED25519, "scheme": ED25519, "keyval": {"public": public.hex()}}


def derived_key_id(entry: Mapping[str, JsonValue]) -> KeyId:
    """Return the key id that TUF 4.2 derives: SHA-256 of the canonical form of the key."""
    key = {name: entry.get(name) for name in ("keytype", "scheme", "keyval")}
    return KeyId(hashlib.sha256(canonical_json(key)).hexdigest())


_Loaded = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def _load_ed25519(public: str) -> _Loaded | None:
    if not _ED25519_HEX.fullmatch(public):
        return None
    y = int.from_bytes(bytes.fromhex(public), "little") % 2**255
    # A y beyond the field is a second spelling of a small one: another name for the same key.
    if y >= _ED25519_FIELD or y in _ED25519_SMALL_ORDER:
        return None
    return ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))


def _load_pem(public: str, kind: str) -> _Loaded | None:
    if len(public) > _MAX_PEM_CHARACTERS:
        return None
    try:
        key = load_pem_public_key(public.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if kind == "rsa":
        return key if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS else None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == kind else None


def _normal_form(key: _Loaded, kind: str, scheme: str) -> PublicKey:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if kind == ED25519:
        text = key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    else:
        text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return PublicKey(KeyIdentity(hashlib.sha256(der).hexdigest()), kind, scheme, text)
