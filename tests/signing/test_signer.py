"""The contract of the port `Signer`: what everybody may rely on, wherever the key lives."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmhold.signing.file import FileSigner
from firmhold.signing.ports import Signer
from firmhold.sim.signer import sim_signer
from firmhold.trust.keys import derived_key_id, parse_public_key

PAYLOADS = [b"", b"payload", bytes(range(256)) * 1000]


@pytest.fixture(params=["fresh", "from a file", "simulated"])
def signer(request: pytest.FixtureRequest, key_file: Path, passphrase: str) -> Signer:
    """A signer of each kind."""
    if request.param == "fresh":
        return FileSigner(Ed25519PrivateKey.generate())
    if request.param == "from a file":
        return FileSigner.load(key_file, passphrase)
    return sim_signer("holder")


class TestSigner:
    """What every signer does."""

    @pytest.mark.parametrize("payload", PAYLOADS, ids=["empty", "short", "long"])
    def test_what_it_signs_verifies_under_its_public_half(
        self, signer: Signer, payload: bytes
    ) -> None:
        """The entry is a key of ours, and its signature is good for this payload only."""
        key = parse_public_key(signer.entry)
        assert key is not None
        assert key.verifies(signer.sign(payload), payload)
        assert not key.verifies(signer.sign(payload), payload + b"!")

    def test_the_same_payload_gives_the_same_signature(self, signer: Signer) -> None:
        """Signing is deterministic, so that a release can be made again to the byte."""
        assert signer.sign(b"payload") == signer.sign(b"payload")
        assert signer.sign(b"payload") != signer.sign(b"another")

    def test_a_signature_is_lower_case_hexadecimal(self, signer: Signer) -> None:
        """A signature has one spelling."""
        signature = signer.sign(b"payload")
        assert bytes.fromhex(signature).hex() == signature

    def test_its_key_id_is_derived_from_its_entry(self, signer: Signer) -> None:
        """Nobody chooses the name of a key."""
        assert signer.key_id == derived_key_id(signer.entry)
        assert set(signer.entry) == {"keytype", "scheme", "keyval"}

    def test_nothing_private_shows(self, signer: Signer) -> None:
        """Neither the text of a signer nor its public side gives the private half away."""
        assert isinstance(signer, FileSigner)
        private = signer._key.private_bytes_raw()  # noqa: SLF001 - to know what must not be seen
        shown = f"{signer} {signer!r} {signer.entry} {signer.key_id}"
        assert private.hex() not in shown
        assert str(private) not in shown


def test_a_simulated_key_is_the_same_in_every_run() -> None:
    """A name always stands for one key, and another name for another."""
    seed = hashlib.sha256(b"holder").digest()
    assert (
        sim_signer("holder").entry == FileSigner(Ed25519PrivateKey.from_private_bytes(seed)).entry
    )
    assert sim_signer("holder").key_id != sim_signer("Holder").key_id
