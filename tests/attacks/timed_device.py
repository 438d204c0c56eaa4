"""A device that takes the time from signed words, its vendor, and whoever sits between them.

The device keeps `flash` and nothing else; `boot` begins a new life from it. Its clock on the wall
does not exist: there is nothing that could be set.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from firmhold.sim.clock import BEGIN, SimClock
from firmhold.sim.freshness import SimFreshness
from firmhold.sim.repository import SimRepository
from firmhold.sim.settings import sim_settings
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, FirmholdError
from firmhold.trust.freshness.statement import (
    Question,
    require_current,
    require_newest,
    verify_statement,
)
from firmhold.trust.freshness.time_floor import TimeFloor, Uptime
from firmhold.trust.settings.authorised import verify_settings
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, TrustSettings
from firmhold.trust.tuf.dialect import FIRMHOLD, HOLDERS_FIELD
from firmhold.trust.tuf.root_fields import DOMAIN_FIELD, FRESHNESS_FIELD, FreshnessEpoch
from firmhold.trust.tuf.trusted_set import ROOT, TARGETS, TrustedSet
from firmhold.trust.tuf.workflow import (
    Fetch,
    FetchIfThere,
    Forget,
    Keep,
    Load,
    Steps,
    update_below_root,
    update_root,
)
from firmhold.trust.verified import Verified, seal

R = TypeVar("R")
YEAR = timedelta(days=365)


class TimedVendor:
    """An image repository with settings, and a freshness key that tells the true time."""

    def __init__(self, folder: Path) -> None:
        self.clock = SimClock()
        self.repository = SimRepository(folder, self.clock)
        self.settings = json.dumps(sim_settings()).encode()
        self.repository.add_target(TARGETS, SETTINGS_PATH, self.settings)
        self.sign_root(FreshnessEpoch(1, BEGIN))
        self.release()

    @property
    def root(self) -> bytes:
        """The root that devices get at manufacture."""
        return self.repository.metadata_place(ROOT, 2).read_bytes()

    def sign_root(self, freshness: FreshnessEpoch) -> None:
        """Publish the next root of this staging domain, good for a year."""
        root = self.repository.root
        root.expires = self.clock.now() + YEAR
        root.unrecognized_fields[HOLDERS_FIELD] = {key: f"holder {key}" for key in root.keys}
        root.unrecognized_fields[DOMAIN_FIELD] = "staging"
        root.unrecognized_fields[FRESHNESS_FIELD] = freshness.to_json()
        self.repository.publish(ROOT)

    def release(self) -> None:
        """Publish everything below the root anew, good for a month."""
        for role in ("targets", "snapshot", "timestamp"):
            self.repository.roles[role].expires = self.clock.now() + timedelta(days=30)
        self.repository.release(TARGETS)

    def server(self, epoch: int = 1) -> SimFreshness:
        """Whoever holds the freshness key of an epoch, and knows the newest timestamp."""
        timestamp = self.repository.published["timestamp"]
        return SimFreshness(
            epoch,
            [sim_signer(f"freshness-{epoch}")],
            timestamp_version=self.repository.timestamp.version,
            timestamp_sha256=hashlib.sha256(timestamp).digest(),
        )


@dataclass
class TimedDevice:
    """A device with one question at a time."""

    vendor: TimedVendor
    flash: dict[str, bytes] = field(default_factory=dict)
    boots: int = 0
    seconds: int = 0
    asked: int = 0
    failure: FirmholdError | None = None

    def __post_init__(self) -> None:
        """Begin with what was written at manufacture."""
        self.boot()
        root = TrustedSet.pin(self.vendor.root, FIRMHOLD).root
        floor = TimeFloor.begin(root, self.uptime).to_bytes()
        self.flash |= {ROOT: self.vendor.root, "floor": floor, "settings": self.vendor.settings}

    @property
    def uptime(self) -> Uptime:
        """What the monotonic clock of this boot says."""
        return Uptime(f"boot {self.boots}", self.seconds)

    @property
    def settings(self) -> Verified[TrustSettings]:
        """The settings that were verified when they were stored."""
        return seal(parse_settings(self.flash["settings"]))

    @property
    def floor(self) -> TimeFloor:
        """What the flash says of time, read anew."""
        return TimeFloor.parse(self.flash["floor"])

    @property
    def now(self) -> datetime:
        """What time it is for the device."""
        return self.floor.now(self.uptime)

    def boot(self) -> None:
        """Lose everything but the flash."""
        self.boots, self.seconds = self.boots + 1, 0

    def wait(self, seconds: int) -> None:
        """Let the same time go by for the device and for the world."""
        self.seconds += seconds
        self.vendor.clock.advance(timedelta(seconds=seconds))

    def question(self) -> Question:
        """Ask anew."""
        self.asked += 1
        nonce = hashlib.sha256(f"nonce {self.asked}".encode()).digest()
        return Question(DeviceId("camera-7"), nonce, 1, bytes(32))

    def check_in(
        self, server: SimFreshness | None = None, at: datetime | None = None
    ) -> Code | None:
        """Ask `server` what time it is, be told `at`, and go on; return the code if refused."""
        question = self.question()
        honest, true_time = self.vendor.server(), self.vendor.clock.now()
        answer, proofs = (server or honest).answer(at or true_time, question)
        return self.hear(question, answer, proofs[0])

    def hear(self, question: Question, answer: bytes, proof: bytes) -> Code | None:
        """Take in an answer, in the order in which a device does; return the code if refused."""
        try:
            self._hear(question, answer, proof)
        except FirmholdError as error:
            self.failure = error
            return error.code
        self.failure = None
        return None

    def _hear(self, question: Question, answer: bytes, proof: bytes) -> None:
        settings = self.settings
        permitted = settings.value.permitted_jump
        # 1. the roots, before any date is judged, and what the newest one says of time
        trusted = self._drive(update_root(self.flash[ROOT], FIRMHOLD))
        self._store(self.floor.under(trusted.root, self.uptime, permitted))
        # 2. the time, by signed word
        signed = verify_statement(
            answer,
            proof,
            question,
            settings=settings,
            root=trusted.root,
            now=self.now,
        )
        self._store(self.floor.heard(signed, self.uptime, permitted))
        # 3. a device in doubt goes on without a current time, as recovery class
        if not self.floor.recovery:
            require_current(signed, self.now)
        # 4. everything below the root, by that time
        trusted = self._drive(update_below_root(trusted, self.now))
        assert trusted.timestamp is not None
        require_newest(signed, trusted.timestamp, self.flash["timestamp"])
        # 5. the settings, for the next time
        target = trusted.targets[TARGETS].document.value.target(SETTINGS_PATH, TARGETS)
        assert target is not None
        verify_settings(self.vendor.settings, seal(target), trusted.root)
        self.flash["settings"] = self.vendor.settings

    def _store(self, floor: TimeFloor) -> None:
        self.flash["floor"] = floor.to_bytes()

    def _drive(self, steps: Steps[R]) -> R:
        answer: bytes | None = None
        try:
            while True:
                action = steps.send(answer)
                answer = None
                if isinstance(action, Load):
                    answer = self.flash.get(action.role)
                elif isinstance(action, Keep):
                    self.flash[action.role] = action.data
                elif isinstance(action, Forget):
                    self.flash.pop(action.role, None)
                else:
                    answer = self._fetch(action)
        except StopIteration as done:
            result: R = done.value
            return result

    def _fetch(self, action: Fetch | FetchIfThere) -> bytes | None:
        place = self.vendor.repository.folder / "metadata" / action.path
        return place.read_bytes() if place.exists() else None
