"""Whose word a target is: the path says which authority, the role says that it spoke.

Targets of an authority stand at `feature/<product>/<file>` or `security/<product>/<file>`. A role
below an authority bears its name, a slash and a name of its own; what another role says under such
a path, the top-level `targets` included, is not the authority's word.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.tuf.roles import Target


@unique
class Authority(StrEnum):
    """The two release authorities; neither does the other's work."""

    FEATURE = "feature"
    SECURITY = "security"

    @property
    def other(self) -> "Authority":
        """The one that is not this one."""
        return Authority.SECURITY if self is Authority.FEATURE else Authority.FEATURE


@dataclass(frozen=True, slots=True)
class Place:
    """The three parts of a target path."""

    authority: Authority
    product: str
    file: str

    @property
    def counterpart(self) -> str:
        """The path under which the other authority says the same."""
        return f"{self.authority.other}/{self.product}/{self.file}"


def place_of(target: Target) -> Place:
    """Return the place of a target that its authority itself speaks of. Raises `Refused`."""
    parts = target.path.split("/")
    if len(parts) != len(Place.__slots__) or not all(parts) or parts[0] not in set(Authority):
        expected = "feature|security/<product>/<file>"
        raise _mismatch(Code.UPDATE_PATH, "path", expected, target.path)
    authority = Authority(parts[0])
    if target.role != authority and not target.role.startswith(f"{authority}/"):
        raise _mismatch(Code.UPDATE_AUTHORITY, "role", authority, target.role)
    return Place(authority, parts[1], parts[2])


def _mismatch(code: Code, what: str, expected: str, found: str) -> Refused:
    return Refused(Mismatch(code=code, what=what, expected=str(expected), found=found))
