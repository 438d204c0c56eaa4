"""What the trust settings say, as values; `reader` makes them, `authorised` says they are true.

Nothing online can rewrite them: they are a target of the image repository's top-level targets role,
whose keys lie offline. A key here counts only while the algorithm policy lets its scheme count, for
what was made by its *sign until* and is judged by its *accept until*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.trust.document import Bench
from firmhold.trust.keys import KeyId, PublicKey
from firmhold.trust.quorum import Seat
from firmhold.trust.settings.payload_base import PayloadBase

SETTINGS_PATH = "trust/settings.json"
"""The target path of the settings, in the image repository."""

EVERYTHING = "*"
"""The scope of an operator who may direct every product."""


@dataclass(frozen=True, slots=True)
class AppointedKey:
    """A key that the settings appoint: its derived key id, and its seat."""

    key_id: KeyId
    seat: Seat


@dataclass(frozen=True, slots=True)
class FreshnessKey:
    """A key that may sign the time, in one epoch only."""

    epoch: int
    key: AppointedKey


@dataclass(frozen=True, slots=True)
class LogEnd:
    """Where a log ended: nothing behind `size` counts; `successor` is the origin that goes on."""

    size: int
    root: bytes
    successor: str | None


@dataclass(frozen=True, slots=True)
class LogKey:
    """The key of a log by its origin; `end` once the log was closed."""

    origin: str
    key: PublicKey
    end: LogEnd | None


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The key of a witness by its name, and until when its cosignatures count."""

    name: str
    key: PublicKey
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody whose rollout acts count, for some products, until a day."""

    key: AppointedKey
    scope: frozenset[str]
    valid_until: datetime

    def may_direct(self, product: str, now: datetime) -> bool:
        """Tell whether an act of this operator about `product` counts now."""
        return now < self.valid_until and not self.scope.isdisjoint({product, EVERYTHING})


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Until when signatures of a scheme may be made, and until when they may be believed."""

    sign_until: datetime
    accept_until: datetime


@dataclass(frozen=True, slots=True)
class PermittedJump:
    """How far signed time may run ahead of the time that the device can account for, in seconds.

    `per_boot` allows for the time that the device was off before a boot; `total` bounds all jumps
    together until a second signed time confirms them, so that reboots buy nothing.
    """

    per_boot: int
    total: int


@dataclass(frozen=True, slots=True)
class OfflineRules:
    """How long an offline update may live, and whether it may name groups of devices."""

    most_days: int
    groups: bool


@dataclass(frozen=True, slots=True)
class ServerPins:
    """SHA-256 of the SubjectPublicKeyInfo of the gateway's key: in use, and to come."""

    current: frozenset[bytes]
    next: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The log policy: so many witnesses must have seen a checkpoint."""

    threshold: int


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """All of it. `log_policy` None means that nothing need be logged: staging only."""

    server_pins: ServerPins
    server_authorities: tuple[bytes, ...]
    """Certificates (DER) under which the gateway may have its own, besides those of enrolment."""
    freshness_keys: tuple[FreshnessKey, ...]
    logs: tuple[LogKey, ...]
    witnesses: tuple[WitnessKey, ...]
    algorithms: Mapping[str, Algorithm]
    ek_roots: tuple[bytes, ...]
    offline_rules: OfflineRules
    permitted_jump: PermittedJump
    operators: tuple[Operator, ...]
    payload_bases: tuple[PayloadBase, ...]
    offline_keys: tuple[AppointedKey, ...]
    offline_threshold: int
    log_policy: Witnessed | None

    def accepts(self, scheme: str, made: datetime, now: datetime) -> bool:
        """Tell whether a signature of `scheme` over something made then may be believed now."""
        algorithm = self.algorithms.get(scheme)
        return algorithm is not None and (
            made <= algorithm.sign_until and now <= algorithm.accept_until
        )

    def freshness_bench(self, epoch: int, made: datetime, now: datetime) -> Bench:
        """Return who may have signed the time in `epoch`; one of them is enough."""
        keys = (entry.key for entry in self.freshness_keys if entry.epoch == epoch)
        return Bench("freshness", SETTINGS_PATH, 1, self._seats(keys, made, now))

    def offline_bench(self, made: datetime, now: datetime) -> Bench:
        """Return who may have signed an offline update, and how many of them must."""
        seats = self._seats(self.offline_keys, made, now)
        return Bench("offline-update", SETTINGS_PATH, self.offline_threshold, seats)

    def _seats(
        self, keys: Iterable[AppointedKey], made: datetime, now: datetime
    ) -> dict[KeyId, Seat]:
        return {
            key.key_id: key.seat for key in keys if self.accepts(key.seat.key.scheme, made, now)
        }
