"""Whether what was begun may be finished: the word of the newest root and targets that are kept."""

from dataclasses import dataclass

from firmhold.device.ports import Repository
from firmhold.device.trust_store import TrustStore
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import ROOT, TARGETS, TrustedSet
from firmhold.update.journal import Accepted
from firmhold.update.warrant import authorised


@dataclass(frozen=True, slots=True)
class StoredWarrant:
    """Asks what the device believes (the port `Warrant`)."""

    store: TrustStore

    def withdrawn(self, accepted: Accepted) -> bool:
        """Tell whether no authority speaks for the release any more.

        Where nothing is known of targets, nothing newer is known than what was accepted.
        """
        if self._stored(TARGETS) is None:
            return False
        newest = TrustedSet.pin(self._stored(ROOT) or b"", FIRMHOLD)
        return not authorised(newest, self._stored, accepted.release.digest)

    def _stored(self, role: str) -> bytes | None:
        return self.store.load(Repository.IMAGE, role)
