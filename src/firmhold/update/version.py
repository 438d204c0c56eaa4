"""Three numbers that are never mixed up, and one text that is no number at all.

* `ReleaseVersion` is for people. It has no order: nothing is decided by comparing two of them.
* `ReleaseCounter` orders the releases of a product, densely: 1, 2, 3, …; 0 is "none yet".
* `SecurityCounter` is what the floor of the hardware is compared with. It rises seldom, when an
  older release must never run again.
* `AgentVersion` is what an agent understands, as three numbers that do have an order.
"""

import re
from dataclasses import dataclass
from typing import NewType

ReleaseCounter = NewType("ReleaseCounter", int)
"""The place of a release in the order of its product's releases."""

SecurityCounter = NewType("SecurityCounter", int)
"""What the security floor of a device is compared with."""

NO_RELEASE = ReleaseCounter(0)
"""The counter of a device on which nothing was installed yet."""

_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}")
_AGENT = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """The name of a release, as people write it. Two of them are equal or not; none is newer."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, order=True)
class AgentVersion:
    """The version of a device's agent: a later one understands all that an earlier one does."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def read_release_version(text: str) -> ReleaseVersion | None:
    """Return `text` as the version of a release; None if it cannot be one."""
    return ReleaseVersion(text) if _RELEASE.fullmatch(text) else None


def read_agent_version(text: str) -> AgentVersion | None:
    """Return `text`, three numbers with dots between, as a version; None if it is none."""
    found = _AGENT.fullmatch(text)
    return AgentVersion(*(int(number) for number in found.groups())) if found else None
