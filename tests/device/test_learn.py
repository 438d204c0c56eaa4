"""What a check-in brings is believed step by step, in one order, or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.device.conftest import TWO

from firmhold.device.ports import Repository
from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.brought import Brought
from firmhold.sim.flash import Fate
from firmhold.sim.offline import sim_offline_update, sim_order
from firmhold.sim.settings import sim_key
from firmhold.sim.signer import sim_signer
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.shape import written_date
from firmhold.trust.tuf.root_fields import FreshnessEpoch

ROLES = ("root", "timestamp", "snapshot", "targets", "feature", "security")
Believed = dict[tuple[Repository, str], bytes | None]


def believed(device: Rehearsal) -> Believed:
    """What the device has stored of both repositories."""
    store = device.store()
    return {(each, role): store.load(each, role) for each in Repository for role in ROLES}


def altered(brought: Brought, repository: Repository, name: str) -> Brought:
    """The same with one byte of a metadata file flipped."""
    data = brought.repositories[repository, name]
    spoilt = data.replace(b'"version": ', b'"version":  ', 1)[:-1] + b" }"
    return replace(brought, repositories={**brought.repositories, (repository, name): spoilt})


def test_what_was_published_is_believed_afterwards(device: Rehearsal) -> None:
    """After a check-in the device has the newest of everything, from both repositories."""
    device.offer(TWO, 2, security=2)
    assert device.check_in() is None
    stored, domain = believed(device), device.domain
    for repository, published in (
        (Repository.IMAGE, domain.image.published),
        (Repository.DIRECTOR, domain.director.published),
    ):
        for role, data in published.items():
            assert stored[repository, role] == data


def forged_statement(device: Rehearsal) -> Brought:
    """An answer that nobody who may has signed."""
    device.domain.freshness.signers.clear()
    return device.ask()


def stale(device: Rehearsal) -> Brought:
    """An answer of an hour ago: its time is over."""
    asked = device.ask()
    device.wait(3600)
    return asked


def image_timestamp_withheld(device: Rehearsal) -> Brought:
    """The image repository's timestamp of before, beside an answer that names the next one."""
    before = device.ask()
    device.offer(TWO, 2, security=2)
    asked, key = device.ask(), (Repository.IMAGE, "timestamp.json")
    return replace(asked, repositories={**asked.repositories, key: before.repositories[key]})


def unsigned_snapshot(device: Rehearsal) -> Brought:
    """A snapshot that is not the one that the timestamp names."""
    device.offer(TWO, 2, security=2)
    version = device.domain.image.snapshot.version
    return altered(device.ask(), Repository.IMAGE, f"{version}.snapshot.json")


def unsigned_order(device: Rehearsal) -> Brought:
    """Director targets that are not those which its snapshot names."""
    device.offer(TWO, 2, security=2)
    version = device.domain.director.targets().version
    return altered(device.ask(), Repository.DIRECTOR, f"{version}.targets.json")


def settings_exchanged(device: Rehearsal) -> Brought:
    """Other settings than those that were signed."""
    device.domain.settings["log_policy"] = {"witnessed": {"threshold": 1}}
    device.domain.write_settings()
    device.domain.publish("targets")
    asked = device.ask()
    wrong = {name: data[:-1] + b" " for name, data in asked.targets.items()}
    return replace(asked, targets={**asked.targets, **wrong})


def settings_not_named(device: Rehearsal) -> Brought:
    """Targets that name no settings."""
    del device.domain.image.targets().targets[SETTINGS_PATH]
    device.domain.publish("targets")
    return device.ask()


def order_for_another(device: Rehearsal) -> Brought:
    """The Director's word for another device."""
    device.domain.assign("device-2", device.domain.path(1))
    return device.ask()


REFUSED: Mapping[str, tuple[Callable[[Rehearsal], Brought], Code]] = {
    "forged statement": (forged_statement, Code.FRESHNESS_SIGNATURES),
    "answer too late": (stale, Code.FRESHNESS_OVER),
    "timestamp withheld": (image_timestamp_withheld, Code.FRESHNESS_OLD_TIMESTAMP),
    "snapshot altered": (unsigned_snapshot, Code.TUF_MIX_SNAPSHOT_DIGEST),
    "order altered": (unsigned_order, Code.TUF_MIX_TARGETS_DIGEST),
    "settings exchanged": (settings_exchanged, Code.TUF_TARGET_DIGEST),
    "settings not named": (settings_not_named, Code.TUF_NO_SUCH_TARGET),
    "for another": (order_for_another, Code.UPTANE_OTHER_DEVICE),
}


@pytest.mark.parametrize(("lie", "code"), REFUSED.values(), ids=REFUSED)
def test_each_step_refuses_what_is_its_own_to_refuse(
    device: Rehearsal, lie: Callable[[Rehearsal], Brought], code: Code
) -> None:
    """A lie is found by the check that it concerns, and the flash stays as it was."""
    before = device.flash()
    assert device.check_in(lie(device)) is code, device.failure
    device.live()
    assert device.flash() == before


def test_after_a_refusal_the_last_completed_step_is_believed(device: Rehearsal) -> None:
    """Steps before the refused one are kept, the refused document leaves no trace."""
    before = believed(device)
    lie = unsigned_order(device)
    assert device.check_in(lie) is Code.TUF_MIX_TARGETS_DIGEST
    after, domain = believed(device), device.domain
    for role in ("timestamp", "snapshot"):
        assert after[Repository.IMAGE, role] == domain.image.published[role]
        assert after[Repository.DIRECTOR, role] == domain.director.published[role]
    kept = (Repository.DIRECTOR, "targets")
    assert after[kept] == before[kept]


def test_a_word_that_is_exchanged_between_two_reads_is_found_out(device: Rehearsal) -> None:
    """Whoever hands over one Director timestamp for the question and another afterwards is told."""
    device.offer(TWO, 2, security=2)
    asked = device.ask()
    device.domain.direct()
    newer = device.domain.director.published["timestamp"]
    old = asked.repositories[Repository.DIRECTOR, "timestamp.json"]

    class Swapping(dict[tuple[Repository, str], bytes]):
        reads = 0

        def __getitem__(self, key: tuple[Repository, str]) -> bytes:
            if key != (Repository.DIRECTOR, "timestamp.json"):
                return super().__getitem__(key)
            self.reads += 1
            return old if self.reads == 1 else newer

    files = Swapping({**device.ask().repositories})
    assert device.check_in(replace(asked, repositories=files)) is Code.FRESHNESS_OTHER_DIRECTOR


def test_settings_that_were_learnt_judge_the_next_check_in(device: Rehearsal) -> None:
    """A new freshness key counts as soon as signed settings name it, and the old one no longer."""
    domain = device.domain
    domain.settings["freshness_keys"] = [
        {"epoch": 1, "holder": "director", "key": sim_key("freshness-2")}
    ]
    domain.write_settings()
    domain.publish("targets")
    assert device.check_in() is None
    assert device.check_in() is Code.FRESHNESS_SIGNATURES
    domain.freshness = replace(domain.freshness, signers=[sim_signer("freshness-2")])
    assert device.check_in() is None


def test_a_root_of_a_new_epoch_resets_the_time(device: Rehearsal) -> None:
    """What a thief of the old freshness key did to the time ends with the epoch."""
    domain = device.domain
    far = datetime(2100, 1, 1, tzinfo=UTC)
    forged = domain.check_in(DEVICE, device.ask().nonce, far)
    assert device.check_in(forged) is Code.UPDATE_RECOVERY_CLASS
    floor = device.store().floor
    assert floor is not None
    assert floor.recovery

    now = domain.clock.now()
    domain.sign_root(FreshnessEpoch(2, now))
    domain.freshness = replace(domain.freshness, epoch=2, signers=[sim_signer("freshness-2")])
    device.offer(TWO, 2, security=2)
    assert device.update() is None, device.failure
    floor = device.store().floor
    assert floor is not None
    assert (floor.epoch, floor.recovery) == (2, False)
    assert now <= floor.floor <= domain.clock.now()


def appoint(device: Rehearsal, key: str, epoch: int) -> None:
    """The vendor's settings name one key for the time, and the server tells it with that key."""
    domain = device.domain
    domain.settings["freshness_keys"] = [
        {"epoch": epoch, "holder": "director", "key": sim_key(key)}
    ]
    domain.write_settings()
    domain.publish("targets")
    domain.freshness = replace(domain.freshness, epoch=epoch, signers=[sim_signer(key)])


@pytest.mark.parametrize("missed", [1, 2, 5])
def test_a_device_that_missed_epochs_believes_the_time_of_the_newest(
    device: Rehearsal, missed: int
) -> None:
    """Each epoch has one key, which no settings named before: whoever was away comes back."""
    domain = device.domain
    appoint(device, "freshness-1", 1)
    assert device.check_in() is None
    for epoch in range(2, missed + 2):
        domain.clock.advance(timedelta(days=40))
        domain.sign_root(FreshnessEpoch(epoch, domain.clock.now()))
        appoint(device, f"freshness-{epoch}", epoch)
        domain.publish("targets", "feature", "security")
        domain.direct()
    device.offer(TWO, 2, security=2)
    assert device.update() is None, device.failure
    floor = device.store().floor
    assert floor is not None
    assert (floor.epoch, floor.recovery) == (missed + 1, False)


def test_a_device_that_missed_a_change_of_keys_believes_the_new_one(device: Rehearsal) -> None:
    """Within an epoch too: what tells the time was changed twice while the device was away."""
    appoint(device, "freshness-1", 1)
    assert device.check_in() is None
    for key in ("second", "third"):
        appoint(device, key, 1)
    device.offer(TWO, 2, security=2)
    assert device.update() is None, device.failure


def test_settings_that_were_learnt_first_do_not_make_a_strangers_time_true(
    device: Rehearsal,
) -> None:
    """Whoever is in no settings, old or new, tells no time, and nothing else is believed."""
    appoint(device, "freshness-1", 1)
    assert device.check_in() is None
    appoint(device, "second", 1)
    device.offer(TWO, 2, security=2)
    before = device.memory().state
    device.domain.freshness = replace(device.domain.freshness, signers=[sim_signer("stranger")])
    assert device.check_in() is Code.FRESHNESS_SIGNATURES
    assert device.memory().state == before
    device.domain.freshness = replace(device.domain.freshness, signers=[sim_signer("second")])
    assert device.update() is None, device.failure


def test_an_answer_that_is_not_yet_true_is_not_acted_upon(device: Rehearsal) -> None:
    """A device in doubt still learns metadata; what it installs is another question."""
    device.domain.director.targets().targets = {}
    device.domain.direct()
    far = device.domain.clock.now() + timedelta(days=400)
    forged = device.domain.check_in(DEVICE, device.ask().nonce, far)
    assert device.check_in(forged) is None
    floor = device.store().floor
    assert floor is not None
    assert floor.doubted == far
    assert device.memory().state.job is None


def offline(device: Rehearsal, *devices: str, version: int = 1, **dates: datetime) -> bytes:
    """A medium's order: release 2 for these devices."""
    target = device.domain.director.targets().targets[device.domain.path(2)].to_dict()
    order = sim_order({device.domain.path(2): target}, devices)
    now = device.domain.clock.now()
    order |= {"version": version, "issued_at": written_date(dates.get("issued_at", now))}
    order |= {"expires": written_date(dates.get("expires", now + timedelta(days=7)))}
    return sim_offline_update(order)


def test_a_medium_brings_a_release_without_a_network(device: Rehearsal) -> None:
    """With metadata and an order for this device on a medium, everything else is the same."""
    device.offer(TWO, 2, security=2)
    assert device.insert(offline(device, DEVICE)) is None, device.failure
    device.live()
    assert device.machine.floor.counter == 2
    assert device.store().newest_offline == 1


def test_a_medium_for_others_changes_nothing(device: Rehearsal) -> None:
    """An order for the neighbour is none for this device."""
    device.offer(TWO, 2, security=2)
    before = device.flash()
    assert device.insert(offline(device, "device-2")) is Code.OFFLINE_NOT_FOR_US
    device.live()
    assert device.flash() == before


def test_an_older_medium_is_refused_after_a_newer(device: Rehearsal) -> None:
    """Orders on media go forward."""
    device.offer(TWO, 2, security=2)
    assert device.insert(offline(device, DEVICE, version=5)) is None
    device.live()
    assert device.insert(offline(device, DEVICE, version=4)) is Code.OFFLINE_ROLLBACK


def test_an_expired_medium_is_refused_by_the_devices_own_time(device: Rehearsal) -> None:
    """A medium lives as long as its holders signed, by the time floor and no clock."""
    device.offer(TWO, 2, security=2)
    now = device.domain.clock.now()
    ended = offline(device, DEVICE, issued_at=now - timedelta(days=9), expires=now)
    device.wait(10)
    assert device.check_in() is None
    assert device.insert(ended) is Code.OFFLINE_EXPIRED


@pytest.mark.parametrize("copies", [("0",), ("1",), ("0", "1")], ids=["one", "other", "both"])
@pytest.mark.parametrize("name", ["image.root", "director.root", "settings", "time", "offline"])
@pytest.mark.parametrize("how", ["emptied", "flipped"])
def test_a_spoilt_belief_is_told_and_the_device_can_still_be_updated(
    device: Rehearsal, name: str, copies: tuple[str, ...], how: str
) -> None:
    """Whatever of its beliefs is destroyed: what was built in serves, and the vendor gets in."""
    device.domain.sign_root(FreshnessEpoch(1, device.domain.clock.now()))
    device.domain.settings["permitted_time_jump"] = {"per_boot": 86_400, "total": 2 * 86_400}
    device.domain.write_settings()
    device.domain.publish("targets")
    assert device.check_in() is None
    spoilt = [copy for copy in copies if spoil(device, f"{name}.{copy}", how)]

    device.offer(TWO, 2, security=2)
    device.boot()
    found = device.store()
    for repository in Repository:
        found.load(repository, "root")
    told = {fault.code for fault in found.damage}
    assert told == ({Code.MEMORY_DAMAGED} if spoilt else set())
    assert device.update() is None, device.failure
    assert device.machine.floor.counter == 2


def spoil(device: Rehearsal, file: str, how: str) -> bool:
    """Do something to a file of the device's; tell whether it is there."""
    held = dict(device.machine.disk.durable(Fate.KEPT, None))
    if file in held:
        data = held[file]
        held[file] = b"" if how == "emptied" else data[:40] + bytes([data[40] ^ 1]) + data[41:]
        device.machine.disk.hold(frozenset(held.items()))
    return file in held


def test_what_is_not_brought_is_unavailable_and_not_refused(device: Rehearsal) -> None:
    """A gap on the way is no attack: the device asks again."""
    device.offer(TWO, 2, security=2)
    asked = device.ask()
    assert device.check_in(replace(asked, targets={})) is Code.FETCH_NOT_FOUND
    assert isinstance(device.failure, Unavailable)
    assert device.check_in() is None


def test_the_first_check_in_begins_the_time_from_the_root(device: Rehearsal) -> None:
    """Until then the device knows no time but that of its root."""
    fresh = Rehearsal(device.folder / "fresh")
    assert fresh.store().floor is None
    assert fresh.check_in() is None
    floor = fresh.store().floor
    assert floor is not None
    assert floor.floor == fresh.domain.clock.now()
