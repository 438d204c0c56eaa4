"""Offline updates: a targets document on a medium that plays Director where no network is.

It has a tag of its own and none of TUF's `_type`, so no repository's targets can be taken for it,
nor it for them. The offline-update keys of the trust settings sign it, as many holders as they say,
for named devices or groups, and for thirty days at most. What it yields is what a Director would
have said: full verification against the image repository goes on unchanged, and so does all else.

1. Signed by enough holders of offline-update keys;
2. living no longer than the offline rules permit;
3. not expired by the device's own time;
4. naming this device, or one of its groups where groups are permitted;
5. not older than the last one that this device took;
6. each component at most once (`read_assignments`).
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from tuf.api import metadata as api

from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import Kind, parse_document
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent, Expired, Mismatch, VersionMismatch
from firmhold.trust.settings.trust_settings import OfflineRules, TrustSettings
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.tuf.roles import Targets
from firmhold.trust.tuf.schema import an_object, check_targets
from firmhold.trust.uptane.component import Assignment, ComponentId, read_assignments
from firmhold.trust.verified import Verified, seal

TAG = "firmhold offline update 1"
OFFLINE_UPDATE = "offline-update"
"""The role that its targets are said to be of."""

MOST_NAMES = 10_000
MAX_BYTES = 5_000_000

_SHAPE = Shape(Code.OFFLINE_SHAPE)
_KIND = Kind(TAG, MAX_BYTES, _SHAPE, Code.OFFLINE_TAG)
_MEMBERS = ("tag", "version", "issued_at", "expires", "devices", "groups", "targets")


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who reads: a device and the groups that it was enrolled into."""

    device: DeviceId
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class OfflineUpdate:
    """What stands in for the Director's word, once."""

    version: int
    expires: datetime
    assignments: Mapping[ComponentId, Assignment]


@dataclass(frozen=True, slots=True)
class _Order:
    """A well-formed offline update, not yet verified."""

    issued_at: datetime
    devices: frozenset[str]
    groups: frozenset[str]
    targets: Targets


def verify_offline_update(
    data: bytes,
    settings: Verified[TrustSettings],
    addressee: Addressee,
    newest: int,
    now: datetime,
) -> Verified[OfflineUpdate]:
    """Return what an offline update assigns; `newest` is the last version taken here, or 0."""
    document = parse_document(data, _KIND)
    order = _read(document.signed)
    # 1. signed by enough holders
    bench = settings.value.offline_bench(order.issued_at, now)
    bench.require_quorum(document, Code.OFFLINE_SIGNATURES)
    # 2. of a permitted lifetime
    _require_lifetime(order, settings.value.offline_rules)
    # 3. not expired
    expires = order.targets.expires
    if expires <= now:
        code = Code.OFFLINE_EXPIRED
        raise Refused(Expired(code=code, role=OFFLINE_UPDATE, expires=expires, now=now))
    # 4. for this device
    _require_named(order, settings.value.offline_rules, addressee)
    # 5. not an older one
    version = order.targets.version
    if version < newest:
        code = Code.OFFLINE_ROLLBACK
        role, found = OFFLINE_UPDATE, version
        raise Refused(VersionMismatch(code=code, role=role, expected=newest, found=found))
    # 6. each component at most once
    assignments = MappingProxyType(read_assignments(order.targets, OFFLINE_UPDATE))
    return seal(OfflineUpdate(version, expires, assignments))


def _read(signed: JsonObject) -> _Order:
    members = _SHAPE.members(signed, "signed", _MEMBERS)

    def names(member: str) -> frozenset[str]:
        place = f"signed.{member}"
        return frozenset(_SHAPE.a_list(members[member], place, MOST_NAMES, _SHAPE.a_name))

    check_targets({"targets": members["targets"]})
    files = {
        path: api.TargetFile.from_dict(deepcopy(an_object(entry, path)), path)
        for path, entry in an_object(members["targets"], "signed.targets").items()
    }
    targets = Targets(
        version=_SHAPE.a_number(members["version"], "signed.version", 1),
        expires=_SHAPE.a_date(members["expires"], "signed.expires"),
        files=MappingProxyType(files),
        delegations=None,
        seats=MappingProxyType({}),
    )
    issued_at = _SHAPE.a_date(members["issued_at"], "signed.issued_at")
    return _Order(issued_at, names("devices"), names("groups"), targets)


def _require_lifetime(order: _Order, rules: OfflineRules) -> None:
    if order.targets.expires - order.issued_at > timedelta(days=rules.most_days):
        raise Refused(
            Mismatch(
                code=Code.OFFLINE_LIFETIME,
                what="expires",
                expected=f"at most {rules.most_days} days after {written_date(order.issued_at)}",
                found=written_date(order.targets.expires),
            )
        )


def _require_named(order: _Order, rules: OfflineRules, addressee: Addressee) -> None:
    if order.groups and not rules.groups:
        first = min(order.groups)
        fault = Mismatch(code=Code.OFFLINE_GROUPS, what="groups", expected="none", found=first)
        raise Refused(fault)
    if addressee.device not in order.devices and order.groups.isdisjoint(addressee.groups):
        code, name = Code.OFFLINE_NOT_FOR_US, addressee.device
        raise Refused(Absent(code=code, name=name, listed_in=OFFLINE_UPDATE))
