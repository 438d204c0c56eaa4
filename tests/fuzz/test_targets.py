from pathlib import Path
from random import Random

import pytest
from fuzz.mutations import mutate
from fuzz.promises import SEEDS, BrokenPromise, require_same_payload
from fuzz.targets import (
    TARGETS,
    accepted_as,
    genuine,
    remembered_as,
    require_one_file_name,
    require_path_that_stays,
)

MUTATIONS = 200
MAX_INPUT_BYTES = 16_384

ALL_SEEDS = [(name, file) for name in sorted(TARGETS) for file in sorted((SEEDS / name).iterdir())]


@pytest.mark.parametrize(
    ("name", "file"), ALL_SEEDS, ids=[f"{name}/{file.name}" for name, file in ALL_SEEDS]
)
def test_seed(name: str, file: Path) -> None:
    """Each seed, honest or hostile, leaves every promise of its target standing."""
    TARGETS[name](file.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_mutations_of_seeds(name: str) -> None:
    """No small change of a seed breaks a promise, or escapes as anything but a refusal."""
    seeds = [file.read_bytes() for file in sorted((SEEDS / name).iterdir())]
    chance = Random(name)
    for _ in range(MUTATIONS):
        TARGETS[name](mutate(chance.choice(seeds), MAX_INPUT_BYTES, chance))


def test_mutations_can_be_made_again() -> None:
    """The same seed and the same chance give the same bytes, so a finding can be repeated."""
    document = genuine("timestamp.json")
    twice = [mutate(document, MAX_INPUT_BYTES, Random(7)) for _ in range(2)]
    assert twice[0] == twice[1] != document


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "a\\b"])
def test_judge_of_file_names(name: str) -> None:
    """A name that is no file name, or a path, is a finding."""
    with pytest.raises(BrokenPromise):
        require_one_file_name(name)


@pytest.mark.parametrize(
    "path", ["..", "../a", "a/../b", "a/.", "a?b", "a#b", "a b", "a\r\nb", "\u00e9", "a\\b"]
)
def test_judge_of_url_paths(path: str) -> None:
    """A path that climbs, or that is more than a path, is a finding."""
    with pytest.raises(BrokenPromise):
        require_path_that_stays(path)


@pytest.mark.parametrize(
    ("honest", "forged"),
    [
        (b'"version":1', b'"version":2'),
        (b'"version":1', b'"version":true'),
        (b'"version":1', b'"version":1.0'),
        (b'"version":1', b'"version":1,"more":null'),
    ],
    ids=["value", "boolean", "float", "field"],
)
def test_judge_of_payloads(honest: bytes, forged: bytes) -> None:
    """A signed part that differs in one value, in one type or in one field is a finding."""
    document = b'{"signed":{"version":1},"signatures":[]}'
    require_same_payload(document, document.replace(b"[]", b'["x"]'))
    with pytest.raises(BrokenPromise):
        require_same_payload(document, document.replace(honest, forged))


@pytest.mark.parametrize(
    ("seed", "accepted"),
    [
        ("2.root.json", ["2.root.json"]),
        ("timestamp.json", ["timestamp.json"]),
        ("snapshot.json", ["snapshot.json"]),
        ("targets.json", ["targets.json"]),
        ("feature.json", ["feature.json"]),
        ("honest_reindented", ["snapshot.json"]),
        ("honest_with_foreign_signature", ["2.root.json"]),
        ("1.root.json", []),
        ("attack_timestamp_one_signature_twice", []),
        ("attack_targets_as_timestamp", []),
    ],
)
def test_steps_accept_the_honest_world(seed: str, accepted: list[str]) -> None:
    """Each step under attack accepts its own honest document and no other: it is not deaf."""
    assert accepted_as(genuine(seed)) == accepted


@pytest.mark.parametrize(
    ("seed", "remembered"),
    [
        ("timestamp.json", ["timestamp.json"]),
        ("snapshot.json", ["snapshot.json"]),
        ("honest_reindented", ["snapshot.json"]),
        ("targets.json", []),
        ("attack_timestamp_newer", []),
    ],
)
def test_stored_files_of_the_honest_world_are_remembered(seed: str, remembered: list[str]) -> None:
    """What is found stored is remembered if it is honest, and dropped without a word if not."""
    assert remembered_as(genuine(seed)) == remembered


@pytest.mark.parametrize("file", sorted(SEEDS.rglob("*")), ids=lambda file: file.name)
def test_seeds_are_public(file: Path) -> None:
    """No seed is or contains a private key."""
    assert file.is_dir() or b"PRIVATE" not in file.read_bytes()
