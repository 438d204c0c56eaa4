"""A real PKCS#11 module without the hardware: SoftHSM2, with its tokens in a folder.

The library reads its configuration from SOFTHSM2_CONF when it is first loaded, so a process has one
folder of tokens, however many tokens there are in it.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from firmhold.signing.pkcs11_uri import token_uri

CONFIGURATION = "SOFTHSM2_CONF"
MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
)
"""Where distributions put the library."""


def softhsm_module() -> Path | None:
    """Return the library of SoftHSM2, if library and tool are on this machine."""
    if shutil.which("softhsm2-util") is None:
        return None
    return next((module for module in MODULES if module.exists()), None)


@dataclass(frozen=True, slots=True)
class SimTokens:
    """Tokens in a folder, each with a PIN of its own."""

    folder: Path
    module: Path

    @classmethod
    def make(cls, folder: Path, module: Path) -> "SimTokens":
        """Make the folder, and have this process and its children look there."""
        (folder / "tokens").mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n"
            "log.level = ERROR\n"
        )
        os.environ[CONFIGURATION] = str(configuration)
        return cls(folder, module)

    def add(self, label: str, pin: str) -> None:
        """Make an empty token that a PIN opens; the security officer's PIN is another."""
        tool = shutil.which("softhsm2-util") or "softhsm2-util"
        words = [tool, "--init-token", "--free", "--label", label]
        words += ["--pin", pin, "--so-pin", f"so-{pin}"]
        environment = {**os.environ, CONFIGURATION: str(self.folder / "softhsm2.conf")}
        subprocess.run(words, check=True, capture_output=True, env=environment)  # noqa: S603 - own words

    def uri(self, token: str, key: str) -> str:
        """Return the URI of a key in a token."""
        return token_uri(str(self.module), token, key)
