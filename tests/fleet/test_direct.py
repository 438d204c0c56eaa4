"""What the Director signs for a device is what that device takes."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from firmhold.device.ports import Repository
from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.fleet.director.direct import Directed, Word, word_for
from firmhold.signing.file import FileSigner
from firmhold.sim.brought import Brought
from firmhold.sim.freshness import SimFreshness
from firmhold.sim.machine import sim_image
from firmhold.sim.releases import MAIN, MODEL
from firmhold.trust.device_id import DeviceId
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.errors import Code
from firmhold.trust.freshness.statement import Question
from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import seal

ONE = sim_image("one", 1, 2)


class Director:
    """A Director of the product's own, in the place of the simulated one."""

    def __init__(self, folder: Path) -> None:
        self.device = Rehearsal(folder)
        self.device.domain.release(ONE, 1, security=1)
        pem = self.device.domain.director.signers["targets"][0].private_bytes
        key = load_pem_private_key(pem, None)
        assert isinstance(key, Ed25519PrivateKey)
        self.signer = FileSigner(key)

    def directed(self) -> Directed:
        """Release 1 for the one component."""
        path = self.device.domain.path(1)
        file = self.device.domain.image.targets("feature").targets[path]
        expectation = Expectation(path, file.length, dict(file.hashes), TARGET_FILE)
        return Directed(seal(Target(path, "feature", expectation, None)), {MAIN: MODEL}, {})

    def brought(self, word: Word, device: DeviceId = DEVICE) -> Brought:
        """An honest check-in with this word in it."""
        asked, domain = self.device.ask(), self.device.domain
        kept = {k: v for k, v in asked.repositories.items() if k[0] is Repository.IMAGE}
        kept |= {
            key: data
            for key, data in asked.repositories.items()
            if key[0] is Repository.DIRECTOR and key[1].endswith("root.json")
        }
        kept |= {(Repository.DIRECTOR, name): data for name, data in word.files.items()}
        timestamp = word.files["timestamp.json"]
        digest = hashlib.sha256(timestamp).digest()
        question = Question(device, asked.nonce, word.version, digest)
        newest = domain.image.published["timestamp"]
        server = SimFreshness(
            timestamp_version=domain.image.timestamp.version,
            timestamp_sha256=hashlib.sha256(newest).digest(),
        )
        statement, proofs = server.answer(domain.clock.now(), question)
        return replace(asked, repositories=kept, statement=statement, proof=proofs[0])

    def word(self, directed: Directed | None, seen: int, device: DeviceId = DEVICE) -> Word:
        """What the Director signs now."""
        return word_for(device, directed, self.signer, seen, self.device.domain.clock.now())


@pytest.fixture(name="director")
def _director(tmp_path: Path) -> Director:
    """A device whose Director's root names one key for everything below it."""
    director = Director(tmp_path)
    root = director.device.domain.director.root
    for role in ("snapshot", "timestamp"):
        for signer in director.device.domain.director.signers[role]:
            root.revoke_key(signer.public_key.keyid, role)
        root.add_key(director.device.domain.director.signers["targets"][0].public_key, role)
    root.unrecognized_fields["x-firmhold-holders"] = {key: f"holder {key}" for key in root.keys}
    director.device.domain.director.publish("root")
    return director


def test_a_device_installs_what_is_directed(director: Director) -> None:
    """The Director's targets, snapshot and timestamp pass every check that a device makes."""
    word = director.word(director.directed(), 10)
    assert word.version == 11
    assert director.device.check_in(director.brought(word)) is None, director.device.failure
    director.device.live()
    assert director.device.machine.floor.counter == 1


def test_a_word_with_nothing_in_it_directs_nothing(director: Director) -> None:
    """A device for which nothing is meant stays as it is."""
    assert director.device.check_in(director.brought(director.word(None, 10))) is None
    assert director.device.memory().state.job is None


def test_after_a_restore_the_word_goes_on_above_what_the_device_has_seen(
    director: Director,
) -> None:
    """A server that came back from an older backup locks no device out, if it asks what it saw."""
    device = director.device
    assert device.check_in(director.brought(director.word(None, 10))) is None
    forgotten = director.word(director.directed(), 3)
    assert device.check_in(director.brought(forgotten)) is Code.TUF_ROLLBACK_TIMESTAMP
    asked = director.word(director.directed(), max(3, 11))
    assert device.check_in(director.brought(asked)) is None


def test_a_word_for_the_neighbour_is_not_taken(director: Director) -> None:
    """Each word says for whom it is."""
    word = director.word(director.directed(), 10, DeviceId("device-2"))
    assert director.device.check_in(director.brought(word)) is Code.UPTANE_OTHER_DEVICE


def test_the_same_word_is_the_same_bytes(director: Director) -> None:
    """Two Directors with one key and one moment say the same, to the byte."""
    assert director.word(director.directed(), 1) == director.word(director.directed(), 1)
