"""Devices whose signing key is in a TPM: proven when they enrol, used when they report."""

from contextlib import suppress
from pathlib import Path

import pytest

from firmhold.device.fetch.config import CERTIFICATE
from firmhold.device.online import FETCH, SIGNING_KEY
from firmhold.device.status import status
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.tpm import SimMaker, SimTpm
from firmhold.trust.errors import Code, Unavailable

ONE = b"first image" * 5000


@pytest.fixture(name="known")
def _known(fleet: SimFleet, maker: SimMaker, tpm: SimTpm) -> SimFleet:
    """A fleet whose settings name the maker; release 1 is published."""
    assert tpm.folder.exists()
    fleet.publish(1, ONE)
    fleet.vendor.settle(ek_roots=[maker.issuer.read_text()])
    return fleet


def with_tpm(fleet: SimFleet, name: str, tpm: SimTpm) -> FleetDevice:
    """A device with a TPM that nobody has invited yet."""
    device = fleet.new_device(name)
    device.tpm = tpm.tcti
    return device


def told(fleet: SimFleet, name: str) -> object:
    """Where operators are told that a device's key lives."""
    with fleet.operator() as director:
        return director.read(f"/devices/{name}")["key"]


def refused_by_the_ca(error: pytest.ExceptionInfo[Unavailable], code: Code) -> bool:
    """Whether the server refused a request under a code."""
    return error.value.code is Code.FETCH_REFUSED and code in str(error.value)


def test_a_device_with_a_tpm_lives_like_any_other(known: SimFleet, tpm: SimTpm) -> None:
    """It enrols, installs, boots and reports; its TPM signs, and everybody is told so."""
    device = with_tpm(known, "camera-1", tpm)
    device.enrol(known.invite("camera-1"))
    plain = known.device("camera-2")
    known.rollout(1)
    for each in (device, plain):
        each.live()
        assert each.runs(ONE)
    known.until(lambda: known.confirmed("r1") == 2)
    assert (told(known, "camera-1"), told(known, "camera-2")) == ("tpm", "file")
    assert status(device.state)["signing key"] == "in the TPM"
    assert status(plain.state)["signing key"] == "in a file"
    assert b"TSS2 PRIVATE KEY" in (device.state / SIGNING_KEY).read_bytes()


def test_a_device_with_a_tpm_gets_its_certificate_back_by_it(known: SimFleet, tpm: SimTpm) -> None:
    """Whoever loses all but the TPM and its key file is let in again."""
    device = with_tpm(known, "camera-1", tpm)
    device.enrol(known.invite("camera-1"))
    (device.state / FETCH / CERTIFICATE).unlink()
    known.rollout(1)
    device.live()
    assert device.runs(ONE)


def test_a_copy_of_all_files_without_the_tpm_signs_nothing(
    known: SimFleet, tpm: SimTpm, maker: SimMaker, tmp_path: Path
) -> None:
    """The key's file is worth nothing beside another TPM: no report, no certificate."""
    device = with_tpm(known, "camera-1", tpm)
    device.enrol(known.invite("camera-1"))
    other = maker.make(tmp_path / "other").power_on()
    try:
        config = device.state / "device.json"
        config.write_text(config.read_text().replace(tpm.tcti, other.tcti))
        known.rollout(1)
        device.check()  # its certificate was copied too: it may ask, and install what is signed
        device.rest()
        with suppress(Unavailable):
            device.check()  # now it would report
        known.settled()
        assert known.confirmed("r1") == 0
        (device.state / FETCH / CERTIFICATE).unlink()
        with pytest.raises(Unavailable) as error:
            device.check()  # and without a certificate it gets no other
        assert error.value.code is Code.KEY_TOKEN
    finally:
        other.power_off()


def test_a_tpm_of_no_known_maker_does_not_enrol_as_one(fleet: SimFleet, tpm: SimTpm) -> None:
    """Where the settings name no maker, nothing is proven; the token is not spent by that."""
    fleet.publish(1, ONE)
    invited = fleet.invite("camera-1")
    with pytest.raises(Unavailable) as error:
        with_tpm(fleet, "camera-1", tpm).enrol(invited)
    assert refused_by_the_ca(error, Code.ATTESTATION_ENDORSEMENT)
    fleet.new_device("plain").enrol(invited)
    assert told(fleet, "camera-1") == "file"


def test_one_tpm_is_one_device(known: SimFleet, tpm: SimTpm) -> None:
    """A second device with the TPM of the first is refused, whatever its name."""
    with_tpm(known, "camera-1", tpm).enrol(known.invite("camera-1"))
    with pytest.raises(Unavailable) as error:
        with_tpm(known, "camera-2", tpm).enrol(known.invite("camera-2"))
    assert refused_by_the_ca(error, Code.CA_TPM)
