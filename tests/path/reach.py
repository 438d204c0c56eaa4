"""Has a program see its own interpreter though it runs as somebody else.

Where the tests are root's, their interpreter may lie in a folder that only root enters. In a mount
namespace of its own a program sees an open folder there, with what it needs in it and nothing else.
"""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
_OTHERS_ENTER = 0o001


def reaching(words: list[str]) -> list[str]:
    """Return the words that run a program so that any user can load what it is made of."""
    needed = {Path(each).resolve() for each in (sys.base_prefix, sys.prefix, SOURCE)}
    closed = sorted({folder for path in needed for folder in _closed(path)})
    steps = [step for folder in closed for step in _opened(folder, needed)]
    if not steps:
        return words
    return ["unshare", "--mount", "sh", "-ec", "\n".join([*steps, 'exec "$@"']), "sh", *words]


def _closed(path: Path) -> Iterator[Path]:
    """The folders on the way to a path that others do not enter."""
    return (each for each in path.parents if not each.stat().st_mode & _OTHERS_ENTER)


def _opened(folder: Path, needed: set[Path]) -> Iterator[str]:
    where = shlex.quote(str(folder))
    yield f"held=$(mktemp -d) && mount --rbind {where} $held && mount -t tmpfs open {where}"
    for name in sorted(
        {p.relative_to(folder).parts[0] for p in needed if p.is_relative_to(folder)}
    ):
        child = shlex.quote(name)
        yield f"mkdir {where}/{child} && mount --rbind $held/{child} {where}/{child}"
