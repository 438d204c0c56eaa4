"""What the runbooks tell somebody in trouble to type works as it stands there, on real tokens."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest
from cryptography.x509 import load_pem_x509_certificate
from tests.world.typist import blocks, commands, typist

from firmhold.signing.pkcs11_uri import MODULE
from firmhold.sim.token import CONFIGURATION, SimTokens, softhsm_module

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
GUIDES = RUNBOOKS.parent / "guides"
ON_TOKENS = ("root-ceremony", "stolen-key", "lost-key")
ON_A_SERVER = ("server-keys", "away-too-long")
IMAGE = Random(7).randbytes(150_000)
SPARE = ("snapshot", "timestamp", "timestamp-2", "auditor", "feature-4", "spare")
HOLDERS = [f"{role}-{n}" for role in ("root", "targets", "feature", "security") for n in (1, 2, 3)]


@pytest.mark.slow
def test_the_runbooks_lead_through_the_life_of_keys_in_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first root to a stolen and to a lost key: each holder with a token and a PIN."""
    module = softhsm_module()
    assert module is not None, "softhsm2 is missing: run `make deps`"
    monkeypatch.delenv(CONFIGURATION, raising=False)
    tokens, pins = SimTokens.make(tmp_path / "hsm", module), tmp_path / "pins"
    pins.mkdir()
    for number, holder in enumerate((*HOLDERS, *SPARE)):
        tokens.add(holder, f"{31_415 + number}")
        (pins / f"pin.{holder}").write_text(f"{31_415 + number}\n")
    environment = os.environ | {MODULE: str(module), "CREDENTIALS_DIRECTORY": str(pins)}
    for words in (words for page in ON_TOKENS for words in commands(RUNBOOKS / f"{page}.md")):
        program = [sys.executable, "-m", "firmhold"] if words[0] == "firmhold" else words[:1]
        done = subprocess.run(  # noqa: S603 - our own words
            [*program, *words[1:]],
            cwd=tmp_path,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (words, done.stderr)
        assert not any(f"{31_415 + n}" in done.stdout + done.stderr for n in range(len(HOLDERS)))


@pytest.mark.slow
def test_the_runbooks_lead_through_the_life_of_a_servers_keys() -> None:
    """Another key for the gateway, another authority, its end: the device goes on, and comes back.

    The device of the guide checks in before it all and after all of it, and in between it is away.
    """
    with tempfile.TemporaryDirectory(prefix="firmhold-") as name, typist(Path(name), {}) as typed:
        folder = Path(name)
        (folder / "camera-1.0.img").write_bytes(IMAGE)
        (folder / "camera-1.0.toml").write_text(blocks(GUIDES / "first-release.md", "toml")[0])
        pages = [GUIDES / f"{page}.md" for page in ("first-release", "first-device")]
        for page in (*pages, *(RUNBOOKS / f"{page}.md" for page in ON_A_SERVER)):
            for words in commands(page):
                typed(words)
        pem = (folder / "home" / "ca" / "authority.pem").read_bytes()
        shown = load_pem_x509_certificate((folder / "camera-9/state/fetch/client.pem").read_bytes())
        shown.verify_directly_issued_by(load_pem_x509_certificate(pem))


def test_every_runbook_is_run() -> None:
    """No runbook is written that nobody types."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*ON_TOKENS, *ON_A_SERVER}
