"""Attacks that the demo plays: each one changes bytes on the wire, with or without stolen keys."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from firmhold.drill.device import Device
from firmhold.drill.vendor import Vendor
from firmhold.sim.network import Alter, Endless, Replay, Respond, SimNetwork, Trickle
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code

Document = dict[str, Any]
MALWARE = b"\x7fELF but not from here" * 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """Who plays: the vendor, the wire, the device, and what the wire carried before."""

    vendor: Vendor
    network: SimNetwork
    device: Device
    earlier: dict[str, bytes]
    """Metadata of the first release, by role, as the attacker recorded them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One attack: what is done, how, and the check that must refuse it."""

    title: str
    act: Callable[[Stage], None]
    refused_by: frozenset[Code]


def _replay_old_timestamp(stage: Stage) -> None:
    stage.network.on("*/timestamp.json", Replay(stage.earlier["timestamp"]))


def _replay_old_snapshot(stage: Stage) -> None:
    # The device has the newest snapshot already; only a newer timestamp makes it ask for one.
    stage.vendor.publish()
    stage.network.on("*.snapshot.json", Replay(stage.earlier["snapshot"]))


def _withhold_news(stage: Stage) -> None:
    stage.device.clock_error = timedelta(days=60)


def _alter_image(stage: Stage) -> None:
    stage.network.on("/targets/*", Alter(lambda body: body[:-1] + bytes([body[-1] ^ 1])))


def _endless_image(stage: Stage) -> None:
    stage.network.on("/targets/*", Endless())


def _slow_image(stage: Stage) -> None:
    stage.network.on("/targets/*", Trickle())


def _redirect_image(stage: Stage) -> None:
    stage.network.on("/targets/*", Respond(302, {"Location": "file:///etc/shadow"}))


def _one_stolen_feature_key(stage: Stage) -> None:
    _forge_release(stage, ["feature-1"])


def _one_key_signs_twice(stage: Stage) -> None:
    _forge_release(stage, ["feature-1", "feature-1"])


def _security_signs_feature(stage: Stage) -> None:
    _forge_release(stage, ["security-1", "security-2"])


def _forge_release(stage: Stage, stolen: Sequence[str]) -> None:
    """Sign malware as the feature authority's next version, and the online roles above it."""
    role = _forged(stage, "feature", _name_malware, stolen)
    snapshot = _forged(stage, "snapshot", partial(_point_to, "feature.json", role), ["snapshot"])
    point = partial(_point_to, "snapshot.json", snapshot)
    timestamp = _forged(stage, "timestamp", point, ["timestamp"])
    stage.network.on("*.feature.json", Replay(role))
    stage.network.on("*.snapshot.json", Replay(snapshot))
    stage.network.on("*/timestamp.json", Replay(timestamp))
    stage.network.on("/targets/*", Replay(MALWARE))


def _forged(
    stage: Stage, role: str, edit: Callable[[Document], None], stolen: Sequence[str]
) -> bytes:
    published = stage.vendor.desk.current(role)
    signed: Document = json.loads(published or b"")["signed"]
    signed["version"] += 1
    edit(signed)
    payload = canonical_json(signed)
    keys = [stage.vendor.key(holder) for holder in stolen]
    signatures = [{"keyid": key.key_id, "sig": key.sign(payload)} for key in keys]
    return json.dumps({"signatures": signatures, "signed": signed}).encode()


def _name_malware(signed: Document) -> None:
    digest = hashlib.sha256(MALWARE).hexdigest()
    for target in signed["targets"].values():
        target.update(length=len(MALWARE), hashes={"sha256": digest})


def _point_to(name: str, data: bytes, signed: Document) -> None:
    hashes = {"sha256": hashlib.sha256(data).hexdigest()}
    version = json.loads(data)["signed"]["version"]
    signed["meta"][name] = {"version": version, "length": len(data), "hashes": hashes}


SCENES = (
    Scene(
        "An attacker on the wire replays the timestamp of the older release.",
        _replay_old_timestamp,
        frozenset({Code.TUF_ROLLBACK_TIMESTAMP}),
    ),
    Scene(
        "A mirror serves the snapshot of the older release beside the newest timestamp.",
        _replay_old_snapshot,
        frozenset({Code.TUF_MIX_SNAPSHOT_LENGTH, Code.TUF_MIX_SNAPSHOT_DIGEST}),
    ),
    Scene(
        "Somebody withholds all news: sixty days pass, and the same metadata are served.",
        _withhold_news,
        frozenset({Code.TUF_FREEZE_TIMESTAMP}),
    ),
    Scene(
        "One bit of the image is flipped on the way.",
        _alter_image,
        frozenset({Code.TUF_TARGET_DIGEST}),
    ),
    Scene(
        "The server sends the image and then goes on for ever.",
        _endless_image,
        frozenset({Code.FETCH_TOO_LONG}),
    ),
    Scene(
        "The server trickles the image, a byte at a time.",
        _slow_image,
        frozenset({Code.FETCH_TOO_SLOW}),
    ),
    Scene(
        "A mirror redirects the device to a file on its own disk.",
        _redirect_image,
        frozenset({Code.FETCH_REDIRECTED}),
    ),
    Scene(
        "A thief with both online keys and one of three feature keys signs malware.",
        _one_stolen_feature_key,
        frozenset({Code.TUF_SIGNATURES_DELEGATED}),
    ),
    Scene(
        "The same thief signs twice with the one key.",
        _one_key_signs_twice,
        frozenset({Code.TUF_SHAPE}),
    ),
    Scene(
        "Two security holders conspire to sign as the feature authority.",
        _security_signs_feature,
        frozenset({Code.TUF_SIGNATURES_DELEGATED}),
    ),
)
