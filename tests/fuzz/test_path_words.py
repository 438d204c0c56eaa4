"""The targets of words between device and server are not deaf: they accept what is honest."""

from contextlib import suppress

from fuzz.path_words import READERS, REQUEST, requested
from fuzz.promises import SEEDS

from firmhold.trust.errors import Refused


def test_the_honest_request_is_taken_and_no_other() -> None:
    """Of all seeds, only the one that the device's key signed gets a certificate."""
    files = sorted((SEEDS / "certificate_request").iterdir())
    assert [file.name for file in files if requested(file.read_bytes())] == [REQUEST]


def test_each_reader_reads_one_of_the_seeds() -> None:
    """And no seed is read by two: no message can be taken for another."""
    read = []
    for file in sorted((SEEDS / "path").iterdir()):
        for reader in READERS:
            with suppress(Refused):
                reader(file.read_bytes())
                read.append((file.name, reader))
    assert sorted(reader.__name__ for _, reader in read) == sorted(r.__name__ for r in READERS)
    assert len({name for name, _ in read}) == len(read)
