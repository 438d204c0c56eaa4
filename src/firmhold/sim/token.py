"""A real PKCS#11 module without the hardware: SoftHSM2, with its tokens in a folder.

The library reads its configuration from SOFTHSM2_CONF when it begins, so a process has one folder
of tokens at a time; `with` goes back to the one before.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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


@dataclass(slots=True)
class SimTokens:
    """Tokens in a folder, each with a PIN of its own."""

    folder: Path
    module: Path
    _before: str | None = None

    @classmethod
    def make(cls, folder: Path, module: Path) -> "SimTokens":
        """Make the folder, and have this process and its children look there."""
        (folder / "tokens").mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n"
            "log.level = ERROR\n"
        )
        made = cls(folder, module, os.environ.get(CONFIGURATION))
        made.enter()
        return made

    def enter(self) -> None:
        """Have this process and its children look here."""
        _look_at(str(self.folder / "softhsm2.conf"), self.module)

    def __enter__(self) -> Self:
        """Look here until the end."""
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        """Look where this process looked before."""
        _look_at(self._before, self.module)

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


def _look_at(configuration: str | None, module: Path) -> None:
    """Have the library begin anew with another configuration; sessions of before are over."""
    if os.environ.get(CONFIGURATION) == configuration:
        return
    if configuration is None:
        del os.environ[CONFIGURATION]
    else:
        os.environ[CONFIGURATION] = configuration
    if (token := sys.modules.get("firmhold.signing.token")) is not None:
        token.begin_anew(str(module))
