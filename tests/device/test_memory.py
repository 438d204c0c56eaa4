"""What the device remembers, when a hostile hand or a failing disk has been at it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from firmhold.device.memory import COPIES, SEAL_BYTES, Memory
from firmhold.sim.flash import SimDisk, Supply
from firmhold.sim.machine import SimSeal
from firmhold.trust.errors import Code
from firmhold.update.journal import MAX_BYTES, State

SEAL = SimSeal()
STATES = tuple(replace(State(), floor=floor) for floor in range(1, 6))
Files = dict[str, bytes]


def disk_with(files: Files) -> SimDisk:
    """A disk with these files, all of them durable."""
    disk = SimDisk(Supply())
    disk.hold(frozenset(files.items()))
    return disk


def kept(*states: State) -> Files:
    """The files after these states were kept, one after the other."""
    disk = SimDisk(Supply())
    memory = Memory(disk, SEAL)
    for state in states:
        memory.keep(state)
    return {name: data for name in COPIES if (data := disk.read(name, MAX_BYTES * 2)) is not None}


FILES = kept(*STATES)
OLDER = kept(*STATES[:-2])
NEWEST, OTHER = COPIES[len(STATES) % 2], COPIES[(len(STATES) + 1) % 2]


def resealed(data: bytes) -> bytes:
    """The same body under a seal that fits it."""
    body = data[:-SEAL_BYTES]
    return body + SEAL.tag(body)


SPOILT: dict[str, tuple[Callable[[bytes], bytes | None], Code]] = {
    "deleted": (lambda _: None, Code.MEMORY_LOST),
    "emptied": (lambda _: b"", Code.MEMORY_DAMAGED),
    "cut short": (lambda data: data[:-1], Code.MEMORY_DAMAGED),
    "halved": (lambda data: data[: len(data) // 2], Code.MEMORY_DAMAGED),
    "longer": (lambda data: data + b"\0", Code.MEMORY_DAMAGED),
    "huge": (lambda data: data.ljust(2 * MAX_BYTES), Code.MEMORY_DAMAGED),
    "of zeros": (lambda data: bytes(len(data)), Code.MEMORY_DAMAGED),
    "first bit": (lambda data: bytes([data[0] ^ 1]) + data[1:], Code.MEMORY_DAMAGED),
    "last bit": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), Code.MEMORY_DAMAGED),
    "another floor": (
        lambda data: data.replace(b'"floor":', b'"floor":9', 1),
        Code.MEMORY_DAMAGED,
    ),
    "another device's": (
        lambda data: data[:-SEAL_BYTES] + SimSeal(b"another").tag(data[:-SEAL_BYTES]),
        Code.MEMORY_DAMAGED,
    ),
    "of another format": (
        lambda data: resealed(data.replace(b"memory 1", b"memory 2", 1)),
        Code.MEMORY_DAMAGED,
    ),
    "sealed nonsense": (
        lambda data: resealed(data.replace(b'"idle"', b'"idly"', 1)),
        Code.MEMORY_DAMAGED,
    ),
}
"""Ways to spoil one copy, and what is told of them."""


def spoilt(name: str, spoil: Callable[[bytes], bytes | None]) -> Files:
    """The files with one copy spoilt."""
    changed = spoil(FILES[name])
    others = {other: data for other, data in FILES.items() if other != name}
    return others if changed is None else {**others, name: changed}


def codes(memory: Memory) -> list[Code]:
    """What is told of the damage."""
    return [fault.code for fault in memory.damage]


def test_a_new_device_remembers_nothing_and_misses_nothing() -> None:
    """Where nothing was ever written, nothing is lost."""
    memory = Memory(disk_with({}), SEAL)
    assert (memory.state, memory.damage) == (State(), ())


@pytest.mark.parametrize("count", range(1, len(STATES) + 1))
def test_the_last_state_is_remembered(count: int) -> None:
    """After each write, and after a restart, the last state is the one."""
    memory = Memory(disk_with(kept(*STATES[:count])), SEAL)
    assert (memory.state, memory.damage) == (STATES[count - 1], ())


@pytest.mark.parametrize(("spoil", "code"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_copy_is_told_and_the_other_serves(
    spoil: Callable[[bytes], bytes | None], code: Code
) -> None:
    """Whichever copy is spoilt, and however: the other one is used, and somebody hears of it."""
    for name, expected in ((NEWEST, STATES[-2]), (OTHER, STATES[-1])):
        memory = Memory(disk_with(spoilt(name, spoil)), SEAL)
        assert memory.state == expected
        assert codes(memory) == [code]


def test_any_flipped_bit_is_seen() -> None:
    """No single bit of a copy can be changed without it being seen."""
    data = FILES[NEWEST]
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        memory = Memory(disk_with({**FILES, NEWEST: changed}), SEAL)
        assert memory.state == STATES[-2]
        assert codes(memory) == [Code.MEMORY_DAMAGED]


def test_exchanged_copies_are_seen() -> None:
    """A copy under the other one's name is no memory."""
    memory = Memory(disk_with({NEWEST: FILES[OTHER], OTHER: FILES[NEWEST]}), SEAL)
    assert memory.state == State()
    assert codes(memory) == [Code.MEMORY_MISPLACED] * 2


def test_an_older_copy_put_back_is_seen() -> None:
    """One copy of long ago beside one of today gives itself away by its number."""
    memory = Memory(disk_with({**FILES, OTHER: OLDER[OTHER]}), SEAL)
    assert memory.state == STATES[-1]
    assert codes(memory) == [Code.MEMORY_STALE]


def test_where_both_copies_are_spoilt_nothing_is_remembered() -> None:
    """A device whose memory is gone begins anew, and says so."""
    memory = Memory(disk_with(dict.fromkeys(COPIES, b"")), SEAL)
    assert memory.state == State()
    assert codes(memory) == [Code.MEMORY_DAMAGED] * 2


@pytest.mark.parametrize("name", COPIES)
def test_what_is_damaged_is_written_over_first(name: str) -> None:
    """After a damage the next writes make both copies whole again, and lose nothing meanwhile."""
    disk = disk_with({**FILES, name: b""})
    memory = Memory(disk, SEAL)
    for state in STATES[:2]:
        memory.keep(state)
        assert Memory(disk, SEAL).state == state
    assert Memory(disk, SEAL).damage == ()


def test_a_memory_that_is_not_what_was_is_forgotten_durably() -> None:
    """What was put back is not believed at the next start either."""
    disk = disk_with(FILES)
    memory = Memory(disk, SEAL)
    fault = Memory(disk_with({**FILES, NEWEST: b""}), SEAL).damage[0]
    memory.forget(fault)
    assert (memory.state, memory.damage) == (State(), (fault,))
    assert Memory(disk, SEAL).state == State()
