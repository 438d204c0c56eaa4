"""A process that holds a key gives its memory to nobody."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

HOLDING = """
import os, resource, sys, time
from pathlib import Path
{open}
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("opens", ["load", "create"])
def test_a_process_with_a_key_leaves_no_core(
    tmp_path: Path, key_file: Path, passphrase: str, opens: str
) -> None:
    """Whoever crashes it, or looks at it through the kernel, finds no key."""
    path = key_file if opens == "load" else tmp_path / "new.pem"
    program = HOLDING.format(
        open=(
            "from firmhold.signing.file import FileSigner\n"
            f"FileSigner.{opens}(Path({str(path)!r}), {passphrase!r})"
        )
    )
    running = subprocess.Popen(  # noqa: S603 - own words
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=tmp_path
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        limits = Path(f"/proc/{running.pid}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]
        running.send_signal(signal.SIGSEGV)
        running.wait(30)
    finally:
        running.kill()
        running.wait()
        if running.stdout is not None:
            running.stdout.close()
    assert not [*tmp_path.glob("core*")]
