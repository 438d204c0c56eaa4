"""The power fails before each write, one after the other; clients and the desk survive it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from itertools import count
from pathlib import Path

import pytest

from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.show import show
from firmhold.sim.desk import PowerCut, SimDesk, SimPower, SimSite
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.errors import Code, Refused

MakeFile = Callable[..., Path]
Machine = tuple[SimPower, SimVendor]
OLD, NEW = "feature/thing/old.bin", "feature/thing/new.bin"


@pytest.fixture
def prepared(make_file: MakeFile) -> Machine:
    """A vendor who has published one release and signed the next two, power on so far."""
    power = SimPower()
    vendor = SimVendor(SimDesk(power), SimSite(power))
    vendor.release("feature", make_file("old.bin", b"old"))
    vendor.build("feature", make_file("new.bin", b"new"))
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.build("security", make_file("fix.bin", b"fix"))
    vendor.sign("security", "security-1", "security-2")
    return power, vendor


def cut_publications(prepared: Machine) -> Iterator[SimVendor]:
    """The machine as it stands after a cut before each write of a publication, one by one."""
    for write in count(1):
        power, vendor = deepcopy(prepared)
        power.cut_before(write)
        with suppress(PowerCut):
            vendor.publish()
            return
        power.restore()
        yield vendor


def test_a_cut_at_any_write_leaves_the_old_repository_whole(prepared: Machine) -> None:
    """Until the last write clients read the old release; publishing again mends everything."""
    _, vendor = prepared
    known = SimReader(vendor.site, vendor.root, vendor.clock)
    known.refresh()
    machines = list(cut_publications(prepared))
    assert len(machines) >= 12
    for vendor in machines:
        readers = [known.moved_to(vendor.site), SimReader(vendor.site, vendor.root, vendor.clock)]
        for reader in readers:
            assert reader.read(OLD) == b"old"
            with pytest.raises(Refused) as error:
                reader.read(NEW)
            assert error.value.code is Code.TUF_NO_SUCH_TARGET
        versions = vendor.publish().versions
        assert (versions["feature"], versions["security"]) == (3, 2)
        for reader in readers:
            assert reader.read(NEW) == b"new"
            assert reader.read("security/thing/fix.bin") == b"fix"


def test_two_cuts_in_a_row_are_mended_too(prepared: Machine) -> None:
    """A second cut, at any write of the repair, changes nothing of that."""
    for first in (2, 4, 8):
        power, vendor = deepcopy(prepared)
        power.cut_before(first)
        with pytest.raises(PowerCut):
            vendor.publish()
        machines = list(cut_publications((power, vendor)))
        assert len(machines) >= 5
        for again in machines:
            again.publish()
            reader = SimReader(again.site, again.root, again.clock)
            assert reader.read(NEW) == b"new"


def test_no_draft_is_lost_by_a_cut(prepared: Machine) -> None:
    """After a cut in a publication each signed release is a draft still or a version already."""
    for vendor in cut_publications(prepared):
        lines = show(vendor.desk)
        assert {(line.role, line.version) for line in lines} >= {("feature", 3), ("security", 2)}
        assert all(line.tally.met for line in lines)


@pytest.mark.parametrize("step", ["build", "sign"])
def test_a_cut_before_a_draft_is_written_is_repeated(make_file: MakeFile, step: str) -> None:
    """Building and signing are done wholly or not at all, and can be done again."""
    for write in (1, 2):
        power = SimPower()
        vendor = SimVendor(SimDesk(power), SimSite(power))
        if step == "sign":
            vendor.build("feature", make_file())
        before = vendor.desk.draft("feature")
        do: Callable[[], object] = {
            "build": lambda vendor=vendor: vendor.build("feature", make_file()),
            "sign": lambda vendor=vendor: vendor.sign("feature", "feature-1", "feature-2"),
        }[step]
        power.cut_before(write)
        with pytest.raises(PowerCut):
            do()
        power.restore()
        if write == 1:
            assert vendor.desk.draft("feature") == before
        do()
        vendor.sign("feature", "feature-1", "feature-2")
        assert vendor.publish().versions["feature"] == 2


class FailingDisk:
    """The machine's disk, which stops the program before one of its renames and syncs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._operations = 0
        self._stop_before = 0
        for name in ("replace", "fsync", "unlink"):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def stop_before(self, operation: int) -> None:
        """Count from one again, and stop before an operation; 0: never."""
        self._operations, self._stop_before = 0, operation

    def _counted(self, operation: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **kwargs: object) -> object:
            self._operations += 1
            if self._operations == self._stop_before:
                raise PowerCut
            return operation(*args, **kwargs)

        return counted


@pytest.mark.slow
def test_a_program_that_dies_between_two_operations_of_the_disk_leaves_folders_whole(
    tmp_path: Path, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real folders too the old release is served whole until the new one is."""
    vendor = SimVendor(FolderDesk(tmp_path / "0/desk"), FolderSite(tmp_path / "0/site"))
    vendor.release("feature", make_file("old.bin", b"old"))
    vendor.build("feature", make_file("new.bin", b"new"))
    vendor.sign("feature", "feature-1", "feature-2")
    disk = FailingDisk(monkeypatch)
    for operation in count(1):
        folder = shutil.copytree(tmp_path / "0", tmp_path / str(operation))
        vendor.desk, vendor.site = FolderDesk(folder / "desk"), FolderSite(folder / "site")
        disk.stop_before(operation)
        with suppress(PowerCut):
            vendor.publish()
            break
        disk.stop_before(0)
        reader = SimReader(vendor.site, vendor.root, vendor.clock)
        assert reader.read(OLD) == b"old"
        vendor.publish()
        assert reader.read(NEW) == b"new"
    assert operation > 20
