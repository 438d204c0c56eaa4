"""Row 2: one stolen key where two are asked for, dressed up as two."""

import json
from collections.abc import Callable, Mapping

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey

from firmhold.sim.attacker import disguised
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import Malformed, QuorumUnmet

MakeWorld = Callable[..., World]
Dress = Callable[[SSlibKey], SSlibKey]


def same_text(key: SSlibKey) -> SSlibKey:
    """The very same key under another id."""
    return SSlibKey("another-id", key.keytype, key.scheme, dict(key.keyval))


def other_letter_case(key: SSlibKey) -> SSlibKey:
    """The same key in capital letters."""
    return SSlibKey("capitals", key.keytype, key.scheme, {"public": key.keyval["public"].upper()})


def other_line_breaks(key: SSlibKey) -> SSlibKey:
    """The same key with its PEM wrapped otherwise and text around it."""
    head, *body, tail = key.keyval["public"].strip().split("\n")
    text = "".join(body)
    lines = [text[at : at + 32] for at in range(0, len(text), 32)]
    pem = "\r\n".join(["a remark", head, *lines, tail, ""])
    return SSlibKey("wrapped", key.keytype, key.scheme, {"public": pem})


def other_padding(key: SSlibKey) -> SSlibKey:
    """The same RSA key for another padding."""
    return SSlibKey("pkcs1", key.keytype, "rsa-pkcs1v15-sha256", dict(key.keyval))


def other_keytype(key: SSlibKey) -> SSlibKey:
    """The same curve key under the older name of its type."""
    return SSlibKey("older", "ecdsa-sha2-nistp256", key.scheme, dict(key.keyval))


def extra_field(key: SSlibKey) -> SSlibKey:
    """The same key with one more member in its entry."""
    return SSlibKey("x", key.keytype, key.scheme, dict(key.keyval), {"x-colour": "blue"})


CASES: Mapping[str, tuple[Callable[[], CryptoSigner], Dress]] = {
    "ed25519-same-text": (CryptoSigner.generate_ed25519, same_text),
    "ed25519-other-letter-case": (CryptoSigner.generate_ed25519, other_letter_case),
    "ed25519-extra-field": (CryptoSigner.generate_ed25519, extra_field),
    "ecdsa-other-line-breaks": (CryptoSigner.generate_ecdsa, other_line_breaks),
    "ecdsa-other-keytype": (CryptoSigner.generate_ecdsa, other_keytype),
    "rsa-other-padding": (CryptoSigner.generate_rsa, other_padding),
}


def signed_by_both_names(world: World, role: str, stolen: CryptoSigner, twin: SSlibKey) -> bytes:
    """The next version of a role with the stolen key's signature under each of its two names."""

    def next_version(signed: dict[str, int]) -> None:
        signed["version"] += 1

    return world.attacker.forge(role, next_version, [stolen, disguised(stolen, twin)])


@pytest.mark.parametrize("case", CASES)
def test_one_key_under_two_ids_counts_once(make_world: MakeWorld, case: str) -> None:
    """A careless root lists one key under two ids; its thief still has one vote of the two."""
    generate, dress = CASES[case]
    world, stolen = make_world(thresholds=2), generate()
    twin = dress(stolen.public_key)
    world.repository.grant("timestamp", stolen)
    world.repository.root.keys[twin.keyid] = twin
    world.repository.root.roles["timestamp"].keyids.append(twin.keyid)
    world.repository.publish("root", "timestamp")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.attacker.serve("timestamp", signed_by_both_names(world, "timestamp", stolen, twin))

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_TIMESTAMP
    fault = world.device.fault
    assert isinstance(fault, QuorumUnmet)
    assert (fault.threshold, len(fault.signed), len(fault.missing)) == (2, 1, 2)
    assert world.device.state() == before


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_one_signature_given_twice_is_refused(make_world: MakeWorld, role: str) -> None:
    """The thief of one key of two repeats its signature: no document may bear a key id twice."""
    world = make_world(thresholds=2, names_digests=False)
    assert world.device.update("a.bin") is None
    world.repository.publish("root", "targets", "snapshot", "timestamp")

    world.attacker.steal(role, 1)
    document = json.loads(world.attacker.forge(role, lambda signed: signed))
    document["signatures"] *= 2
    world.attacker.serve(role, json.dumps(document).encode())

    assert world.device.update("a.bin") == Code.TUF_SHAPE
    assert world.device.fault == Malformed(
        code=Code.TUF_SHAPE, where="signatures[1]", expected="each key id once"
    )


def test_a_key_of_a_delegation_under_two_ids_counts_once(make_world: MakeWorld) -> None:
    """A delegator lists one key twice and asks for two: the delegated role cannot speak."""
    world = make_world(names_digests=False)
    rule = world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    signer = world.repository.signers["delegated"][0]
    twin = same_text(signer.public_key)
    delegations = world.repository.targets().delegations
    assert delegations is not None
    delegations.keys[twin.keyid] = twin
    rule.keyids.append(twin.keyid)
    rule.threshold = 2
    world.repository.signers["delegated"].append(disguised(signer, twin))
    world.repository.release("delegated", "targets")

    assert world.device.update("a.bin") is None
    assert world.device.update("d.bin") == Code.TUF_SIGNATURES_DELEGATED
    assert world.device.fault == QuorumUnmet(
        code=Code.TUF_SIGNATURES_DELEGATED,
        role="delegated",
        delegator="targets",
        threshold=2,
        signed=world.repository.holders("delegated", by="targets"),
        missing=(),
    )
    assert "metadata/delegated.json" not in world.device.state()
