"""A file is what its metadata say, or it is refused."""

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmhold.trust.digest import (
    ALGORITHMS,
    SNAPSHOT,
    TARGET_FILE,
    TARGETS,
    Expectation,
    Measurement,
    MismatchCodes,
)
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import DigestMismatch, LengthMismatch

DATA = b"firmware"
SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def expected(
    digests: Mapping[str, str] | None = None,
    length: int | None = len(DATA),
    codes: MismatchCodes = TARGET_FILE,
) -> Expectation:
    """What metadata say of `DATA`: these digests, and its length unless told otherwise."""
    return Expectation("a.bin", length, digests or {}, codes)


def fault_of(expectation: Expectation, data: bytes) -> Fault:
    """The fault for which a file is refused."""
    with pytest.raises(Refused) as error:
        expectation.check(data)
    return error.value.fault


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_file_passes_by_each_known_algorithm(algorithm: str) -> None:
    """Every listed algorithm is computed, and writes as many digits as are listed."""
    digest = hashlib.new(algorithm, DATA).hexdigest()
    expected({algorithm: digest}).check(DATA)
    assert len(digest) == ALGORITHMS[algorithm]


def test_the_algorithms_that_are_believed_are_strong() -> None:
    """Nothing weaker than SHA-256 makes two files the same."""
    assert dict(ALGORITHMS) == {"sha256": 64, "sha384": 96, "sha512": 128}


LENGTHS = {"shorter": DATA[:-1], "longer": DATA + b"x", "nothing": b""}


@pytest.mark.parametrize("data", LENGTHS.values(), ids=LENGTHS)
def test_a_file_of_another_length_is_refused(data: bytes) -> None:
    """Length is exact, and is judged before any digest."""
    assert fault_of(expected({"sha256": OTHER}), data) == LengthMismatch(
        code=Code.TUF_TARGET_LENGTH, what="a.bin", expected=len(DATA), found=len(data)
    )


def test_a_file_of_the_right_length_and_another_content_is_refused() -> None:
    """One changed bit is another file."""
    changed = bytes([DATA[0] ^ 1]) + DATA[1:]
    assert fault_of(expected({"sha256": SHA256}), changed) == DigestMismatch(
        code=Code.TUF_TARGET_DIGEST,
        what="a.bin",
        algorithm="sha256",
        expected=SHA256,
        found=hashlib.sha256(changed).hexdigest(),
    )


@pytest.mark.parametrize("order", [("sha256", "sha512"), ("sha512", "sha256")])
def test_every_listed_digest_must_agree(order: tuple[str, str]) -> None:
    """One good digest does not make up for a bad one, whichever comes first."""
    digests = {"sha256": SHA256, "sha512": "0" * 128}
    fault = fault_of(expected({name: digests[name] for name in order}), DATA)
    assert isinstance(fault, DigestMismatch)
    assert fault.algorithm == "sha512"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "blake2b-256", "SHA256", "none"])
def test_a_digest_that_cannot_be_checked_never_agrees(algorithm: str) -> None:
    """An unknown algorithm is no licence to skip the check (TUF 5.5.2)."""
    fault = fault_of(expected({"sha256": SHA256, algorithm: "00"}), DATA)
    assert fault == DigestMismatch(
        code=Code.TUF_TARGET_DIGEST,
        what="a.bin",
        algorithm=algorithm,
        expected="00",
        found="unknown algorithm",
    )


def test_a_file_of_unknown_length_is_known_by_its_digests() -> None:
    """Where metadata state no length, digests alone decide."""
    expected({"sha256": SHA256}, None).check(DATA)
    assert fault_of(expected({"sha256": SHA256}, None), b"x").code is Code.TUF_TARGET_DIGEST


def test_a_file_without_digests_is_known_by_its_length() -> None:
    """Where metadata state no digest, the length alone decides."""
    expected().check(DATA)
    assert fault_of(expected(), b"x").code is Code.TUF_TARGET_LENGTH


def test_an_empty_file_is_a_file() -> None:
    """A length of zero is a length, not the absence of one."""
    expected({"sha256": hashlib.sha256(b"").hexdigest()}, 0).check(b"")
    assert fault_of(expected({}, 0), b"x").code is Code.TUF_TARGET_LENGTH


KINDS = {
    "snapshot": (SNAPSHOT, Code.TUF_MIX_SNAPSHOT_LENGTH, Code.TUF_MIX_SNAPSHOT_DIGEST),
    "targets": (TARGETS, Code.TUF_MIX_TARGETS_LENGTH, Code.TUF_MIX_TARGETS_DIGEST),
    "file": (TARGET_FILE, Code.TUF_TARGET_LENGTH, Code.TUF_TARGET_DIGEST),
}


@pytest.mark.parametrize(("codes", "length", "digest"), KINDS.values(), ids=KINDS)
def test_each_kind_of_file_is_refused_under_its_own_codes(
    codes: MismatchCodes, length: Code, digest: Code
) -> None:
    """A report tells mixed metadata from a spoilt target."""
    assert fault_of(expected({}, 1, codes), DATA).code is length
    assert fault_of(expected({"sha256": OTHER}, codes=codes), DATA).code is digest


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=20), max_size=6), st.sampled_from([b"", b"x"]))
def test_pieces_are_judged_like_the_whole(pieces: list[bytes], missing: bytes) -> None:
    """However a file is cut on its way, the verdict and its reasons are the same."""
    whole = b"".join(pieces)
    digest = hashlib.sha256(whole + missing).hexdigest()
    expectation = expected({"sha256": digest}, len(whole))
    measurement = Measurement(expectation)
    for piece in pieces:
        measurement.update(piece)
    if not missing:
        measurement.finish()
        expectation.check(whole)
        return
    with pytest.raises(Refused) as error:
        measurement.finish()
    assert error.value.fault == fault_of(expectation, whole)
