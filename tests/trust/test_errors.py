"""The closed list of codes, the faults that carry them, and the four verdicts."""

import ast
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

import firmhold
from firmhold.trust.errors import (
    Code,
    Damaged,
    Fault,
    FirmholdError,
    Misuse,
    Refused,
    Unavailable,
    UsageFault,
)
from firmhold.trust.faults import (
    Absent,
    DigestMismatch,
    Expired,
    LengthMismatch,
    Malformed,
    Mismatch,
    OverLimit,
    QuorumUnmet,
    VersionMismatch,
    WrongType,
)
from firmhold.trust.outer_faults import FetchFault, PlaceFault

SOURCE = Path(firmhold.__file__).parent
FAULTS = Fault.__subclasses__()
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)
PLACES = {
    "act",
    "attestation",
    "ceremony",
    "ca",
    "device",
    "fleet",
    "gateway",
    "protocol",
    "encoding",
    "tuf",
    "uptane",
    "settings",
    "offline",
    "manifest",
    "freshness",
    "update",
    "install",
    "memory",
    "fetch",
    "store",
    "key",
    "release",
    "drill",
    "misuse",
}
"""The first word of a code."""


def codes_named_in(file: Path) -> set[str]:
    """Names of the codes that a module writes as `Code.NAME`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Code"
    }


@pytest.mark.parametrize("code", Code)
def test_each_code_belongs_to_exactly_one_kind_of_fault(code: Code) -> None:
    """A code tells which fields its fault has."""
    assert Counter(code in fault.codes for fault in FAULTS)[True] == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_each_kind_of_fault_has_a_code(fault: type[Fault]) -> None:
    """No kind of fault is left over that nothing can report."""
    assert fault.codes


@pytest.mark.parametrize("code", Code)
def test_each_code_is_lower_case_words_behind_the_name_of_its_place(code: Code) -> None:
    """A code reads `place.check` and never looks like anything else."""
    place, *checks = code.split(".")
    assert place in PLACES
    assert all(part.replace("_", "").islower() for part in [place, *checks])


def test_each_code_is_used_by_a_check() -> None:
    """No code is listed that no check of the product can report."""
    lists = {SOURCE / "trust" / f"{name}.py" for name in ("errors", "faults", "advice")}
    modules = [file for file in SOURCE.rglob("*.py") if file not in lists]
    assert {code.name for code in Code} - set().union(*map(codes_named_in, modules)) == set()


def test_a_fault_with_the_code_of_another_kind_cannot_be_made() -> None:
    """A fault under a wrong code is the caller's mistake, and says which."""
    with pytest.raises(Misuse) as error:
        WrongType(code=Code.TUF_SHAPE, role="root", found="snapshot")
    assert error.value.fault == UsageFault(code=Code.MISUSE, what="WrongType:tuf.shape")


def test_a_bare_fault_cannot_be_made() -> None:
    """There is no fault without a kind."""
    with pytest.raises(Misuse) as error:
        Fault(code=Code.TUF_SHAPE)
    assert error.value.fault == UsageFault(code=Code.MISUSE, what="Fault:tuf.shape")


READINGS = {
    "limit": (
        OverLimit(code=Code.ENCODING_TOO_DEEP, what="document", limit=32),
        "encoding.too_deep: what=document limit=32",
    ),
    "malformed": (
        Malformed(code=Code.TUF_SHAPE, where="signed.version", expected="a number"),
        "tuf.shape: where=signed.version expected=a number",
    ),
    "type": (
        WrongType(code=Code.TUF_WRONG_TYPE, role="root", found="snapshot"),
        "tuf.wrong_type: role=root found=snapshot",
    ),
    "quorum": (
        QuorumUnmet(
            code=Code.TUF_SIGNATURES_TARGETS,
            role="targets",
            delegator="root",
            threshold=2,
            signed=(),
            missing=("A",),
        ),
        "tuf.signatures.targets: role=targets delegator=root threshold=2 signed=() missing=('A',)",
    ),
    "version": (
        VersionMismatch(code=Code.TUF_ROOT_VERSION, role="root", expected=2, found=3),
        "tuf.root_version: role=root expected=2 found=3",
    ),
    "length": (
        LengthMismatch(code=Code.TUF_TARGET_LENGTH, what="a.bin", expected=2, found=3),
        "tuf.target_length: what=a.bin expected=2 found=3",
    ),
    "digest": (
        DigestMismatch(
            code=Code.TUF_TARGET_DIGEST,
            what="a.bin",
            algorithm="sha256",
            expected="aa",
            found="bb",
        ),
        "tuf.target_digest: what=a.bin algorithm=sha256 expected=aa found=bb",
    ),
    "expired": (
        Expired(code=Code.TUF_FREEZE_ROOT, role="root", expires=MOMENT, now=MOMENT),
        f"tuf.freeze.root: role=root expires={MOMENT} now={MOMENT}",
    ),
    "absent": (
        Absent(code=Code.TUF_NO_SUCH_TARGET, name="a.bin", listed_in="targets"),
        "tuf.no_such_target: name=a.bin listed_in=targets",
    ),
    "fetch": (
        FetchFault(code=Code.FETCH_STATUS, url="http://h/x", detail="500"),
        "fetch.status: url=http://h/x detail=500",
    ),
    "place": (
        PlaceFault(code=Code.STORE_IO, path="/x", detail="full"),
        "store.io: path=/x detail=full",
    ),
    "usage": (UsageFault(code=Code.MISUSE, what="twice"), "misuse: what=twice"),
}


@pytest.mark.parametrize(("fault", "text"), READINGS.values(), ids=READINGS)
def test_a_fault_reads_as_its_code_and_its_fields(fault: Fault, text: str) -> None:
    """A log line holds the code and each field in order."""
    assert str(fault) == text


@pytest.mark.parametrize("family", [Refused, Unavailable, Damaged, Misuse])
def test_a_verdict_carries_its_fault_and_shows_it(family: type[FirmholdError]) -> None:
    """Whoever catches a verdict has the code, the fields and one line of text."""
    fault = PlaceFault(code=Code.STORE_IO, path="/x", detail="full")
    error = family(fault)
    assert (error.fault, error.code) == (fault, Code.STORE_IO)
    assert str(error) == str(fault)


def test_no_verdict_is_a_kind_of_another() -> None:
    """Catching one family never swallows another."""
    families = [Refused, Unavailable, Damaged, Misuse]
    assert all(family.__bases__ == (FirmholdError,) for family in families)
    assert FirmholdError.__bases__ == (Exception,)


def test_a_fault_says_all_that_it_has_to_say() -> None:
    """Whoever meets a refusal is told every part of it: none is left out."""
    with pytest.raises(Misuse) as error:
        Mismatch(code=Code.UPDATE_CLASS, what="class", expected="feature", found=None)  # type: ignore[arg-type]
    assert error.value.fault == UsageFault(code=Code.MISUSE, what="Mismatch:update.class found")
