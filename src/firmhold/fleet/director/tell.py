"""What operators are told of devices and rollouts, in words and numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from firmhold.fleet.director import rollouts as kept
from firmhold.fleet.director.alarms import Refusals, alarms, refused
from firmhold.fleet.director.inventory import Known, everybody, find, key_tiers, outcomes
from firmhold.fleet.director.plan import Standing
from firmhold.fleet.director.settle import standings_of
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.shape import written_date

Noted = Mapping[DeviceId, Mapping[Code, Refusals]]


@dataclass(frozen=True, slots=True)
class Moment:
    """When operators ask, and how many seconds lie between two check-ins of a device."""

    now: datetime
    wait: int


def devices(connection: Connection, at: Moment) -> JsonValue:
    """Return a line for each device."""
    noted, tiers = refused(connection), key_tiers(connection)
    return [_line(known, noted, at, tiers.get(known.device)) for known in everybody(connection)]


def device(connection: Connection, name: str, at: Moment) -> JsonValue:
    """Return all there is about one device. Raises `Misuse`."""
    known = find(connection, DeviceId(name))
    if known is None:
        fault = FleetFault(code=Code.FLEET_NO_DEVICE, what=name, detail="not in the inventory")
        raise Misuse(fault)
    report = None if known.report is None else known.report.to_json()
    ended: JsonObject = {**outcomes(connection, known.device)}
    noted = refused(connection)
    return {
        **_line(known, noted, at, key_tiers(connection).get(known.device)),
        "report": report,
        "outcomes": ended,
        "reports_refused": {
            code.value: {"times": each.times, "last": _moment(each.at)}
            for code, each in noted.get(known.device, {}).items()
        },
    }


def rollouts(connection: Connection) -> JsonValue:
    """Return a line for each rollout."""
    return [_rollout(connection, each) for each in kept.all_of_them(connection)]


def rollout(connection: Connection, name: str) -> JsonValue:
    """Return one rollout. Raises `Misuse`."""
    found = kept.find(connection, name)
    if found is None:
        fault = FleetFault(code=Code.FLEET_NO_ROLLOUT, what=name, detail="none of that name")
        raise Misuse(fault)
    return _rollout(connection, found)


def acts(connection: Connection, name: str) -> JsonValue:
    """Return the acts of a rollout as they were signed, in their order."""
    found: list[JsonValue] = [each.data.decode() for each in kept.acts_of(connection, name)]
    return {"acts": found, "newest": kept.newest_sequence(connection, name)}


def _line(known: Known, noted: Noted, at: Moment, key: str | None) -> JsonObject:
    report = known.report
    installed = None if report is None else report.components.get(known.component)
    refusals: list[JsonValue] = [] if report is None else [*report.refusals]
    raised: list[JsonValue] = [*alarms(known, noted.get(known.device, {}), at.wait, at.now)]
    return {
        "device": known.device,
        "product": known.product,
        "component": known.component,
        "model": known.model,
        "revision": known.revision,
        "version": None if installed is None else installed.version,
        "release_counter": None if installed is None else installed.release_counter,
        "runs": known.runs or None,
        "booted": None if report is None else report.booted,
        "refusals": refusals,
        "alarms": raised,
        "seen": _moment(known.seen_at),
        "tier": "none" if report is None else "device-signed",
        "key": key,
    }


def _rollout(connection: Connection, found: kept.Rollout) -> JsonObject:
    fleet = list(everybody(connection, found.product))
    counts = Counter(standings_of(connection, found.release, fleet).values())
    opened: list[JsonValue] = [written_date(each) for each in found.opened]
    return {
        "rollout": found.name,
        "product": found.product,
        "release": found.release,
        "opened": opened,
        "open_waves": len(opened),
        "halted": found.halted,
        "replaced": found.replaced,
        "counts": {standing.value: counts[standing] for standing in Standing},
    }


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else written_date(datetime.fromtimestamp(seconds, UTC))
