"""Row 31 on a device of ours: what each set of stolen keys can make it accept.

The thief sits on the wire as well, so what he has of the server's TLS key or of the authority of
certificates is no more than that: the first line of the table. He tries every way of leaving out or
making the documents that he can sign, and once making all of them, whoever else's keys they need.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations
from pathlib import Path

import pytest
from tests.attacks.flashed import ONE, TWO, with_release_one
from tests.attacks.thief import (
    EVIL,
    MACHINES,
    OWN_PIN,
    RELEASE_ROLES,
    Aim,
    Loot,
    Thief,
    Victim,
    copied,
    full,
    running,
)

from firmhold.device.ports import Repository
from firmhold.drill.rehearsal import DEVICE
from firmhold.sim.clock import BEGIN
from firmhold.sim.machine import sim_image
from firmhold.update.release import ReleaseClass

MODEL = Path(__file__).parents[2] / "docs" / "threat-model.md"
TITLE = "| stolen from the vendor |"
FAR = 1_000_000
THREE = sim_image("three", 2, 4)


def own_software(kind: ReleaseClass, *authorities: str) -> Aim:
    """Make the device run an image that nobody of the vendor's has signed."""

    def aim(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
        thief = Thief.robs(victim.device.domain, loot, making)
        made = replace(thief.domain.made(EVIL, 9, security=2), release_class=kind)
        if kind is ReleaseClass.SECURITY:
            made = replace(made, patches=thief.domain.releases[2].digest)
        for authority in authorities:
            thief.domain.name(made, authority, thief.domain.path(9, authority))
        if full(loot, "targets") and "targets" in making:
            thief.making |= {"feature", "security"}
            for authority in ("feature", "security"):
                thief.delegate(authority)
        thief.publish("feature", "security", "targets")
        thief.assign(thief.domain.path(9, authorities[0]))
        device, _ = victim.sees(thief)
        return running(device, EVIL)

    return aim


def own_settings(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device believe settings that nobody of the vendor's has signed."""
    thief = Thief.robs(victim.device.domain, loot, making)
    thief.write_settings()
    thief.publish("targets")
    thief.assign(None)
    device, _ = victim.sees(thief)
    return bytes.fromhex(OWN_PIN) in device.store().settings.value.server_pins.current


def another_release(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device run a release that the vendor signed, and does not mean for it now."""
    thief = Thief.robs(victim.device.domain, loot, making)
    thief.publish()
    thief.assign(thief.domain.path(3))
    device, _ = victim.sees(thief)
    return running(device, THREE)


def older_release(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device go back to a release that it had before."""
    thief = Thief.robs(victim.device.domain, loot, making)
    thief.publish()
    thief.assign(thief.domain.path(1))
    device, _ = victim.sees(thief)
    return running(device, ONE)


def old_for_new(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device take for current what the vendor had published before."""
    thief = Thief.robs(victim.before, loot, making)
    thief.publish()
    thief.assign(thief.domain.path(2))
    _, refused = victim.sees(thief)
    return refused is None


def another_time(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device believe that it is next week."""
    week = timedelta(days=7)
    thief = Thief.robs(victim.device.domain, loot, making)
    thief.publish()
    thief.assign(None)
    device, _ = victim.sees(thief, week)
    floor = device.store().floor
    assert floor is not None
    return max(floor.floor, floor.doubted or BEGIN) > victim.device.domain.clock.now() + week / 2


def blocking(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device refuse what the vendor publishes from now on, until a new root."""
    thief = Thief.robs(victim.device.domain, loot, making)
    for repository in (thief.domain.image, thief.domain.director):
        for role in ("snapshot", "timestamp"):
            repository.roles[role].version = FAR
    thief.publish()
    thief.assign(None)
    device, refused = victim.sees(thief)
    return refused is None and device.check_in() is not None


def own_root(victim: Victim, loot: Loot, making: AbstractSet[str]) -> bool:
    """Make the device follow a root in which every role is the thief's, for good."""
    thief = Thief.robs(victim.device.domain, loot, making)
    if not full(loot, "root"):
        thief.take_over()
    thief.publish("feature", "security", "targets")
    device, _ = victim.sees(thief)
    return thief.own[0].public_key.keyid.encode() in (
        device.store().load(Repository.IMAGE, "root") or b""
    )


FEATURE, SECURITY, TRUST = ReleaseClass.FEATURE, ReleaseClass.SECURITY, ReleaseClass.TRUST
AIMS: dict[str, Aim] = {
    "a release of his own": own_software(FEATURE, "feature"),
    "the same as *security*": own_software(SECURITY, "security"),
    "the same as *trust*": own_software(TRUST, "feature", "security"),
    "settings of his own": own_settings,
    "a signed release of his choice": another_release,
    "an older release": older_release,
    "old for new": old_for_new,
    "a wrong time": another_time,
    "a block until a new root": blocking,
    "a root of his own": own_root,
}

MACHINE_KEYS = dict.fromkeys(MACHINES, 1)
ONE_OF_EACH = dict.fromkeys(RELEASE_ROLES, 1)


def sets() -> Iterator[tuple[str, Loot]]:
    """Every set of stolen keys that the table is about, by its name there."""
    yield "the wire, mirrors, the server's TLS key, the device authority", {}
    yield from ((f"{office}, one holder", {office: 1}) for office in RELEASE_ROLES)
    yield "one holder of each", ONE_OF_EACH
    yield from ((machine, {machine: 1}) for machine in MACHINES)
    yield from ((f"{one} and {two}", {one: 1, two: 1}) for one, two in combinations(MACHINES, 2))
    yield "all machines", MACHINE_KEYS
    yield "all machines, one holder of each", {**MACHINE_KEYS, **ONE_OF_EACH}
    for office in ("feature", "security", "targets"):
        yield f"{office}, two holders", {office: 2}
        yield f"{office}, two holders, and all machines", {**MACHINE_KEYS, office: 2}
    yield (
        "feature and security, two holders each, and all machines",
        {
            **MACHINE_KEYS,
            "feature": 2,
            "security": 2,
        },
    )
    yield "root, two holders", {"root": 2}


SETS = dict(sets())


def ways(loot: Loot) -> Iterator[frozenset[str]]:
    """What a thief may make: each choice among what he can sign, and all there is."""
    able = [office for office in (*RELEASE_ROLES, *MACHINES) if full(loot, office)]
    sizes = range(len(able) + 1)
    yield from map(frozenset, chain.from_iterable(combinations(able, size) for size in sizes))
    yield frozenset((*RELEASE_ROLES, *MACHINES))


@pytest.fixture(scope="module", name="victim")
def _victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """A device that runs release 2; release 3 is signed, and goes out to others first."""
    device = with_release_one(tmp_path_factory.mktemp("theft") / "vendor")
    device.offer(TWO, 2, security=2)
    assert device.update() is None
    assert running(device, TWO)
    before = copied(device.domain, "before")
    device.domain.release(THREE, 3, security=2)
    device.domain.assign(DEVICE, device.domain.path(2))
    return Victim(device, before)


def table() -> dict[str, list[str]]:
    """The table of the threat model: what is marked, by line."""
    lines = MODEL.read_text(encoding="utf-8").splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(TITLE))
    rows = {}
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = cells
    return rows


def test_the_table_is_about_these_sets_and_aims() -> None:
    """No line and no column of it is without a trial."""
    rows = table()
    assert rows.pop("stolen from the vendor") == [*AIMS]
    rows.pop("---")
    assert [*rows] == [*SETS]


@pytest.mark.slow
@pytest.mark.parametrize("stolen", SETS)
def test_stolen_keys_reach_what_the_table_says_and_nothing_else(
    victim: Victim, stolen: str
) -> None:
    """Every aim is tried in every way; what the table does not mark, no way reaches."""
    loot = SETS[stolen]
    reached = [
        "yes" if any(aim(victim, loot, making) for making in ways(loot)) else ""
        for aim in AIMS.values()
    ]
    assert reached == table()[stolen]


def test_the_vendor_goes_on_after_every_attempt(victim: Victim) -> None:
    """The device of the trials is as it was, and takes the vendor's next word."""
    assert victim.device.check_in() is None
    assert running(victim.device, TWO)
