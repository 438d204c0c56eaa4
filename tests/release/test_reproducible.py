"""The same keys, files and moments make the same site, to the byte."""

import shutil
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def work(run: Run, folder: Path, *, forwards: bool) -> None:
    """Two releases at chosen moments, prepared and signed in one order or in the other."""
    desk, site, direction = folder / "desk", folder / "site", 1 if forwards else -1
    incoming = folder / ("here" if forwards else "there")
    incoming.mkdir(parents=True)
    for day, (authority, names) in enumerate(
        [("feature", ["a.bin", "b.bin"]), ("security", ["fix.bin"])], 2
    ):
        at = ("--at", f"2030-01-0{day}T12:00:00Z")
        files = [incoming / name for name in names][::direction]
        for file in files:
            file.write_bytes(file.name.encode() * 1000)
        run("build", desk, *files, "--authority", authority, "--product", "thing", *at)
        for holder in [f"{authority}-1", f"{authority}-3"][::direction]:
            key = f"file:{desk}/keys/{holder}.pem"
            assert run("sign", desk, "--role", authority, "--key", key, *at)[0] == 0
        assert run("publish", desk, "--to", site, *at)[0] == 0


def test_two_desks_with_the_same_keys_make_the_same_site(
    run: Run, made_desk: Path, tmp_path: Path
) -> None:
    """Neither the folder, nor the order of files or signatures, leaves a trace."""
    trees = []
    for forwards in (True, False):
        folder = tmp_path / f"forwards-{forwards}"
        shutil.copytree(made_desk, folder / "desk")
        work(run, folder, forwards=forwards)
        trees.append((tree(folder / "site"), tree(folder / "desk")))
    assert trees[0] == trees[1]
    site, _ = trees[0]
    assert sorted(path for path in site if path.startswith("metadata/")) == [
        "metadata/1.root.json",
        "metadata/1.security.json",
        "metadata/1.snapshot.json",
        "metadata/1.targets.json",
        "metadata/2.feature.json",
        "metadata/2.security.json",
        "metadata/2.snapshot.json",
        "metadata/timestamp.json",
    ]
    assert len(site) == 8 + 3
