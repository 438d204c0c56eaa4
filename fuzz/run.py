"""Throws bytes at every target, one after the other; ends with 1 at the first finding.

    python fuzz/run.py --seconds 60                    every target, 60 seconds each
    python fuzz/run.py --seconds 60 --target names     one of them
    python fuzz/run.py --replay fuzz/corpus/findings/names/crash-1f2e…

Inputs that reached new code are kept in `fuzz/corpus/<target>` and are the start of the next run.
A finding stands in `fuzz/corpus/findings/<target>`; replaying it needs no fuzzer.
"""

import argparse
import contextlib
import io
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TextIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fuzz.mutations import mutate

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
FINDINGS = CORPUS / "findings"
NAMES = (
    "json",
    "metadata",
    "trusted_set",
    "names",
    "settings",
    "freshness",
    "time_floor",
    "offline_update",
    "version_manifest",
    "release",
    "security_words",
    "index",
    "extent",
    "rollout_act",
    "memory",
    "device_files",
    "description",
    "path",
    "certificate_request",
    "ranges",
)
"""The targets, named here too: loading them outside the fuzzer's instruments would blind it."""

MAX_INPUT_BYTES = 16_384
SECONDS_FOR_ONE_INPUT = 20
MAX_MEMORY_MB = 1024


def main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Fuzz or replay as asked; return the exit status."""
    parser = argparse.ArgumentParser(prog="fuzz/run.py", description="Throw bytes at the parsers.")
    parser.add_argument("--seconds", type=int, default=60, help="how long for each target")
    parser.add_argument("--target", choices=NAMES, action="append", help="only this one")
    parser.add_argument("--replay", type=Path, help="run one input, without the fuzzer")
    options = parser.parse_args(arguments)
    if options.replay is not None:
        return replay(options.replay, options.target or [options.replay.parent.name], out)
    for name in options.target or NAMES:
        if not _survives(name, options.seconds, out):
            return 1
    return 0


def replay(file: Path, names: Sequence[str], out: TextIO) -> int:
    """Run one input through targets; whatever escapes them is shown by Python itself."""
    from fuzz.targets import TARGETS  # noqa: PLC0415 - only here, see NAMES

    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        out.write(f"no target {unknown[0]!r}: name one of {', '.join(NAMES)} with --target\n")
        return 2
    for name in names:
        TARGETS[name](file.read_bytes())
        out.write(f"{name}: every promise held\n")
    return 0


def _survives(name: str, seconds: int, out: TextIO) -> bool:
    """Fuzz one target in a process of its own, since the fuzzer ends the process that it is in."""
    before = _findings(name)
    out.write(f"── {name}: {seconds} s\n")
    out.flush()
    process = multiprocessing.get_context("spawn").Process(target=_fuzz, args=(name, seconds))
    process.start()
    process.join()
    if process.exitcode == 0:
        return True
    found = sorted(_findings(name) - before) or sorted(before)
    again = f"{sys.executable} fuzz/run.py --replay"
    out.writelines(f"finding: {file}\nreplay:  {again} {file}\n" for file in found)
    if not found:
        out.write(f"{name}: the fuzzer ended with {process.exitcode} and kept no input\n")
    return False


def _findings(name: str) -> set[Path]:
    folder = FINDINGS / name
    folder.mkdir(parents=True, exist_ok=True)
    return set(folder.iterdir())


def _fuzz(name: str, seconds: int) -> None:
    import atheris  # noqa: PLC0415 - the only place that needs it

    quiet = contextlib.redirect_stderr(io.StringIO())  # it names every module that it reads
    with quiet, atheris.instrument_imports(include=["firmhold", "tuf", "securesystemslib"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - under the instruments

    def bend(data: bytes, max_size: int, seed: int) -> bytes:
        chance = Random(seed)  # noqa: S311 - to be made again, not to be secret
        if chance.random() < 0.5:  # noqa: PLR2004 - one half each: what the fuzzer knows, and we
            return bytes(atheris.Mutate(data, max_size))
        return mutate(data, max_size, chance)

    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-timeout={SECONDS_FOR_ONE_INPUT}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        f"-artifact_prefix={FINDINGS / name}/",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    folders = [str(corpus), str(HERE / "seeds" / name)]
    atheris.Setup([sys.argv[0], *options, *folders], TARGETS[name], custom_mutator=bend)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
