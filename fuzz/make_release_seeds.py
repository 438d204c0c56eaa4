"""Makes the seeds of `fuzz.release_words` anew: the same in every run with one version of zstd.

python fuzz/make_release_seeds.py
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firmhold.release.diff import make_extents
from firmhold.sim.releases import PRODUCT, START, sim_release
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.update.extents import compress
from firmhold.update.pieces import PIECE_BYTES
from firmhold.update.release import ComponentType, ReleaseClass
from firmhold.update.security import ProductCounter, Revert
from firmhold.update.version import ReleaseCounter, SecurityCounter
from fuzz.planting import plant
from fuzz.release_words import BASE, IMAGE

LAST = IMAGE[2 * PIECE_BYTES :]
SKIPPABLE = bytes.fromhex("502a4d18") + (4).to_bytes(4, "little") + b"skip"
"""A frame of zstd that holds nothing but what a reader is to pass over."""


def main() -> None:
    """Replace the seeds of every target of `fuzz.release_words`."""
    plant("release", _releases())
    plant("security_words", _security_words())
    plant("index", _indexes())
    plant("extent", _payloads())


def _releases() -> dict[str, bytes]:
    feature = sim_release()
    trusted = tuple(replace(each, type=ComponentType.KEYS) for each in feature.components)
    security = replace(
        feature,
        release_class=ReleaseClass.SECURITY,
        components=feature.components[:1],
        dependencies=(),
        patches=feature.digest,
    )
    honest = json.loads(feature.to_bytes())
    bent: dict[str, JsonObject] = {
        "format_2": {**honest, "tag": "firmhold release 2"},
        "critical": {**honest, "critical": {"sealed": None}},
        "more": {**honest, "url": "http://a/"},
        "no_components": {**honest, "components": []},
        "counter_true": {**honest, "release_counter": True},
        "counter_huge": {**honest, "release_counter": 2**63 - 1},
        "no_waves": {**honest, "schedule": {**honest["schedule"], "waves": []}},
        "year_9999": {
            **honest,
            "schedule": {**honest["schedule"], "earliest_start": "9999-12-31T23:59:59Z"},
        },
        "odd_extensions": {**honest, "extensions": {"a": {"b": [1, None]}, "\u00e9": -7}},
        "proof": {**honest, "checkpoint": "YQo=", "proof": "AA=="},
        "proof_bits": {**honest, "checkpoint": "YQp=", "proof": "AA=="},
    }
    return {
        "feature": feature.to_bytes(),
        "security": security.to_bytes(),
        "trust": replace(feature, release_class=ReleaseClass.TRUST, components=trusted).to_bytes(),
        "old": replace(
            feature, counter=ReleaseCounter(5), security_counter=SecurityCounter(1)
        ).to_bytes(),
        "indented": json.dumps(honest, indent=1).encode(),
        **{name: canonical_json(each) for name, each in bent.items()},
    }


def _security_words() -> dict[str, bytes]:
    counter = ProductCounter(PRODUCT, SecurityCounter(3)).to_bytes()
    devices = (DeviceId("device-1"), DeviceId("device-2"))
    revert = Revert(PRODUCT, devices, ReleaseCounter(8), ReleaseCounter(7), START).to_bytes()
    return {
        "counter": counter,
        "revert": revert,
        "counter_as_revert": counter.replace(b"security counter", b"revert"),
        "revert_forward": revert.replace(b'"to":7', b'"to":9'),
        "revert_for_nobody": revert.replace(b'"device-1","device-2"', b""),
        "counter_twice": counter[:-1] + b',"product":"other"}',
    }


def _indexes() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        base, image = Path(folder) / "base", Path(folder) / "image"
        base.write_bytes(BASE)
        image.write_bytes(IMAGE)
        honest = make_extents(image, base).index.to_bytes()
    value = json.loads(honest)
    full, delta = value["recipes"]
    return {
        "honest": honest,
        "full_only": canonical_json({**value, "recipes": [full]}),
        "delta_only": canonical_json({**value, "recipes": [delta]}),
        "full_twice": canonical_json({**value, "recipes": [full, full]}),
        "no_extents": canonical_json({**value, "recipes": [{**full, "extents": []}]}),
        "reversed": canonical_json(
            {**value, "recipes": [full, {**delta, "extents": delta["extents"][::-1]}]}
        ),
        "format_2": honest.replace(b"index 1", b"index 2"),
        "far": honest.replace(b'"offset":0', b'"offset":9223372036854775807'),
        "negative": honest.replace(b'"offset":0', b'"offset":-1'),
        "run": honest.replace(b'"zero"', b'"run"'),
    }


def _payloads() -> dict[str, bytes]:
    return {
        "whole_image": compress(IMAGE),
        "last_piece": compress(LAST),
        "patch": compress(LAST, BASE),
        "cut": compress(LAST)[:-2],
        "two_frames": compress(LAST) + compress(b""),
        "skippable_first": SKIPPABLE + compress(LAST),
        "skippable_only": SKIPPABLE,
        "other_piece": compress(LAST[::-1]),
        "zeros": compress(bytes(16 * PIECE_BYTES)),
        "empty": compress(b""),
        "no_frame": b"\x28\xb5\x2f\xfd",
        "reserved_bit": b"\x28\xb5\x2f\xfd\xff" + bytes(64),
    }


if __name__ == "__main__":
    main()
