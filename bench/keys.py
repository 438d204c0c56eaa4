"""Measures keys where they live: signatures by the second, side by side, and what one costs here.

python bench/keys.py [--seconds 2]

SoftHSM2 and swtpm stand for tokens and TPMs: real libraries and commands, no real hardware. A real
token is slower by what its chip needs; what our side costs is the last column.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from firmhold.pkix.public import Algorithm
from firmhold.signing.ports import Signer
from firmhold.signing.uri import create_signer
from firmhold.sim.token import SimTokens, softhsm_module
from firmhold.sim.tpm import SimMaker
from firmhold.trust.keys import parse_public_key

PAYLOAD = bytes(4096)
TIMES = 200


class Known:
    """Knows one passphrase and one PIN."""

    def passphrase(self, _key: str) -> str:
        """Return the passphrase."""
        return "for this run"

    def pin(self, _key: str) -> str:
        """Return the PIN."""
        return "12345678"


def signers(folder: Path, stack: ExitStack) -> Iterator[tuple[str, Signer]]:
    """Yield a key of each kind, by what it is called."""
    for algorithm in Algorithm:
        yield f"file, {algorithm}", create_signer(f"file:{folder / algorithm}", Known(), algorithm)
    module = softhsm_module()
    if module is not None:
        tokens = stack.enter_context(SimTokens.make(folder / "hsm", module))
        tokens.add("bench", Known().pin(""))
        for algorithm in Algorithm:
            uri = tokens.uri("bench", algorithm)
            yield f"SoftHSM2, {algorithm}", create_signer(uri, Known(), algorithm)
    tpm = SimMaker(folder / "maker").make(folder / "tpm").power_on()
    stack.callback(tpm.power_off)
    uri = tpm.uri(folder / "key.tss")
    yield f"swtpm, {Algorithm.P256}", create_signer(uri, Known(), Algorithm.P256)


def measured(signer: Signer, seconds: float) -> tuple[float, float, float]:
    """Return signatures by the second, and microseconds of CPU time to sign and to verify one."""
    began, cpu, count, signature = time.perf_counter(), time.process_time(), 0, ""
    while time.perf_counter() - began < seconds:
        signature = signer.sign(PAYLOAD)
        count += 1
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    key = parse_public_key(signer.entry)
    cpu = time.process_time()
    good = [key is not None and key.verifies(signature, PAYLOAD) for _ in range(TIMES)]
    if not all(good):
        raise SystemExit(1)
    return count / took, spent / count * 1e6, (time.process_time() - cpu) / TIMES * 1e6


def main() -> None:
    """Measure each kind in turn, twice, and print the better of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    seconds = parser.parse_args().seconds
    print("| key | signatures a second | microseconds of CPU to sign | to verify |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="firmhold-") as name, ExitStack() as stack:
        for what, signer in [*signers(Path(name), stack)]:
            both = [measured(signer, seconds / 2) for _ in range(2)]
            rate, (sign, verify) = max(each[0] for each in both), min(each[1:] for each in both)
            print(f"| {what} | {rate:,.0f} | {sign:,.0f} | {verify:,.0f} |")


if __name__ == "__main__":
    main()
