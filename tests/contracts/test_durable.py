"""What every `Durable` and every `BlockDevice` of the device promises."""

from pathlib import Path

import pytest

from firmhold.device.adapters.block import SlotFile
from firmhold.device.adapters.disk import write_new
from firmhold.device.adapters.files import KEY_BYTES, FileFolder, KeyFile
from firmhold.device.ports import BlockDevice, Durable
from firmhold.sim.flash import SimDisk, SimSlot, Supply
from firmhold.trust.errors import Code, Damaged, Misuse
from firmhold.update.pieces import PIECE_BYTES

BLOCKS = 4


class DurableContract:
    """A subclass gives `durable`, an empty folder of small files."""

    @pytest.fixture
    def durable(self) -> Durable:
        """The adapter under test."""
        raise NotImplementedError

    def test_what_was_never_written_is_not_there(self, durable: Durable) -> None:
        """An empty folder has no file."""
        assert durable.read("a", 10) is None

    def test_a_file_has_the_bytes_that_it_was_given_last(self, durable: Durable) -> None:
        """Writing again leaves nothing of what was there before."""
        durable.write("a", b"a longer text")
        durable.write("a", b"short")
        durable.sync("a")
        durable.sync_folder()
        assert durable.read("a", 100) == b"short"

    def test_no_more_is_read_than_one_byte_beyond_the_bound(self, durable: Durable) -> None:
        """A file that grew under somebody's hands is not read whole."""
        durable.write("a", b"x" * 100)
        assert durable.read("a", 10) == b"x" * 11

    def test_a_file_takes_the_place_of_another(self, durable: Durable) -> None:
        """After a rename there is one file, the new one."""
        durable.write("a", b"old")
        durable.write("b", b"new")
        durable.rename("b", "a")
        assert (durable.read("a", 10), durable.read("b", 10)) == (b"new", None)


class TestSimDisk(DurableContract):
    """The simulated disk."""

    @pytest.fixture
    def durable(self) -> Durable:
        """A disk that nobody cuts."""
        return SimDisk(Supply())


class TestFileFolder(DurableContract):
    """A folder of this machine."""

    @pytest.fixture
    def durable(self, tmp_path: Path) -> Durable:
        """An empty folder."""
        return FileFolder(tmp_path)

    def test_a_link_is_no_file(self, tmp_path: Path) -> None:
        """Nobody leads the device's own files elsewhere."""
        (tmp_path / "elsewhere").write_bytes(b"precious")
        (tmp_path / "a").symlink_to("elsewhere")
        with pytest.raises(Damaged):
            FileFolder(tmp_path).write("a", b"x")
        with pytest.raises(Damaged):
            FileFolder(tmp_path).read("a", 10)
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"

    def test_only_the_owner_reads_what_is_kept(self, tmp_path: Path) -> None:
        """What a device remembers is nobody else's."""
        FileFolder(tmp_path).write("a", b"x")
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


class BlockDeviceContract:
    """A subclass gives `slot`, of `BLOCKS` pieces, all zeros."""

    @pytest.fixture
    def slot(self) -> BlockDevice:
        """The adapter under test."""
        raise NotImplementedError

    def test_it_tells_its_size(self, slot: BlockDevice) -> None:
        """Whoever writes knows how much there is room for."""
        assert slot.size == BLOCKS * PIECE_BYTES

    @pytest.mark.parametrize(
        ("offset", "length"), [(0, 1), (5, 70_000), (PIECE_BYTES, PIECE_BYTES)]
    )
    def test_what_was_written_and_flushed_is_on_the_medium(
        self, slot: BlockDevice, offset: int, length: int
    ) -> None:
        """Reading back gives the bytes that were written, and zeros around them."""
        data = bytes(number % 251 + 1 for number in range(length))
        slot.write(offset, data)
        slot.flush()
        assert slot.read_back(offset, length) == data
        assert slot.read(offset, length) == data
        assert slot.read_back(offset + length, 3) == bytes(3)


class TestSimSlot(BlockDeviceContract):
    """The simulated slot."""

    @pytest.fixture
    def slot(self) -> BlockDevice:
        """A slot that nobody cuts."""
        return SimSlot(Supply(), BLOCKS)


class TestSlotFile(BlockDeviceContract):
    """A slot in a file."""

    @pytest.fixture
    def slot(self, tmp_path: Path) -> BlockDevice:
        """A file of zeros, not running."""
        write_new(tmp_path / "slot", bytes(BLOCKS * PIECE_BYTES))
        return SlotFile(tmp_path / "slot", running=False)

    def test_nothing_is_written_beyond_its_end(self, tmp_path: Path) -> None:
        """A slot does not grow."""
        write_new(tmp_path / "slot", bytes(PIECE_BYTES))
        with pytest.raises(Misuse):
            SlotFile(tmp_path / "slot", running=False).write(PIECE_BYTES - 1, b"xx")
        assert (tmp_path / "slot").stat().st_size == PIECE_BYTES

    def test_a_slot_of_any_length_is_read_back(self, tmp_path: Path) -> None:
        """The last bytes come back though no page ends with them."""
        write_new(tmp_path / "slot", b"x" * 5_001)
        assert SlotFile(tmp_path / "slot", running=True).read_back(4_999, 10) == b"xx"


def test_a_key_is_made_once_and_read_whole(tmp_path: Path) -> None:
    """A device has one key; one that was cut short is no key."""
    KeyFile.make(tmp_path / "key")
    tag = KeyFile(tmp_path / "key").tag(b"x")
    assert len(tag) == KEY_BYTES
    with pytest.raises(Damaged):
        KeyFile.make(tmp_path / "key")
    assert KeyFile(tmp_path / "key").tag(b"x") == tag
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(Damaged) as error:
        KeyFile(tmp_path / "key")
    assert error.value.code is Code.STORE_IO
