"""Keys in PKCS#11 tokens: made there, used there, and never anywhere else.

Ed25519 and ECDSA on P-256 and P-384. A key that is made here is sensitive, cannot be taken out,
copied or changed, and signs; it does nothing else.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11 import exceptions as failures
from pkcs11.types import PrivateKey, Session, SignMixin
from pkcs11.types import PublicKey as TokenPublicKey

from firmhold.pkix.public import Algorithm, PublicKey, entry_of
from firmhold.signing.audit import Finding
from firmhold.signing.pkcs11_uri import TokenKey, parse_token_key
from firmhold.signing.ports import Secrets, Tier
from firmhold.signing.token import Token, token_of
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import KeyId, derived_key_id
from firmhold.trust.outer_faults import PlaceFault

_ID_BYTES = 16
_OCTET_STRING = 0x04
_ED25519_BYTES = 32


class _Kind(NamedTuple):
    """How PKCS#11 speaks of an algorithm."""

    key_type: KeyType
    parameters: bytes
    makes: Mechanism
    signs: Mechanism


_KINDS: Mapping[Algorithm, _Kind] = {
    Algorithm.ED25519: _Kind(
        KeyType.EC_EDWARDS,
        bytes.fromhex("06032b6570"),
        Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        Mechanism.EDDSA,
    ),
    Algorithm.P256: _Kind(
        KeyType.EC,
        bytes.fromhex("06082a8648ce3d030107"),
        Mechanism.EC_KEY_PAIR_GEN,
        Mechanism.ECDSA,
    ),
    Algorithm.P384: _Kind(
        KeyType.EC, bytes.fromhex("06052b81040022"), Mechanism.EC_KEY_PAIR_GEN, Mechanism.ECDSA
    ),
}
_EDWARDS_BY_NAME = b"\x13\x0cedwards25519"
"""How some tokens write the parameters of Ed25519: as a name, not as an object identifier."""

_HASHES = {Algorithm.P256: hashlib.sha256, Algorithm.P384: hashlib.sha384}
_CURVES: Mapping[Algorithm, ec.EllipticCurve] = {
    Algorithm.P256: ec.SECP256R1(),
    Algorithm.P384: ec.SECP384R1(),
}
_MUST_BE: Mapping[Attribute, bool] = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.ALWAYS_SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.NEVER_EXTRACTABLE: True,
    Attribute.LOCAL: True,
    Attribute.MODIFIABLE: False,
    Attribute.COPYABLE: False,
    Attribute.SIGN: True,
    Attribute.SIGN_RECOVER: False,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
_SET_WHEN_MADE = (
    Attribute.SENSITIVE,
    Attribute.EXTRACTABLE,
    Attribute.MODIFIABLE,
    Attribute.COPYABLE,
    Attribute.SIGN_RECOVER,
    Attribute.DECRYPT,
    Attribute.UNWRAP,
    Attribute.DERIVE,
)


class Pkcs11Signer:
    """A key in a token."""

    def __init__(self, token: Token, named: TokenKey) -> None:
        self._token, self._named = token, named
        self._held: PrivateKey | None = None
        self._algorithm, self._public = token.use(self._look)

    @classmethod
    def load(cls, uri: str, secrets: Secrets) -> "Pkcs11Signer":
        """Return the key that is there under a URI. Raises `Misuse` or `Unavailable`."""
        named = parse_token_key(uri)
        return cls(token_of(named, uri, secrets), named)

    @classmethod
    def create(cls, uri: str, secrets: Secrets, algorithm: Algorithm) -> "Pkcs11Signer":
        """Make a key in the token; one that is there already under the URI is left alone."""
        named = parse_token_key(uri)
        if named.label is None:
            raise Misuse(PlaceFault(code=Code.KEY_URI, path=uri, detail="expected object=NAME"))
        token = token_of(named, uri, secrets)
        token.use(lambda session: _make(session, named, algorithm, uri), writes=True)
        return cls(token, named)

    @cached_property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        return entry_of(self._public)

    @property
    def tier(self) -> Tier:
        """A token."""
        return Tier.TOKEN

    def sign(self, payload: bytes) -> str:
        """Return the token's signature over `payload`. Raises `Unavailable` if it makes none."""
        kind = _KINDS[self._algorithm]
        if self._algorithm is Algorithm.ED25519:
            return self._raw(payload, kind.signs).hex()
        raw = self._raw(_HASHES[self._algorithm](payload).digest(), kind.signs)
        half = len(raw) // 2
        r, s = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
        return encode_dss_signature(r, s).hex()

    def findings(self) -> tuple[Finding, ...]:
        """Return what the token says of the key that must not be, and what it lets be tried."""
        return self._token.use(lambda session: (*_examined(_private(session, self._named)),))

    def _raw(self, data: bytes, mechanism: Mechanism) -> bytes:
        def signed(session: Session) -> bytes:
            if self._held is None or self._held.session is not session:
                self._held = _private(session, self._named)
            key = self._held
            if not isinstance(key, SignMixin):
                raise failures.KeyTypeInconsistent
            return bytes(key.sign(data, mechanism=mechanism))

        return self._token.use(signed)

    def _look(self, session: Session) -> tuple[Algorithm, PublicKey]:
        _private(session, self._named)
        found = session.get_key(
            object_class=ObjectClass.PUBLIC_KEY, label=self._named.label, id=self._named.id
        )
        assert isinstance(found, TokenPublicKey)  # noqa: S101 - by its class
        return _public(found, self._token.uri)


def _private(session: Session, named: TokenKey) -> PrivateKey:
    found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=named.label, id=named.id)
    assert isinstance(found, PrivateKey)  # noqa: S101 - by its class
    return found


def _make(session: Session, named: TokenKey, algorithm: Algorithm, uri: str) -> None:
    """Make a pair of keys, if none is there of this name."""
    try:
        session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=named.label, id=named.id)
    except failures.NoSuchKey:
        pass
    else:
        detail = "a key is there already"
        raise Misuse(PlaceFault(code=Code.KEY_EXISTS, path=uri, detail=detail))
    kind = _KINDS[algorithm]
    parameters = {Attribute.EC_PARAMS: kind.parameters}
    session.create_domain_parameters(kind.key_type, parameters, local=True).generate_keypair(
        id=named.id or os.urandom(_ID_BYTES),
        label=named.label,
        store=True,
        mechanism=kind.makes,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        private_template={name: _MUST_BE[name] for name in _SET_WHEN_MADE},
    )


def _public(found: TokenPublicKey, uri: str) -> tuple[Algorithm, PublicKey]:
    parameters, point = bytes(found[Attribute.EC_PARAMS]), bytes(found[Attribute.EC_POINT])
    if parameters in {_KINDS[Algorithm.ED25519].parameters, _EDWARDS_BY_NAME}:
        return Algorithm.ED25519, Ed25519PublicKey.from_public_bytes(point[-_ED25519_BYTES:])
    for algorithm, curve in _CURVES.items():
        if parameters == _KINDS[algorithm].parameters:
            size = 1 + 2 * (curve.key_size // 8)
            key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-size:])
            return algorithm, key
    detail = "not an Ed25519, P-256 or P-384 key"
    raise Misuse(PlaceFault(code=Code.KEY_UNREADABLE, path=uri, detail=detail))


def _examined(key: PrivateKey) -> Iterator[Finding]:
    """Yield what is not as it must be: by the token's word first, then by trying."""
    for attribute, must in _MUST_BE.items():
        found = _said(key, attribute)
        if found is not must:
            shown = "not said" if found is None else str(found).lower()
            yield Finding(f"CKA_{attribute.name}", str(must).lower(), shown)
    try:
        key[Attribute.VALUE]
    except failures.PKCS11Error:
        return
    yield Finding("reading the private half", "refused", "it was given out")


def _said(key: PrivateKey, attribute: Attribute) -> bool | None:
    try:
        return bool(key[attribute])
    except failures.PKCS11Error:
        return None
