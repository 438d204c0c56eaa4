"""One cycle of a device with a network: ask, report, learn, verify, install.

Only this half believes anything, and it has no network: whatever is needed is asked of `Fetch`,
which brings bytes. What was refused is remembered for the next report; what cannot be had now is
had in a later cycle. Work that was under way is taken up first, and a device that waits for a
reboot or for a judgement does nothing else.
"""

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique
from typing import Protocol

from firmhold.device.accounts import Account, Accounts
from firmhold.device.case import Case
from firmhold.device.install import Installer
from firmhold.device.learn import Answer, Learnt, learn
from firmhold.device.manifests import Manifests
from firmhold.device.ports import Documents, Repository
from firmhold.device.report import Signer, Standing, due, essence, manifest, signed
from firmhold.device.trust_store import TrustStore
from firmhold.device.verify import verify
from firmhold.protocol.check_in import NONCE_BYTES, Known, Question, parse_answer
from firmhold.protocol.check_in import Answer as Told
from firmhold.trust.errors import Refused, Unavailable
from firmhold.trust.freshness.time_floor import Uptime
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.schema import a_number
from firmhold.trust.tuf.trusted_set import ROOT, TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import parse_envelope
from firmhold.update.compatibility import Device
from firmhold.update.journal import Accepted


class Fetch(Documents, Protocol):
    """The other half: it has the network, and is believed in nothing."""

    def check_in(self, body: bytes) -> bytes:
        """Ask the server; raises `Unavailable`."""
        ...

    def told(self, answer: Told) -> None:
        """Hear what the server said of its repositories, to spare questions."""
        ...

    def report(self, body: bytes) -> None:
        """Send a report; raises `Unavailable`."""
        ...

    def forget(self) -> None:
        """Drop what was brought: it was not what was signed."""
        ...


@unique
class Ended(StrEnum):
    """How a cycle ended, where nothing went wrong."""

    UNCHANGED = "unchanged"
    INSTALLING = "installing"
    WAITING = "waiting"
    """For a reboot, or for the system that runs to be judged."""


@dataclass(frozen=True, slots=True)
class Checker:
    """A device in one cycle."""

    store: TrustStore
    manifests: Manifests
    accounts: Accounts
    installer: Installer
    fetch: Fetch
    key: Signer
    uptime: Uptime
    device: Callable[[], Device]
    standing: Callable[[bool], Standing]
    """What is reported; the argument tells whether the device doubts the time."""
    runs: Callable[[], Accepted | None]
    waits: Callable[[], bool]

    def run(self) -> tuple[Ended, int | None]:
        """Go through a cycle; return how it ended, and the seconds that the server says to wait.

        Raises `Refused`, which is remembered for the next report, and what the ports raise.
        """
        try:
            return self._cycle()
        except Refused as error:
            self.accounts.keep(self.accounts.now.refused(error.code))
            self.fetch.forget()
            raise

    def _cycle(self) -> tuple[Ended, int | None]:
        nonce = secrets.token_bytes(NONCE_BYTES)
        told = parse_answer(self.fetch.check_in(self._question(nonce).to_bytes()))
        self.fetch.told(told)
        timeless = self.store.floor is None
        self._report(told.report_nonce)
        self.installer.start()
        if self.waits():
            return Ended.WAITING, told.wait
        case = Case(self.store, self.fetch, self.uptime)
        answer = Answer(told.statement, told.proof, nonce)
        learnt = learn(case, self.device().device, answer)
        if timeless:
            self._report(told.report_nonce)
        ended = Ended.INSTALLING if self._install(case, learnt) else Ended.UNCHANGED
        return ended, told.wait

    def _install(self, case: Case, learnt: Learnt) -> bool:
        """Begin what the Director means for this device, if it is not what runs already."""
        runs = self.runs()
        meant = {
            each.target.expectation.digests.get("sha256") for each in learnt.assignments.values()
        }
        if runs is not None and meant == {runs.release.digest.hex()}:
            return False
        admission = verify(case, learnt, self.device())
        if admission is None:
            return False
        for release in admission.value.releases.values():
            self.manifests.keep(release, None if runs is None else runs.release.digest)
        self.installer.begin(admission)
        return True

    def _question(self, nonce: bytes) -> Question:
        return Question(nonce, self._known(Repository.IMAGE), self._known(Repository.DIRECTOR))

    def _known(self, repository: Repository) -> Known:
        root = TrustedSet.pin(self.store.load(repository, ROOT) or b"", FIRMHOLD).root.value
        data = self.store.load(repository, TIMESTAMP)
        if data is None:
            return Known(root.version)
        envelope = parse_envelope(data, TIMESTAMP, TIMESTAMP)
        version = a_number(envelope.signed.get("version"), "signed.version", 1)
        return Known(root.version, version, hashlib.sha256(data).digest())

    def _report(self, nonce: bytes) -> None:
        """Report, if there is something to say; the number is used up before it leaves.

        Whether it arrives or not, the device goes on: a server that takes no reports must not keep
        an update from anybody. Who knows no time at all has to learn it first.
        """
        floor, account = self.store.floor, self.accounts.now
        if floor is None:
            return
        now = floor.now(self.uptime)
        standing = self.standing(floor.recovery)
        report = manifest(standing, account, nonce, account.next_number(now), now)
        if not due(report, account):
            return
        self.accounts.keep(replace(account, counter=report.counter))
        with suppress(Unavailable):
            self.fetch.report(signed(report, self.key))
            self.accounts.keep(_arrived(report.counter, essence(report), now))


def _arrived(counter: int, told: bytes, now: datetime) -> Account:
    """The account after a report has arrived: what was refused is told."""
    return Account(counter, told, int(now.timestamp()))
