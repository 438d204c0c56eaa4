"""A public key is what it is, whatever it is called and however it is written."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner, SSlibKey

from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.keys import SCHEMES, PublicKey, derived_key_id, parse_public_key

PAYLOAD = b"what was signed"
ED25519 = CryptoSigner.generate_ed25519()
P256 = CryptoSigner.generate_ecdsa()
FIELD = 2**255 - 19


class Signed(NamedTuple):
    """An entry of a key table, and a signature over `PAYLOAD` that its key made."""

    entry: JsonObject
    sig: str


def entry_of(key: PublicKeyTypes, scheme: str, keytype: str) -> JsonObject:
    """The key table's entry for a key in PEM form."""
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {"keytype": keytype, "scheme": scheme, "keyval": {"public": pem}}


def ed25519_entry(public: str) -> JsonObject:
    """The key table's entry for an Ed25519 key in hexadecimal."""
    return {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}


def modulus(bits: int) -> rsa.RSAPublicKey:
    """An RSA public key of a length; nobody has its private half."""
    return rsa.RSAPublicNumbers(65537, 2**bits - 1).public_key()


def parsed(entry: JsonObject) -> PublicKey:
    """The key of an entry that holds one."""
    key = parse_public_key(entry)
    assert key is not None
    return key


def pem_of(entry: JsonObject) -> str:
    """The PEM text of an entry."""
    keyval = entry["keyval"]
    assert isinstance(keyval, dict)
    assert isinstance(keyval["public"], str)
    return keyval["public"]


def signed_by(signer: CryptoSigner) -> Signed:
    """A signer's public entry and its signature."""
    return Signed(signer.public_key.to_dict(), signer.sign(PAYLOAD).signature)


@pytest.fixture(scope="module")
def signed() -> dict[str, Signed]:
    """A key and a good signature of every scheme that is believed."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    p384 = ec.generate_private_key(ec.SECP384R1())
    signers = {"ed25519": ED25519, "ecdsa-sha2-nistp256": P256}
    public = SSlibKey.from_crypto(p384.public_key())
    signers["ecdsa-sha2-nistp384"] = CryptoSigner(p384, public)
    for scheme in (scheme for scheme, kind in SCHEMES.items() if kind == "rsa"):
        public = SSlibKey.from_crypto(rsa_key.public_key(), scheme=scheme)
        signers[scheme] = CryptoSigner(rsa_key, public)
    return {scheme: signed_by(signer) for scheme, signer in signers.items()}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_good_signature_of_each_scheme_is_good(signed: dict[str, Signed], scheme: str) -> None:
    """Each listed scheme is read and verified, and says which one it is."""
    key = parsed(signed[scheme].entry)
    assert (key.scheme, key.kind) == (scheme, SCHEMES[scheme])
    assert key.verifies(signed[scheme].sig, PAYLOAD)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_over_other_bytes_is_bad(signed: dict[str, Signed], scheme: str) -> None:
    """A signature holds for the bytes that were signed and for none other."""
    assert not parsed(signed[scheme].entry).verifies(signed[scheme].sig, PAYLOAD + b"!")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_of_another_scheme_is_bad(signed: dict[str, Signed], scheme: str) -> None:
    """A signature holds under the scheme that the key was listed for and under none other."""
    others = [sig for other, (_, sig) in signed.items() if other != scheme]
    assert not any(parsed(signed[scheme].entry).verifies(sig, PAYLOAD) for sig in others)


BAD_SIGNATURES = {
    "empty": "",
    "odd": ED25519.sign(PAYLOAD).signature[:-1],
    "short": ED25519.sign(PAYLOAD).signature[:-2],
    "long": ED25519.sign(PAYLOAD).signature + "00",
    "spaced": " ".join([ED25519.sign(PAYLOAD).signature[:2], ED25519.sign(PAYLOAD).signature[2:]]),
    "a line break behind": ED25519.sign(PAYLOAD).signature + "\n",
    "not hexadecimal": "zz" * 64,
    "other digits": "\u0661\u0662" * 64,
    "zero": "00" * 64,
    "of another key": CryptoSigner.generate_ed25519().sign(PAYLOAD).signature,
}


@pytest.mark.parametrize("sig", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES)
def test_what_is_no_signature_is_bad_and_nothing_worse(sig: str) -> None:
    """Any text in the place of a signature counts for nothing and breaks nothing."""
    assert not parsed(ED25519.public_key.to_dict()).verifies(sig, PAYLOAD)


def test_a_signature_may_be_written_in_either_letter_case() -> None:
    """Hexadecimal has two letter cases, and both mean the same bytes."""
    key = parsed(ED25519.public_key.to_dict())
    assert key.verifies(ED25519.sign(PAYLOAD).signature.upper(), PAYLOAD)


def test_an_ed25519_signature_has_one_form_only() -> None:
    """Adding the group's order to S does not give a second good signature."""
    order = 2**252 + 27742317777372353535851937790883648493
    good = bytes.fromhex(ED25519.sign(PAYLOAD).signature)
    scalar = int.from_bytes(good[32:], "little") + order
    twin = (good[:32] + scalar.to_bytes(32, "little")).hex()
    assert not parsed(ED25519.public_key.to_dict()).verifies(twin, PAYLOAD)


def test_an_identity_is_the_digest_of_the_key_itself() -> None:
    """The identity is the SHA-256 of the DER SubjectPublicKeyInfo, and says nothing of names."""
    for entry in (ED25519.public_key.to_dict(), P256.public_key.to_dict()):
        public = SSlibKey.from_dict("any", dict(entry))._crypto_key()  # noqa: SLF001 - the oracle
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert parsed(entry).identity == hashlib.sha256(der).hexdigest()


def test_two_keys_have_two_identities() -> None:
    """Different keys are never taken for one."""
    other = CryptoSigner.generate_ed25519().public_key.to_dict()
    assert parsed(ED25519.public_key.to_dict()).identity != parsed(other).identity


def test_an_ed25519_key_is_the_same_in_either_letter_case() -> None:
    """Writing a key in capitals makes no second key."""
    lower = ED25519.public_key.keyval["public"]
    assert parsed(ed25519_entry(lower.upper())) == parsed(ed25519_entry(lower))


PEM_FORMS: dict[str, Callable[[str], str]] = {
    "with carriage returns": lambda pem: pem.replace("\n", "\r\n"),
    "without the last line break": lambda pem: pem.rstrip("\n"),
    "with a preface": lambda pem: "a preface\n" + pem,
    "in shorter lines": lambda pem: pem.replace("M", "M\n", 1),
}


@pytest.mark.parametrize("form", PEM_FORMS.values(), ids=PEM_FORMS)
def test_a_pem_key_is_the_same_in_every_way_of_writing_it(form: Callable[[str], str]) -> None:
    """Other line breaks make no second key."""
    entry = P256.public_key.to_dict()
    written = entry | {"keyval": {"public": form(pem_of(entry))}}
    assert written != entry
    assert parsed(written) == parsed(entry)


def test_an_rsa_key_under_two_schemes_is_one_key(signed: dict[str, Signed]) -> None:
    """Another padding or digest makes no second key."""
    schemes = [scheme for scheme, kind in SCHEMES.items() if kind == "rsa"]
    assert len(schemes) == 6
    keys = [parsed(signed[scheme].entry) for scheme in schemes]
    assert len({key.identity for key in keys}) == 1
    assert len(set(keys)) == len(schemes)


@pytest.mark.parametrize("scheme", ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"])
def test_the_old_name_of_an_ecdsa_key_is_understood(signed: dict[str, Signed], scheme: str) -> None:
    """Repositories that call the key type by its scheme are read, without a warning."""
    entry, sig = signed[scheme]
    old = entry | {"keytype": scheme}
    assert old != entry
    assert parsed(old) == parsed(entry)
    assert parsed(old).verifies(sig, PAYLOAD)


P256_ENTRY = P256.public_key.to_dict()
ED_HEX: str = ED25519.public_key.keyval["public"]
NO_KEYS: dict[str, JsonObject] = {
    "no scheme": {"keytype": "ed25519", "keyval": {"public": ED_HEX}},
    "no keytype": {"scheme": "ed25519", "keyval": {"public": ED_HEX}},
    "no keyval": {"keytype": "ed25519", "scheme": "ed25519"},
    "no public": {"keytype": "ed25519", "scheme": "ed25519", "keyval": {}},
    "keyval a text": {"keytype": "ed25519", "scheme": "ed25519", "keyval": ED_HEX},
    "public a number": {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": 7}},
    "scheme a number": {"keytype": "ed25519", "scheme": 7, "keyval": {"public": ED_HEX}},
    "unknown scheme": {"keytype": "ed25519", "scheme": "rot13", "keyval": {"public": ED_HEX}},
    "ML-DSA": {"keytype": "ml-dsa", "scheme": "ml-dsa-65/1", "keyval": {"public": ED_HEX}},
    "keytype of another": {"keytype": "rsa", "scheme": "ed25519", "keyval": {"public": ED_HEX}},
    "hex too short": ed25519_entry(ED_HEX[:-2]),
    "hex too long": ed25519_entry(ED_HEX + "00"),
    "hex with a line break": ed25519_entry(ED_HEX + "\n"),
    "hex with spaces": ed25519_entry("  " + ED_HEX[2:]),
    "not hex": ed25519_entry("zz" * 32),
    "PEM as Ed25519": ed25519_entry(pem_of(P256_ENTRY)),
    "hex as ECDSA": P256_ENTRY | {"keyval": {"public": ED_HEX}},
    "empty PEM": P256_ENTRY | {"keyval": {"public": ""}},
    "damaged PEM": P256_ENTRY | {"keyval": {"public": pem_of(P256_ENTRY).replace("M", "N")}},
    "P-256 as P-384": P256_ENTRY | {"scheme": "ecdsa-sha2-nistp384"},
    "P-256 as RSA": P256_ENTRY | {"scheme": "rsassa-pss-sha256", "keytype": "rsa"},
    "ECDSA with the other's old name": P256_ENTRY | {"keytype": "ecdsa-sha2-nistp384"},
    "P-521": entry_of(
        ec.generate_private_key(ec.SECP521R1()).public_key(), "ecdsa-sha2-nistp384", "ecdsa"
    ),
    "Ed25519 as ECDSA": entry_of(
        ed25519.Ed25519PrivateKey.generate().public_key(), "ecdsa-sha2-nistp256", "ecdsa"
    ),
    "RSA as ECDSA": entry_of(modulus(2048), "ecdsa-sha2-nistp256", "ecdsa"),
    "RSA of 2047 bits": entry_of(modulus(2047), "rsassa-pss-sha256", "rsa"),
    "RSA of 8193 bits": entry_of(modulus(8193), "rsassa-pss-sha256", "rsa"),
}


@pytest.mark.parametrize("entry", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_of_a_known_scheme_is_no_key(entry: JsonObject) -> None:
    """A key that cannot be read, is too weak or of no known scheme is none, and breaks nothing."""
    assert parse_public_key(entry) is None


@pytest.mark.parametrize("bits", [2048, 8192])
def test_an_rsa_key_of_a_permitted_length_is_a_key(bits: int) -> None:
    """The weakest and the longest permitted RSA keys are read."""
    assert parsed(entry_of(modulus(bits), "rsassa-pss-sha256", "rsa")).kind == "rsa"


def test_a_pem_text_is_read_to_a_permitted_length_and_no_further() -> None:
    """A key table cannot make the reader parse texts without end."""
    pem = pem_of(P256_ENTRY)
    just = P256_ENTRY | {"keyval": {"public": pem.ljust(8192, "\n")}}
    over = P256_ENTRY | {"keyval": {"public": pem.ljust(8193, "\n")}}
    assert parsed(just) == parsed(P256_ENTRY)
    assert parse_public_key(over) is None


ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER = {
    "one": 1,
    "two": FIELD - 1,
    "four": 0,
    "four, negative": 2**255,
    "eight": ORDER_EIGHT,
    "eight, negative": ORDER_EIGHT + 2**255,
    "eight, other": FIELD - ORDER_EIGHT,
    "eight, other negative": FIELD - ORDER_EIGHT + 2**255,
}


@pytest.mark.parametrize("point", SMALL_ORDER.values(), ids=SMALL_ORDER)
def test_an_ed25519_key_for_which_anybody_can_sign_is_no_key(point: int) -> None:
    """A key of small order has signatures that nobody made, so it is never given a seat."""
    raw = point.to_bytes(32, "little")
    public = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    made_by_nobody = (1).to_bytes(32, "little") + bytes(32)
    assert any(passes(public, made_by_nobody, bytes([number])) for number in range(256))
    assert parse_public_key(ed25519_entry(raw.hex())) is None


def passes(key: ed25519.Ed25519PublicKey, sig: bytes, payload: bytes) -> bool:
    """Tell whether the bare library calls a signature good."""
    try:
        key.verify(sig, payload)
    except InvalidSignature:
        return False
    return True


SECOND_SPELLINGS = {
    "zero": FIELD,
    "one": FIELD + 1,
    "three": FIELD + 3,
    "the largest": 2**255 - 1,
    "negative": FIELD + 3 + 2**255,
}


@pytest.mark.parametrize("number", SECOND_SPELLINGS.values(), ids=SECOND_SPELLINGS)
def test_a_second_spelling_of_an_ed25519_key_is_no_key(number: int) -> None:
    """A coordinate beyond the field is another name for a key, and would count as another key."""
    assert parse_public_key(ed25519_entry(number.to_bytes(32, "little").hex())) is None


@pytest.mark.parametrize("number", [3, FIELD - 3], ids=["smallest", "largest"])
def test_an_ordinary_point_next_to_the_bounds_is_a_key(number: int) -> None:
    """Only weak points and second spellings are left out."""
    assert parse_public_key(ed25519_entry(number.to_bytes(32, "little").hex())) is not None


def test_a_derived_id_is_the_one_that_the_field_derives() -> None:
    """The usual library and this one give a key the same id (TUF 4.2)."""
    for key in (ED25519.public_key, P256.public_key):
        assert derived_key_id(key.to_dict()) == key.keyid


def test_a_derived_id_covers_the_key_and_nothing_beside_it() -> None:
    """Fields beside the three that make a key do not change its id; the three do."""
    entry: JsonObject = ED25519.public_key.to_dict()
    same: dict[str, JsonValue] = {**entry, "x-made": "2030-01-01"}
    assert derived_key_id(same) == derived_key_id(entry)
    for name in ("keytype", "scheme", "keyval"):
        assert derived_key_id({**entry, name: "other"}) != derived_key_id(entry)


def test_a_derived_id_of_an_incomplete_entry_is_that_of_nothing_there() -> None:
    """An entry that lacks a field has an id too, so that it can be told to be no key."""
    empty: JsonObject = {"keytype": None, "scheme": None, "keyval": None}
    assert derived_key_id({}) == hashlib.sha256(canonical_json(empty)).hexdigest()
