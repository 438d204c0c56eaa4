"""Puts the seeds of a target where the fuzzer and the tests look for them."""

import shutil
from collections.abc import Mapping

from fuzz.promises import SEEDS


def plant(target: str, seeds: Mapping[str, bytes]) -> None:
    """Replace the seeds of a target, each a file of its name."""
    folder = SEEDS / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)
