"""No secret is in any file, table, log or packet but where it belongs."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PROGRAM = Path(__file__).with_name("watched_demo.py")
OWN_FILES = {"device.key", "client.pem"}
"""Where a device keeps its private keys: files of one user, as long as it has no TPM."""


@dataclass(frozen=True)
class Left:
    """What the demo left behind: its words, every packet, every file, and what must not be seen."""

    folder: Path
    said: bytes
    secrets: list[tuple[str, bytes]]

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Every place that could give something away, with its bytes."""
        yield "said", self.said
        yield "wire", (self.folder / "wire").read_bytes()
        for top in ("kept", "places"):
            for file in (self.folder / top).rglob("*"):
                if file.is_file():
                    yield str(file.relative_to(self.folder)), file.read_bytes()


def spellings(secret: bytes) -> set[bytes]:
    """The ways in which a secret could be written down."""
    return {
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
    }


def seen(left: Left, secret: bytes) -> set[str]:
    """The places in which a secret stands."""
    ways = spellings(secret)
    return {name for name, data in left.places() if any(way in data for way in ways)}


@pytest.fixture(name="left", scope="module")
def _left() -> Iterator[Left]:
    """The demo was played once, with keys in tokens, in a network of its own."""
    assert os.geteuid() == 0, "packets are read by root"
    with tempfile.TemporaryDirectory(prefix="firmhold-") as name:
        folder = Path(name)
        for number in (1, 2):
            (folder / f"{number}.img").write_bytes(Random(number).randbytes(200_000))
        images = [str(folder / f"{number}.img") for number in (1, 2)]
        unshare = shutil.which("unshare")
        assert unshare is not None
        words = [unshare, "--net", sys.executable, str(PROGRAM), name, *images]
        done = subprocess.run(words, check=False, capture_output=True, timeout=300)  # noqa: S603 - own words
        assert done.returncode == 0, done.stderr.decode()
        made = json.loads((folder / "secrets.json").read_text())
        secrets = [(where, text.encode()) for where, text in made]
        yield Left(folder, done.stdout + done.stderr, secrets)


@pytest.mark.slow
def test_pins_and_tokens_are_written_down_nowhere(left: Left) -> None:
    """Not in a file, a table, a log line or a packet, in no spelling."""
    wheres = {where.rpartition(".")[2] for where, _ in left.secrets}
    assert wheres == {"keys", "tokens"}
    assert len(left.secrets) > 14
    for where, secret in left.secrets:
        assert seen(left, secret) == set(), where


@pytest.mark.slow
def test_a_private_key_of_a_device_is_in_its_own_file_alone(left: Left) -> None:
    """Whoever reads everything else has no device's key."""
    files = [file for file in (left.folder / "kept").rglob("*") if file.name in OWN_FILES]
    assert len(files) >= 6
    for file in files:
        found = seen(left, private_bytes(file))
        body = b"".join(file.read_bytes().split(b"-----")[2].split())
        found |= {name for name, data in left.places() if body in b"".join(data.split())}
        assert {Path(name).name for name in found} <= OWN_FILES


def private_bytes(file: Path) -> bytes:
    """The private half in a key file."""
    key = load_pem_private_key(file.read_bytes(), None)
    if isinstance(key, Ed25519PrivateKey):
        return key.private_bytes_raw()
    assert isinstance(key, EllipticCurvePrivateKey)
    return key.private_numbers().private_value.to_bytes(32)


@pytest.mark.slow
def test_what_is_looked_for_would_be_found(left: Left) -> None:
    """The search sees files, tables, words and packets: each has something that is no secret."""
    assert "wire" in seen(left, b"HTTP/1.1")
    assert "said" in seen(left, b"attacks")
    places = seen(left, b"device-1")
    assert any(name.endswith("fleet.db") for name in places)
    assert any(name.startswith("kept/tokens/tokens/") for name, _ in left.places())
