"""Step 2, diff: every recipe yields the image, in as few bytes as it should, time after time."""

import json
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.bindings import _rust
from hypothesis import given, settings
from hypothesis import strategies as st

from firmhold.release.diff import Made, make_extents
from firmhold.trust.digest import Measurement
from firmhold.update.extents import produce
from firmhold.update.index import MAX_WINDOW_BYTES, Operation, Recipe, parse_index
from firmhold.update.pieces import PIECE_BYTES, Reader


class Folder:
    """A folder in which images are written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0

    def image(self, data: bytes) -> Path:
        """Write an image and return where it stands."""
        self._written += 1
        path = self._path / f"{self._written}.img"
        path.write_bytes(data)
        return path


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder for images."""
    return Folder(tmp_path_factory.mktemp("images"))


def install(made: Made, recipe: Recipe, base: bytes) -> bytes:
    """Make the image as a device does: from the index as bytes, payload by payload, and a base."""
    index = parse_index(made.index.to_bytes(), made.index.image)
    assert index == made.index
    reader, result = Reader(index.pieces), b""
    for extent in recipe.extents:
        payload = made.payloads[extent.payload.sha256] if extent.payload is not None else b""
        data = produce(index, extent, payload, lambda at, length: base[at : at + length])
        reader.update(data)
        result += data
    reader.finish()
    return result


def operations(recipe: Recipe) -> list[tuple[Operation, int]]:
    """Operation and number of pieces of each extent."""
    return [(extent.operation, extent.pieces) for extent in recipe.extents]


def shipped(recipe: Recipe) -> int:
    """How many bytes a device fetches for a recipe."""
    return sum({e.payload.sha256: e.payload.length for e in recipe.extents if e.payload}.values())


edits = st.lists(
    st.tuples(st.integers(0, 6 * PIECE_BYTES), st.integers(0, 2 * PIECE_BYTES), st.binary()),
    max_size=4,
)
"""Places where something is cut out and something else is put in."""


def edited(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """The image after some changes: it may be shorter, longer or shifted."""
    for at, length, put in changes:
        data = data[:at] + put + data[at + length :]
    return data or b"\0"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9),
    zeros=st.integers(0, 3 * PIECE_BYTES),
    before=edits,
    after=edits,
)
def test_every_recipe_yields_the_image(
    folder: Folder,
    seed: int,
    zeros: int,
    before: list[tuple[int, int, bytes]],
    after: list[tuple[int, int, bytes]],
) -> None:
    """Whatever changed between two images, a device with either base or none ends with the new."""
    common = Random(seed).randbytes(4 * PIECE_BYTES) + bytes(zeros) + b"text " * 20_000
    old, new = edited(common, before), edited(common, after)
    made = make_extents(folder.image(new), folder.image(old))
    for recipe in made.index.recipes:
        assert install(made, recipe, old) == new


def test_the_same_images_give_the_same_bytes(folder: Folder) -> None:
    """What the desk makes can be made again by anybody, to the byte."""
    old, new = folder.image(b"old" * 100_000), folder.image(b"new" * 100_000)
    first, again = make_extents(new, old), make_extents(new, old)
    assert first.index.to_bytes() == again.index.to_bytes()
    assert first.payloads == again.payloads


def test_zeros_are_not_shipped(folder: Folder) -> None:
    """Empty space in an image costs a line of the index, the short last piece included."""
    made = make_extents(folder.image(bytes(17 * PIECE_BYTES + 5)))
    assert operations(made.index.full) == [(Operation.ZERO, 16), (Operation.ZERO, 2)]
    assert made.payloads == {}


def test_what_the_base_has_is_copied_wherever_it_stands(folder: Folder) -> None:
    """Pieces that moved are copied in runs, from where the run goes on rather than elsewhere."""
    a, b, c, d, e = (Random(number).randbytes(PIECE_BYTES) for number in range(5))
    old, new = a + b + c + d + b + e[:99], d + b + c + a + b + e[:99]
    made = make_extents(folder.image(new), folder.image(old))
    (delta,) = made.index.recipes[1:]
    copies = [extent.base.offset // PIECE_BYTES for extent in delta.extents if extent.base]
    assert operations(delta) == [(Operation.COPY, pieces) for pieces in (2, 1, 2, 1)]
    assert copies == [3, 2, 0, 5]
    assert install(made, delta, old) == new


def test_an_image_of_nothing_has_nothing_to_make(folder: Folder) -> None:
    """An empty image has no pieces, and so no extents."""
    assert make_extents(folder.image(b"")).index.full.extents == ()


def test_a_small_change_costs_little(folder: Folder) -> None:
    """Of an image with some changed bytes, a device with the old one fetches next to nothing."""
    old = Random(1).randbytes(40 * PIECE_BYTES)
    new = old[: 3_000_000 // 2] + b"changed" + old[3_000_000 // 2 + 7 :]
    made = make_extents(folder.image(new), folder.image(old))
    (delta,) = made.index.recipes[1:]
    assert {operation for operation, _ in operations(delta)} == {Operation.COPY, Operation.PATCH}
    assert shipped(delta) < 200 < 39 * PIECE_BYTES < shipped(made.index.full)


def test_the_window_stays_within_a_base_of_any_length(folder: Folder) -> None:
    """A base that is longer, much shorter, or next to nothing is looked at where it exists."""
    new = Random(2).randbytes(MAX_WINDOW_BYTES + 3 * PIECE_BYTES)
    bases = [Random(3).randbytes(1000) + new + bytes(9_000_000), new[:1000], b"tiny", b""]
    made = make_extents(folder.image(new), *map(folder.image, bases))
    assert len(made.index.recipes) == 1 + 3
    for recipe, base in zip(made.index.recipes[1:], bases, strict=False):
        assert install(made, recipe, base) == new
        assert (Operation.PATCH in dict(operations(recipe))) is (len(base) > 1000)


def test_one_base_is_dealt_with_once(folder: Folder) -> None:
    """Two names of one older image give one recipe."""
    path = folder.image(b"old")
    assert len(make_extents(folder.image(b"new"), path, path).index.recipes) == 2


def test_an_image_that_did_not_change_is_copied_whole(folder: Folder) -> None:
    """A release that leaves a component as it was costs no payload."""
    old = Random(4).randbytes(20 * PIECE_BYTES + 1)
    made = make_extents(folder.image(old), folder.image(old))
    (delta,) = made.index.recipes[1:]
    assert operations(delta) == [(Operation.COPY, 16), (Operation.COPY, 5)]


def test_payloads_bear_their_own_names(folder: Folder) -> None:
    """Each payload is what the index says of it, and none is given out that nobody needs."""
    old = Random(5).randbytes(6 * PIECE_BYTES)
    made = make_extents(folder.image(b"!" + old), folder.image(old))
    named = {
        extent.payload.sha256: extent.payload
        for recipe in made.index.recipes
        for extent in recipe.extents
        if extent.payload is not None
    }
    assert set(named) == set(made.payloads)
    for sha256, payload in named.items():
        measurement = Measurement(payload.expectation)
        measurement.update(made.payloads[sha256])
        measurement.finish()


def test_real_files_take_the_way_of_images(folder: Folder) -> None:
    """The modules of Python itself, some of them changed, travel as a fraction of their size."""
    library = sorted(Path(json.__file__).parent.parent.glob("[a-m]*.py"))
    sources = [file.read_bytes() for file in library]
    older = b"".join(sources)
    newer = b"".join(source.replace(b"import os\n", b"import os, io\n") for source in sources)
    assert older != newer
    made = make_extents(folder.image(newer), folder.image(older))
    (delta,) = made.index.recipes[1:]
    assert install(made, delta, older) == newer
    assert install(made, made.index.full, b"") == newer
    assert shipped(delta) * 20 < shipped(made.index.full) < len(newer) // 2


@pytest.mark.slow
def test_a_real_program_of_some_size_goes_through(folder: Folder) -> None:
    """Machine code of some megabytes, moved by a few bytes, is an image like any other."""
    program = Path(str(_rust.__file__)).read_bytes()
    older = b"\0" * 999 + program
    made = make_extents(folder.image(program), folder.image(older))
    for recipe in made.index.recipes:
        assert install(made, recipe, older) == program
    full, delta = made.index.recipes
    assert shipped(delta) * 100 < shipped(full) < len(program)
    assert len(program) > 1 << 20
