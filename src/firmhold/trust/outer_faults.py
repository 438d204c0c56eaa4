"""Faults outside of what was signed: the network, this machine's own places, parts of a fleet."""

from dataclasses import dataclass
from typing import ClassVar

from firmhold.trust.errors import Code, Fault
from firmhold.trust.faults import family


@dataclass(frozen=True, kw_only=True)
class FetchFault(Fault):
    """A request that did not bring what it should; `detail` is the adapter's own word."""

    codes: ClassVar = frozenset(
        {
            Code.FETCH_UNREACHABLE,
            Code.FETCH_STATUS,
            Code.FETCH_NOT_FOUND,
            Code.FETCH_TOO_SLOW,
            Code.FETCH_CUT,
            Code.FETCH_REDIRECTED,
            Code.FETCH_ENCODED,
            Code.FETCH_URL,
            Code.FETCH_PIN,
            Code.FETCH_CERTIFICATE,
            Code.FETCH_REFUSED,
            Code.FETCH_RANGE,
            Code.FETCH_DISK_FULL,
        }
    )
    url: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class PlaceFault(Fault):
    """Something of this machine's own: a path, and what is the matter with it."""

    codes: ClassVar = family("key.") | {
        Code.FLEET_HOME,
        Code.STORE_NO_ROOT,
        Code.STORE_ROOT_DAMAGED,
        Code.STORE_ALREADY_PINNED,
        Code.STORE_IO,
        Code.RELEASE_DESK,
        Code.DEVICE_BUSY,
        Code.DEVICE_THERE,
        Code.DEVICE_WALL,
        Code.DEVICE_FETCH,
        Code.DEVICE_SLOT,
        Code.RELEASE_TARGET_NAME,
        Code.RELEASE_DRAFT_OPEN,
        Code.RELEASE_SITE_TAKEN,
        Code.MEMORY_DAMAGED,
        Code.MEMORY_MISPLACED,
        Code.MEMORY_LOST,
        Code.MEMORY_STALE,
    }
    path: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class FleetFault(Fault):
    """What a fleet server says about a request; `what` is the thing that it was about."""

    codes: ClassVar = (
        family("ca.")
        | family("gateway.")
        | {
            Code.FLEET_NO_DEVICE,
            Code.FLEET_DEVICE_THERE,
            Code.FLEET_NO_ROLLOUT,
            Code.FLEET_ROLLOUT_OVER,
            Code.FLEET_LINT,
            Code.FLEET_REPORT_AGAIN,
            Code.FLEET_DATABASE,
            Code.FLEET_NO_KEY,
            Code.FLEET_KEY,
            Code.FLEET_UNREACHABLE,
            Code.FLEET_REFUSED,
        }
    )
    what: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class CeremonyFault(Fault):
    """Something that a key ceremony cannot go on with; `what` is the part of it that it is in."""

    codes: ClassVar = family("ceremony.") - {Code.CEREMONY_SHAPE, Code.CEREMONY_TAG}
    what: str
    detail: str
