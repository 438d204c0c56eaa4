"""Keys and authorities of the gateway change; devices that were away for any of it come back."""

from datetime import timedelta
from random import Random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate

from firmhold.fleet.authorities import read_authorities
from firmhold.fleet.ca.authority import SERVER_LIFETIME
from firmhold.fleet.ca.hand_over import revoke_former
from firmhold.pkix.borrowed import public_half
from firmhold.pkix.public import spki_sha256
from firmhold.sim.caller import Caller
from firmhold.sim.fleet import SimFleet
from firmhold.sim.signer import sim_signer
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Misuse, Unavailable

IMAGES = [Random(n).randbytes(100_000) for n in range(4)]


def pin(name: str) -> str:
    """The pin of the key that is made from a name."""
    return spki_sha256(public_half(sim_signer(name))).hex()


def walk(fleet: SimFleet, current: str, *coming: str, authorities: bool = False) -> None:
    """Have settings signed that name the gateway's key, and those to come."""
    pins = {"current": [pin(current)], "next": [pin(name) for name in coming]}
    changes = JsonObject(server_pins={name: [*each] for name, each in pins.items()})
    if authorities:
        known = read_authorities(fleet.home).accepted
        pem = [each.public_bytes(Encoding.PEM).decode() for each in known]
        changes = {**changes, "server_authorities": [*pem]}
    fleet.vendor.settle(**changes)


def shown_by(fleet: SimFleet) -> Certificate:
    """What is shown to whoever asks for no key by its name."""
    with Caller(fleet.home.enrolment_port, None) as caller:
        return load_der_x509_certificate(caller.connect().getpeercert(binary_form=True) or b"")


def shows(fleet: SimFleet, name: str) -> bool:
    """Whether that has the key that is made from a name."""
    return spki_sha256(shown_by(fleet).public_key()).hex() == pin(name)


def issued_by(certificate: Certificate, authority: Certificate) -> bool:
    """Whether an authority's key signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except InvalidSignature:
        return False
    return True


def test_pins_walk_and_a_device_that_missed_all_of_it_comes_back(fleet: SimFleet) -> None:
    """Three changes of the server's key: one device sees each, the other one none of them."""
    fleet.publish(1, IMAGES[1])
    here, away = fleet.device("here"), fleet.device("away")
    fleet.show_keys("gateway", "g-2", "g-3", "g-4")
    for current, *coming in (("gateway", "g-2"), ("g-2", "g-3"), ("g-3", "g-4"), ("g-4",)):
        walk(fleet, current, *coming)
        fleet.until(lambda key=current: shows(fleet, key))  # type: ignore[misc]
        here.live()
    fleet.rollout(1)
    for device in (here, away):
        device.live()
        device.rest()
        assert device.runs(IMAGES[1])
    settings = away.appliance().store.settings.value
    assert settings.server_pins.current == {bytes.fromhex(pin("g-4"))}


def test_a_key_that_was_forgotten_too_soon_can_be_shown_again(fleet: SimFleet) -> None:
    """A device that knows none of the keys refuses them all, and is back when its key is."""
    away = fleet.device("away")
    walk(fleet, "g-2")
    fleet.show_keys("g-2")
    with pytest.raises(Unavailable) as error:
        away.check()
    assert error.value.code is Code.FETCH_PIN
    fleet.show_keys("gateway", "g-2")
    assert shows(fleet, "g-2")
    away.live()
    fleet.show_keys("g-2")
    away.live()


def test_a_new_authority_is_there_while_nobody_has_heard_of_it(fleet: SimFleet) -> None:
    """Devices enrolled before and after it, with settings that name it and that do not."""
    fleet.publish(1, IMAGES[1])
    before = fleet.device("before")
    fleet.hand_over("ca-2")
    after = fleet.device("after")
    old, new = reversed(read_authorities(fleet.home).accepted)
    assert issued_by(shown_by(fleet), old)
    for device in (before, after):
        device.live()

    walk(fleet, "gateway", authorities=True)
    fleet.until(lambda: issued_by(shown_by(fleet), new))
    fleet.rollout(1)
    for device in (before, after):
        device.live()
        device.rest()
        assert device.runs(IMAGES[1])
        assert len(device.appliance().store.settings.value.server_authorities) == 2


def test_a_device_that_was_away_while_the_authority_was_revoked_comes_back(
    fleet: SimFleet,
) -> None:
    """The authority's key is gone and the server's key another one: it finds what it knows."""
    fleet.publish(1, IMAGES[1])
    away = fleet.device("away")
    fleet.hand_over("ca-2")
    revoke_former(fleet.home)
    fleet.keys["ca"] = ["ca-2"]
    fleet.restart("ca")
    fleet.show_keys("gateway", "g-2")
    walk(fleet, "g-2", authorities=True)
    fleet.until(lambda: shows(fleet, "g-2"))
    assert issued_by(shown_by(fleet), read_authorities(fleet.home).issuing)

    new = fleet.device("new")
    fleet.rollout(1)
    for device in (away, new):
        device.live()
        device.rest()
        assert device.runs(IMAGES[1])


def test_the_servers_certificate_is_renewed_by_itself(fleet: SimFleet) -> None:
    """When half of its life is over there is another one, and nobody had to think of it."""
    first = shown_by(fleet)
    fleet.clock.advance(SERVER_LIFETIME * 0.4)
    fleet.restart("gateway")
    assert shown_by(fleet).serial_number == first.serial_number
    fleet.clock.advance(SERVER_LIFETIME * 0.2)
    fleet.until(lambda: shown_by(fleet).serial_number != first.serial_number)
    assert shown_by(fleet).not_valid_after_utc - first.not_valid_after_utc > timedelta(days=200)


def test_a_gateway_waits_for_its_first_certificate_and_no_longer(fleet: SimFleet) -> None:
    """With the ca down it shows what it has; a key that has nothing is not shown."""
    device = fleet.device("camera-1")
    fleet.stop("ca")
    fleet.show_keys("gateway", "g-2")
    device.live()
    walk(fleet, "g-2", "gateway")
    assert shows(fleet, "gateway")
    fleet.start("ca")
    fleet.until(lambda: shows(fleet, "g-2"))


def test_an_authority_has_its_turn_once(fleet: SimFleet) -> None:
    """Neither a key that was here before nor the end of the only one is taken."""
    with pytest.raises(Misuse) as error:
        revoke_former(fleet.home)
    assert error.value.code is Code.FLEET_KEY
    fleet.hand_over("ca-2")
    revoke_former(fleet.home)
    for name in ("ca", "ca-2"):
        with pytest.raises(Misuse) as error:
            fleet.hand_over(name)
        assert error.value.code is Code.FLEET_KEY
    assert len(read_authorities(fleet.home).accepted) == 1


def test_a_ca_without_its_authoritys_key_issues_nothing(fleet: SimFleet) -> None:
    """It says so, and does not sign with another authority's key in its place."""
    device = fleet.device("camera-1")
    fleet.hand_over("ca-2")
    fleet.keys["ca"] = ["ca"]
    fleet.restart("ca")
    device.live()
    (device.state / "fetch" / "client.pem").unlink()
    with pytest.raises(Unavailable):
        device.check()
    with fleet.operator("ca") as ca:
        assert sum(int(str(count)) for count in ca.read("/authorities").values()) == 1
    fleet.keys["ca"] = ["ca-2"]
    fleet.restart("ca")
    device.live()
