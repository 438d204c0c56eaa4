"""A file is what its metadata say when length and every listed digest agree.

`Expectation` is what signed metadata say of a file. `Measurement` is the same file as it streams
by, so that an image of any size is measured in constant memory. An algorithm that is not in
`ALGORITHMS` cannot be checked and therefore never agrees (TUF 5.5.2: the hashes *must* match).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import DigestMismatch, LengthMismatch

ALGORITHMS: Mapping[str, int] = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Digest algorithms that are believed, with the length of their hexadecimal form."""

UNKNOWN = "unknown algorithm"


class Hash(Protocol):
    """The part of a hashlib object that is used here."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """Give the digest of all bytes so far, in hexadecimal."""
        ...


@dataclass(frozen=True, slots=True)
class MismatchCodes:
    """The codes under which one kind of file reports that it is not the expected one."""

    length: Code
    digest: Code


SNAPSHOT = MismatchCodes(Code.TUF_MIX_SNAPSHOT_LENGTH, Code.TUF_MIX_SNAPSHOT_DIGEST)
TARGETS = MismatchCodes(Code.TUF_MIX_TARGETS_LENGTH, Code.TUF_MIX_TARGETS_DIGEST)
TARGET_FILE = MismatchCodes(Code.TUF_TARGET_LENGTH, Code.TUF_TARGET_DIGEST)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Length in bytes (None: not stated) and hexadecimal digests by algorithm (may be empty)."""

    what: str
    length: int | None
    digests: Mapping[str, str]
    codes: MismatchCodes

    def check(self, data: bytes) -> None:
        """Pass if `data` is that file, else raise `Refused`."""
        measurement = Measurement(self)
        measurement.update(data)
        measurement.finish()


class Measurement:
    """A file being measured against its expectation, piece by piece."""

    def __init__(self, expectation: Expectation) -> None:
        self._expectation = expectation
        self._length = 0
        self._hashes: dict[str, Hash] = {
            name: hashlib.new(name) for name in expectation.digests if name in ALGORITHMS
        }

    def update(self, data: bytes) -> None:
        """Take in the next piece of the file."""
        self._length += len(data)
        for hash_ in self._hashes.values():
            hash_.update(data)

    def finish(self) -> None:
        """Pass if all that came by is the expected file, else raise `Refused`."""
        expected = self._expectation
        if expected.length is not None and self._length != expected.length:
            raise Refused(
                LengthMismatch(
                    code=expected.codes.length,
                    what=expected.what,
                    expected=expected.length,
                    found=self._length,
                )
            )
        for algorithm, digest in expected.digests.items():
            self._check_digest(algorithm, digest)

    def _check_digest(self, algorithm: str, expected: str) -> None:
        hash_ = self._hashes.get(algorithm)
        found = hash_.hexdigest() if hash_ is not None else UNKNOWN
        if found != expected:
            raise Refused(
                DigestMismatch(
                    code=self._expectation.codes.digest,
                    what=self._expectation.what,
                    algorithm=algorithm,
                    expected=expected,
                    found=found,
                )
            )
