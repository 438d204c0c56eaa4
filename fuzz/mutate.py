"""Breaks the ground in every small way and sees whether a test notices.

    python fuzz/mutate.py                          all of trust/ and update/, until it is done
    python fuzz/mutate.py 'firmhold.update.*'      the mutants with such names only
    python fuzz/mutate.py --minutes 40             stop then, and say what was not run
    python fuzz/mutate.py --continue               go on where the last run stopped
    python fuzz/mutate.py --report                 only write the result of the last run again

It works on a copy of the tree below `build/mutation`, with the tests of the ground alone: what
they do not notice there, nobody promised. The result goes to docs/decisions/mutation-result.txt;
why each survivor may live is told in docs/decisions/mutation-survivors.md.
"""

import argparse
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "build" / "mutation"
RESULT = ROOT / "docs" / "decisions" / "mutation-result.txt"
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
PARTS = ("src", "tests", "docs")
SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/firmhold/trust/*", "src/firmhold/update/*"]
pytest_add_cli_args = [
    "--durations=0", "--hypothesis-seed=0", "-p", "no:cacheprovider", "-m", "not slow"
]
pytest_add_cli_args_test_selection = ["tests/trust", "tests/update"]
also_copy = ["docs"]
use_git_change_detection = false
"""
UNNOTICED = frozenset({"survived", "no tests", "suspicious"})
"""What becomes of a mutant when no test fails, none runs it, or the end of one is unclear."""


def main(arguments: Sequence[str]) -> int:
    """Run the mutants as asked and write the result; the exit status says if all were run."""
    parser = argparse.ArgumentParser(prog="fuzz/mutate.py", description="Break the ground.")
    parser.add_argument("names", nargs="*", help="patterns of mutants: all, if none is given")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--continue", action="store_true", dest="go_on", help="keep old results")
    parser.add_argument("--report", action="store_true", help="run nothing, write the result")
    parser.add_argument("--processes", type=int, default=1, help="mutants to run side by side")
    options = parser.parse_args(arguments)
    if not options.report:
        _copy(keep_results=options.go_on)
        _run(options.names, options.processes, options.minutes and options.minutes * 60)
    statuses = _statuses(_said("results", "--all", "true").splitlines())
    lived = sorted(name for name, status in statuses.items() if status in UNNOTICED)
    RESULT.write_text(_report(statuses, [_said("show", name) for name in lived]))
    return 0 if "not checked" not in statuses.values() else 1


def _copy(*, keep_results: bool) -> None:
    """Bring the copy up to date; settings go into it, not into the tree's own configuration."""
    if not keep_results:
        shutil.rmtree(COPY, ignore_errors=True)
    for part in PARTS:
        shutil.rmtree(COPY / part, ignore_errors=True)
        shutil.copytree(ROOT / part, COPY / part, ignore=shutil.ignore_patterns("__pycache__"))
    (COPY / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + SETTINGS)


def _run(names: Sequence[str], processes: int, seconds: float | None) -> None:
    """Run the mutants; when time is up, interrupt as a person would, so that results are kept."""
    words = [MUTMUT, "run", "--max-children", str(processes), *names]
    with subprocess.Popen(words, cwd=COPY) as run:  # noqa: S603 - our own words only
        try:
            run.wait(seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGINT)


def _said(*words: str) -> str:
    """What mutmut says to a command."""
    done = subprocess.run([MUTMUT, *words], cwd=COPY, capture_output=True, text=True, check=True)  # noqa: S603 - our own words only
    return done.stdout


def _statuses(lines: Iterable[str]) -> dict[str, str]:
    """What became of each mutant, by its name."""
    pairs = (line.strip().rpartition(": ") for line in lines)
    return {name: status for name, _, status in pairs if name}


def _report(statuses: dict[str, str], diffs: Sequence[str]) -> str:
    """Counts by status and by module, then each mutant that lived, in order."""
    total = [f"{count:6} {status}" for status, count in sorted(Counter(statuses.values()).items())]
    modules = Counter((name.rpartition(".")[0], status) for name, status in statuses.items())
    parts = [f"{count:6} {status} {module}" for (module, status), count in sorted(modules.items())]
    return "\n".join([f"{len(statuses):6} mutants", *total, "", *parts, "", *diffs])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
