"""What an operator does about a rollout: plans it, looks it over, signs an act, hands it over."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from firmhold.fleet.ask import Part
from firmhold.fleet.director.lint import Note, Severity, lint
from firmhold.fleet.waves import devices_by_wave
from firmhold.signing.ports import Signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import parse_document
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.governance.rollout_act import KIND, Action, RolloutAct, Wave, read_act
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.tuf.schema import a_list, a_number, a_text
from firmhold.update.release import Release, parse_release

MOST_ACTS = 1_000_000
LISTED = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """An act that nobody has signed yet, what speaks against it, and whom it reaches."""

    act: RolloutAct
    notes: tuple[Note, ...]
    devices: tuple[DeviceId, ...]

    def told(self) -> Iterator[str]:
        """What an operator reads before he signs."""
        for note in self.notes:
            yield f"{note.severity}: {note.kind}: {note.detail}"
        by_wave = devices_by_wave(self.act.waves, [*self.devices], self.act.sha256)
        for number, added in enumerate(by_wave, 1):
            listed = ", ".join(added[:LISTED]) + (" …" if len(added) > LISTED else "")
            colon = ": " if added else ""
            yield f"wave {number}: {len(added)} of {len(self.devices)} devices{colon}{listed}"

    def require_sound(self) -> None:
        """Pass if nothing forbids signing. Raises `Misuse`."""
        errors = [note.kind for note in self.notes if note.severity is Severity.ERROR]
        if errors:
            what, detail = self.act.rollout, ", ".join(errors)
            raise Misuse(FleetFault(code=Code.FLEET_LINT, what=what, detail=detail))


def release_at(director: Part, path: str) -> Release:
    """Return the release at a path, as the director has verified it."""
    found = director.read("/releases", {"path": path})
    return parse_release(a_text(found.get("manifest"), "release.manifest").encode())


def planned(
    director: Part, name: str, path: str, waves: tuple[Wave, ...], now: datetime, expires: datetime
) -> Planned:
    """Return the act that would begin a rollout."""
    release = release_at(director, path)
    act = RolloutAct(
        rollout=name,
        sequence=a_number(_acts(director, name).get("newest"), "newest", 0) + 1,
        action=Action.START,
        product=release.product,
        path=path,
        sha256=release.digest,
        issued_at=now.replace(microsecond=0),
        expires=expires,
        waves=waves,
    )
    known = (row for row in director.rows("/devices") if row["product"] == release.product)
    names = tuple(DeviceId(a_text(row["device"], "device")) for row in known)
    return Planned(act, tuple(lint(act, release, now)), names)


def following(director: Part, name: str, action: Action, now: datetime) -> RolloutAct:
    """Return an act that does something else to a rollout than its last one. Raises `Misuse`."""
    acts = a_list(_acts(director, name).get("acts"), "acts", MOST_ACTS)
    if not acts:
        fault = FleetFault(code=Code.FLEET_NO_ROLLOUT, what=name, detail="nobody has begun it")
        raise Misuse(fault)
    last = read_act(parse_document(a_text(acts[-1], "act").encode(), KIND).signed)
    issued = now.replace(microsecond=0)
    return replace(last, sequence=last.sequence + 1, action=action, issued_at=issued)


def send(director: Part, act: RolloutAct, signer: Signer) -> JsonObject:
    """Sign an act and hand it over; return how far its rollout is now."""
    data = act.to_bytes([(signer.key_id, signer.sign(act.payload))])
    return director.send("/acts", data)


def _acts(director: Part, name: str) -> JsonObject:
    return director.read(f"/rollouts/{name}/acts")
