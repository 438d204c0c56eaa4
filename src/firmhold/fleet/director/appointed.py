"""Which of its keys the Director may use now: the one that its newest root, or the settings, name.

A machine may hold the key in use and the one to come. The newest root says which of them signs
words, the trust settings of the image repository say which tells the time; where neither is here,
nothing is signed, and what was signed before stands until it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmhold.fleet.beliefs import Beliefs
from firmhold.signing.ports import Signer
from firmhold.storage.disk import read_file
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import SNAPSHOT, TARGETS, TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES

FIRST_ROOT = "director.root.json"
_ROLES = (TARGETS, SNAPSHOT, TIMESTAMP)


def root_file(version: int) -> str:
    """Return the name under which a root of the Director's lies in the server's folder."""
    return FIRST_ROOT if version == 1 else f"{version}.{FIRST_ROOT}"


@dataclass(slots=True)
class Roots:
    """The Director's roots in a folder, followed to the newest."""

    folder: Path
    trusted: TrustedSet = field(init=False)

    def __post_init__(self) -> None:
        """Pin the first and follow the others."""
        self.trusted = TrustedSet.pin(self._read(1) or b"", FIRMHOLD)
        self.refresh()

    @property
    def version(self) -> int:
        """The version of the newest root."""
        return self.trusted.root.value.version

    def refresh(self) -> None:
        """Take in roots that came since. Raises `Refused` for one that does not follow."""
        while (data := self._read(self.version + 1)) is not None:
            self.trusted = self.trusted.accept_root(data)

    def _read(self, version: int) -> bytes | None:
        try:
            return read_file(self.folder / root_file(version), MAX_BYTES["root"])
        except FileNotFoundError:
            return None


@dataclass(frozen=True, slots=True)
class Appointed:
    """The keys of the Director's machine, and who says which of them count."""

    roots: Roots
    beliefs: Beliefs
    signers: Sequence[Signer]
    clocks: Sequence[Signer]
    """Keys that may tell the time."""

    @property
    def signer(self) -> Signer:
        """The key that signs words now. Raises `Unavailable`."""
        authorities = self.roots.trusted.root.value.authorities
        for signer in self.signers:
            if all(signer.key_id in authorities[role].seats for role in _ROLES):
                return signer
        raise _nobody("director", f"none of its keys sits in root {self.roots.version}")

    @property
    def clock(self) -> Signer:
        """The key that tells the time now. Raises `Unavailable`."""
        settings, epoch = self.beliefs.settings.value, self.beliefs.epoch
        named = {each.key.key_id for each in settings.freshness_keys if each.epoch == epoch}
        for signer in self.clocks:
            if signer.key_id in named:
                return signer
        raise _nobody("freshness", f"none of its keys tells the time of epoch {epoch}")


def _nobody(office: str, detail: str) -> Unavailable:
    return Unavailable(FleetFault(code=Code.FLEET_NO_KEY, what=office, detail=detail))
