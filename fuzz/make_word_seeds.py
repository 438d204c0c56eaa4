"""Makes the seeds of `fuzz.device_words` anew: the same in every run, keys are made from names.

python fuzz/make_word_seeds.py
"""

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firmhold.sim.clock import BEGIN
from firmhold.sim.freshness import SimFreshness
from firmhold.sim.offline import sim_offline_update, sim_order
from firmhold.sim.settings import sim_settings
from firmhold.sim.signer import sim_signer
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.freshness.time_floor import TimeFloor
from firmhold.trust.governance.rollout_act import MOST_BUCKETS, Action, RolloutAct, Wave
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.version_manifest import Installed, SlotState, VersionManifest
from fuzz.device_words import ACT, DEVICE, NONCE, ORDER, PROOF, QUESTION, REPORT, STATEMENT
from fuzz.planting import plant

NOON = BEGIN + timedelta(hours=12)
LAST = BEGIN.replace(year=9999)


def main() -> None:
    """Replace the seeds of every target of `fuzz.device_words`."""
    plant("settings", _settings())
    plant("freshness", _freshness())
    plant("time_floor", _floors())
    plant("offline_update", _orders())
    plant("version_manifest", _reports())
    plant("rollout_act", _acts())


def _settings() -> dict[str, bytes]:
    honest = sim_settings()
    base = {"url": "http://a/", "ca": None}
    bent: dict[str, JsonObject] = {
        "honest": honest,
        "witnessed": {**honest, "log_policy": {"witnessed": {"threshold": 2}}},
        "critical": {**honest, "critical": {"tea": {}}},
        "format_2": {**honest, "format": 2},
        "more": {**honest, "tea": [1]},
        "base_user": {**honest, "payload_bases": [{**base, "url": "http://a:b@c/"}]},
        "base_query": {**honest, "payload_bases": [{**base, "url": "http://a/?b=c#d"}]},
        "base_climbs": {**honest, "payload_bases": [{**base, "url": "http://a/../b"}]},
        "base_ipv6": {**honest, "payload_bases": [{**base, "url": "http://[fd00::1]:80/x"}]},
        "base_no_ca": {**honest, "payload_bases": [{"url": "https://a", "ca": []}]},
        "no_log_policy": {k: v for k, v in honest.items() if k != "log_policy"},
        "no_keys": {**honest, "freshness_keys": [], "logs": [], "witnesses": [], "operators": []},
    }
    return {name: json.dumps(each).encode() for name, each in bent.items()}


def _freshness() -> dict[str, bytes]:
    others = [replace(QUESTION, nonce=bytes([n]) * 32) for n in range(4)]
    statement, proofs = SimFreshness().answer(NOON, *others[:2], QUESTION, *others[2:])
    thief = SimFreshness(signers=[sim_signer("stranger")])
    return {
        STATEMENT: statement,
        PROOF: proofs[2],
        "other_proof": proofs[1],
        "stranger": thief.answer(NOON, QUESTION)[0],
        "unsigned": SimFreshness(signers=[]).answer(NOON, QUESTION)[0],
        "year_9999": thief.answer(LAST, QUESTION)[0],
        "checkpoint": SimFreshness(checkpoint="log.example\n7\nAAAA\n").answer(NOON, QUESTION)[0],
        "epoch_2": SimFreshness(2, [sim_signer("freshness-2")]).answer(NOON, QUESTION)[0],
        "long_path": json.dumps({"index": 0, "size": 1, "path": ["00" * 32] * 64}).encode(),
        "index_beyond": json.dumps({"index": 7, "size": 7, "path": []}).encode(),
    }


def _floors() -> dict[str, bytes]:
    floor = TimeFloor(1, NOON, "boot 1", 100)
    return {
        "begun": floor.to_bytes(),
        "jumped": replace(floor, jumped=5, jumped_in_all=70).to_bytes(),
        "doubting": replace(floor, doubted=BEGIN.replace(year=2100)).to_bytes(),
        "last": replace(floor, floor=LAST, at=2**63 - 1).to_bytes(),
        "later_epoch": replace(floor, epoch=2**63 - 1).to_bytes(),
        "cut": floor.to_bytes()[:40],
        "nothing": b"",
    }


def _orders() -> dict[str, bytes]:
    digests: JsonObject = {"sha256": "00" * 32}
    custom: JsonObject = {"ecuIdentifiers": {"main": {"hardwareId": "hw-1"}}}
    targets: JsonObject = {"a.img": {"length": 7, "hashes": digests, "custom": custom}}
    honest = sim_order(targets, devices=[DEVICE])
    return {
        ORDER: sim_offline_update(honest),
        "by_one": sim_offline_update(honest, ["offline-1"]),
        "for_others": sim_offline_update(sim_order(targets, groups=["line-9"])),
        "year_long": sim_offline_update({**honest, "expires": "2031-01-01T00:00:00Z"}),
        "as_targets": sim_offline_update({**honest, "_type": "targets"}),
        "canonical": canonical_json(json.loads(sim_offline_update(honest))),
        "twice": sim_offline_update({**honest, "targets": {**targets, "b.img": targets["a.img"]}}),
    }


def _reports() -> dict[str, bytes]:
    honest = VersionManifest(
        device=DEVICE,
        nonce=NONCE,
        counter=1,
        time=NOON,
        recovery=False,
        booted="a",
        slots={"a": SlotState.GOOD, "b": SlotState.UNKNOWN},
        components={ComponentId("main"): Installed(bytes(32), 7, "1.7.0")},
        outcome=None,
        refusals=("tuf.freeze.timestamp",),
        checkpoint=None,
    )
    key = sim_signer(DEVICE)
    late = replace(honest, checkpoint="log.example\n7\nAAAA\n", refusals=(), time=LAST)
    return {
        REPORT: honest.to_bytes([(key.key_id, key.sign(honest.payload))]),
        "unsigned": honest.to_bytes([]),
        "checkpoint": late.to_bytes([]),
        "by_another": honest.to_bytes(
            [(sim_signer("x").key_id, sim_signer("x").sign(honest.payload))]
        ),
    }


def _acts() -> dict[str, bytes]:
    act = RolloutAct(
        rollout="camera 7",
        sequence=1,
        action=Action.START,
        product="camera",
        path="feature/camera/7.json",
        sha256=bytes(32),
        issued_at=NOON,
        expires=NOON + timedelta(days=30),
        waves=(Wave(100, 3600, 90, 2), Wave(MOST_BUCKETS, 0, 0, 5)),
    )
    key, stranger = sim_signer("operator-1"), sim_signer("stranger")
    ended = replace(act, expires=NOON)
    return {
        ACT: act.to_bytes([(key.key_id, key.sign(act.payload))]),
        "unsigned": act.to_bytes([]),
        "stranger": act.to_bytes([(stranger.key_id, stranger.sign(act.payload))]),
        "ended": ended.to_bytes([(key.key_id, key.sign(ended.payload))]),
        "halt": replace(act, action=Action.HALT, sequence=2).to_bytes([]),
        "no_waves": replace(act, waves=()).to_bytes([]),
    }


if __name__ == "__main__":
    main()
