"""Row 28: every key of the Director is stolen, then the image repository's online keys too."""

from dataclasses import replace

import pytest
from tests.attacks.flashed import TWO, assert_held, runs
from tuf.api.metadata import TargetFile

from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.machine import sim_image
from firmhold.sim.releases import MAIN, MODEL
from firmhold.trust.errors import Code

EVIL = sim_image("evil", 9, 2)


def order(device: Rehearsal, path: str, manifest: bytes) -> None:
    """Have the stolen Director assign a manifest."""
    entry = {MAIN: {"hardwareId": MODEL, "device": DEVICE}}
    target = TargetFile.from_data(path, manifest, ["sha256", "sha512"])
    target.unrecognized_fields["custom"] = {"ecuIdentifiers": entry}
    device.domain.director.targets().targets = {path: target}
    device.domain.direct()


def test_a_director_alone_brings_nothing_onto_a_device(device: Rehearsal) -> None:
    """An image that is in the Director only is none."""
    evil = device.domain.made(EVIL, 9, security=9)
    before = device.flash()

    order(device, device.domain.path(9), evil.to_bytes())
    assert device.check_in() is Code.TUF_NO_SUCH_TARGET

    assert_held(device, before)


@pytest.mark.parametrize("holders", [0, 1])
def test_all_online_keys_and_one_holder_bring_nothing_onto_a_device(
    device: Rehearsal, holders: int
) -> None:
    """Director, snapshot, timestamp and one of two feature holders: the other one is missing."""
    domain = device.domain
    before, own = device.flash(), domain.image.signers["feature"]
    domain.image.signers["feature"] = own[:holders]

    domain.name(domain.made(EVIL, 9, security=9))
    domain.publish("feature")
    domain.assign(DEVICE, domain.path(9))
    assert device.check_in() is Code.TUF_SIGNATURES_DELEGATED

    domain.image.signers["feature"] = own
    del domain.image.targets("feature").targets[domain.path(9)]
    domain.publish("feature")
    assert_held(device, before)


def test_a_stolen_director_sends_what_was_signed_and_nothing_older(device: Rehearsal) -> None:
    """What is left to the thief is the choice among what the authorities stand for, forward."""
    domain = device.domain
    domain.release(TWO, 2, security=2)
    domain.assign(DEVICE, domain.path(2))
    assert device.update() is None
    assert runs(device, TWO)
    before = device.flash()

    domain.assign(DEVICE, domain.path(1))
    assert device.check_in() is Code.UPTANE_RELEASE_COUNTER

    device.live()
    assert device.flash() == before


def test_a_new_root_ends_the_theft(device: Rehearsal) -> None:
    """After the Director's next root the thief's signatures are nothing, the vendor's are good."""
    domain, before = device.domain, device.flash()
    stolen = {role: domain.director.rotate(role) for role in ("targets", "snapshot", "timestamp")}
    freshness = domain.director.root.unrecognized_fields["x-firmhold-freshness"]
    root = domain.director.root
    root.unrecognized_fields["x-firmhold-holders"] = {key: f"holder {key}" for key in root.keys}
    assert freshness["epoch"] == 1
    domain.director.publish("root")

    own = dict(domain.director.signers)
    domain.director.signers |= stolen
    order(device, domain.path(1), domain.releases[1].to_bytes())
    assert device.check_in() is Code.TUF_SIGNATURES_TIMESTAMP

    domain.director.signers |= own
    assert_held(device, before)


def test_the_thief_lies_about_the_device_it_speaks_to(device: Rehearsal) -> None:
    """An order says for whom it is, in what is signed; one for nobody is for nobody."""
    device.domain.release(TWO, 2, security=2)
    before = device.flash()

    device.domain.assign("device-2", device.domain.path(2))
    assert device.check_in() is Code.UPTANE_OTHER_DEVICE
    targets = device.domain.director.targets().targets
    targets[device.domain.path(2)].unrecognized_fields["custom"] = {
        "ecuIdentifiers": {MAIN: {"hardwareId": MODEL}}
    }
    device.domain.direct()
    assert device.check_in(replace(device.ask())) is Code.UPTANE_OTHER_DEVICE

    assert_held(device, before)
