"""A real TPM 2.0 without the chip: swtpm, with a certified endorsement key, in a folder.

Its maker's authority is our own: `issuer` is the certificate of the root above the certificates
that lie in the TPM, as a maker of real ones publishes it.
"""

import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

_CONF = """create_certs_tool = {tool}
create_certs_tool_config = {folder}/localca.conf
create_certs_tool_options = {folder}/localca.options
active_pcr_banks = sha256
"""
_LOCALCA = """statedir = {folder}
signingkey = {folder}/signkey.pem
issuercert = {folder}/issuercert.pem
certserial = {folder}/certserial
"""
_OPTIONS = "--platform-manufacturer Sim\n--platform-version 1\n--platform-model Sim\n"
_MOST_SECONDS = 30.0


@dataclass(slots=True)
class SimMaker:
    """Who makes TPMs: an authority that certifies their endorsement keys."""

    folder: Path

    def __post_init__(self) -> None:
        """Lay out what the tool that makes certificates wants to read."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tool = shutil.which("swtpm_localca") or "swtpm_localca"
        texts = {
            "setup.conf": _CONF.format(tool=tool, folder=self.folder),
            "localca.conf": _LOCALCA.format(folder=self.folder),
            "localca.options": _OPTIONS,
        }
        for name, text in texts.items():
            (self.folder / name).write_text(text)

    @property
    def issuer(self) -> Path:
        """The certificate above endorsement certificates; there once a TPM was made."""
        return self.folder / "issuercert.pem"

    @property
    def root(self) -> Path:
        """The maker's root, above the issuer."""
        return self.folder / "swtpm-localca-rootca-cert.pem"

    def make(self, folder: Path) -> "SimTpm":
        """Make a TPM with its state in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        words = ["swtpm_setup", "--tpm2", "--tpmstate", str(folder), "--create-ek-cert"]
        words += ["--config", str(self.folder / "setup.conf"), "--overwrite"]
        subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - own words
        return SimTpm(folder)


@dataclass(slots=True)
class SimTpm:
    """A TPM whose power can be switched."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def tcti(self) -> str:
        """How the TSS reaches it."""
        return f"swtpm:path={self.folder / 'socket'}"

    def uri(self, path: Path) -> str:
        """Return the URI of a key of this TPM in a file."""
        return f"tpm:{path}?tcti={self.tcti}"

    def power_on(self) -> "SimTpm":
        """Switch it on; it answers when this returns."""
        socket, control = self.folder / "socket", self.folder / "socket.ctrl"
        for place in (socket, control):
            place.unlink(missing_ok=True)
        words = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}"]
        words += ["--server", f"type=unixio,path={socket}"]
        words += ["--ctrl", f"type=unixio,path={control}"]
        words += ["--flags", "not-need-init,startup-clear"]
        self._process = subprocess.Popen(  # noqa: S603 - own words
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        while not (socket.exists() and control.exists()):
            if self._process.poll() is not None or time.monotonic() - began > _MOST_SECONDS:
                message = f"swtpm did not come up in {self.folder}"
                raise RuntimeError(message)
            time.sleep(0.01)
        return self

    def power_off(self) -> None:
        """Switch it off without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
