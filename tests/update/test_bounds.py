"""Every bound of releases and extents is the one that is written down."""

import pytest

from firmhold.update import index, pieces, release, schedule, security, trial, version

BOUNDS = {
    "a piece": (pieces.PIECE_BYTES, 65_536),
    "an image": (pieces.MAX_IMAGE_BYTES, 16 * 1024**3),
    "an index": (index.MAX_INDEX_BYTES, 32 * 1024**2),
    "pieces of an extent": (index.MAX_EXTENT_PIECES, 16),
    "a range to patch from": (index.MAX_WINDOW_BYTES, 4 * 1024**2),
    "the shortest range to patch from": (index.MIN_DICTIONARY_BYTES, 8),
    "recipes": (index.MAX_RECIPES, 32),
    "extents": (index.MAX_EXTENTS, 262_144),
    "a payload of a piece": (index.most_payload(65_536), 65_536 + 512 + 512),
    "a manifest": (release.MAX_BYTES, 65_536),
    "components": (release.MAX_COMPONENTS, 64),
    "dependencies": (release.MAX_DEPENDENCIES, 256),
    "ranges of hardware": (release.MAX_HARDWARE, 64),
    "extensions": (release.MAX_EXTENSIONS, 32),
    "a revision": (release.MAX_REVISION, 1_000_000),
    "words of the log": (release.MAX_LOG_CHARACTERS, 16_384),
    "a product": (release.MAX_PRODUCT, 100),
    "health checks": (trial.MAX_CHECKS, 32),
    "arguments": (trial.MAX_ARGUMENTS, 32),
    "a deadline": (trial.MAX_DEADLINE_SECONDS, 3600),
    "trial boots": (trial.MAX_TRIAL_BOOTS, 10),
    "time to confirm": (trial.MAX_CONFIRM_SECONDS, 86_400),
    "memory": (trial.MAX_MEMORY_BYTES, 1024**5),
    "buckets": (schedule.BUCKETS, 10_000),
    "waves": (schedule.MAX_WAVES, 64),
    "a wave": (schedule.MAX_WAVE_SECONDS, 366 * 24 * 3600),
    "devices with leave": (security.MAX_DEVICES, 1024),
    "a document of the security authority": (security.MAX_BYTES, 262_144),
    "no release": (version.NO_RELEASE, 0),
}


@pytest.mark.parametrize(("bound", "written"), BOUNDS.values(), ids=BOUNDS)
def test_a_bound_is_a_decision(bound: int, written: int) -> None:
    """Nobody moves a bound by accident: devices and desks in the field rely on it."""
    assert bound == written
