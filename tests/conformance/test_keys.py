"""Keys of every kind, thresholds, and ids that say nothing."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from securesystemslib.signer import CryptoSigner, SSlibKey

from firmhold.sim.attacker import disguised
from firmhold.sim.suite import SimSuite

Generate = Callable[[], CryptoSigner]


def rsa_signer(scheme: str) -> CryptoSigner:
    """A new RSA key for a scheme."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), scheme=scheme))


def ecdsa_signer(curve: ec.EllipticCurve, keytype: str, scheme: str) -> CryptoSigner:
    """A new elliptic curve key under a name of its type."""
    private = ec.generate_private_key(curve)
    key = SSlibKey.from_crypto(private.public_key(), scheme=scheme)
    return CryptoSigner(private, SSlibKey(key.keyid, keytype, scheme, dict(key.keyval)))


P256, P384 = ec.SECP256R1(), ec.SECP384R1()
KINDS: dict[str, Generate] = {
    "ed25519": CryptoSigner.generate_ed25519,
    "ecdsa-p256": lambda: ecdsa_signer(P256, "ecdsa", "ecdsa-sha2-nistp256"),
    "ecdsa-p256-older-keytype": lambda: ecdsa_signer(
        P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"
    ),
    "ecdsa-p384": lambda: ecdsa_signer(P384, "ecdsa", "ecdsa-sha2-nistp384"),
    "rsa-pss-sha256": lambda: rsa_signer("rsassa-pss-sha256"),
    "rsa-pss-sha512": lambda: rsa_signer("rsassa-pss-sha512"),
    "rsa-pkcs1v15-sha256": lambda: rsa_signer("rsa-pkcs1v15-sha256"),
    "rsa-pkcs1v15-sha512": lambda: rsa_signer("rsa-pkcs1v15-sha512"),
}


def hand_over(suite: SimSuite, role: str, *signers: CryptoSigner) -> None:
    """Let `signers`, and nobody else, sign for a role from the next root on."""
    for old in suite.repository.signers.pop(role):
        suite.repository.root.revoke_key(old.public_key.keyid, role)
    suite.repository.grant(role, *signers)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_every_kind_sign_for_every_role(suite: SimSuite, kind: str) -> None:
    """A repository whose roles sign with keys of one kind is followed, root included."""
    former = suite.repository.signers["root"][0]
    for role in ("root", "timestamp", "snapshot", "targets"):
        hand_over(suite, role, KINDS[kind]())
    suite.repository.signers["root"].append(former)
    suite.repository.publish("root", "targets", "snapshot", "timestamp")
    suite.repository.signers["root"].remove(former)
    suite.repository.publish("root")

    assert suite.client.refresh() == 0

    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": published[role] for role in published}


def test_keys_of_several_kinds_make_one_threshold(suite: SimSuite) -> None:
    """Three holders with three kinds of key sign together."""
    kinds = ("ed25519", "ecdsa-p256", "rsa-pss-sha256")
    hand_over(suite, "targets", *(KINDS[kind]() for kind in kinds))
    suite.repository.root.roles["targets"].threshold = 3
    suite.repository.publish("root")
    assert suite.client.refresh() == 1

    suite.repository.release("targets")
    assert suite.client.refresh() == 0


@pytest.mark.parametrize("key_id", ["abc", "not hexadecimal", "ü", "../..", "a" * 500, ""])
def test_a_key_id_is_a_name_and_nothing_more(suite: SimSuite, key_id: str) -> None:
    """An id that is not derived from its key names it all the same."""
    signer = CryptoSigner.generate_ed25519()
    key = signer.public_key
    named = SSlibKey(key_id, key.keytype, key.scheme, dict(key.keyval))
    hand_over(suite, "targets", disguised(signer, named))
    suite.repository.publish("root")
    suite.repository.release("targets")

    assert suite.client.refresh() == 0


def test_a_threshold_is_met_or_nothing_is_taken(suite: SimSuite) -> None:
    """As signers join, the client waits until there are enough, and keeps the roots meanwhile."""
    suite.repository.root.roles["snapshot"].threshold = 3
    suite.repository.publish("root")
    suite.repository.release("targets")
    assert suite.client.refresh() == 1
    assert suite.client.trusted()["root.json"] == suite.repository.published["root"]
    assert "snapshot.json" not in suite.client.trusted()

    suite.repository.grant("snapshot", *(CryptoSigner.generate_ed25519() for _ in range(2)))
    suite.repository.publish("root")
    suite.repository.release("targets")
    assert suite.client.refresh() == 0


def test_keys_in_the_table_do_not_count_unless_they_sign(suite: SimSuite) -> None:
    """A root that lists as many keys as its threshold has not thereby collected signatures."""
    assert suite.client.refresh() == 0
    newcomer = CryptoSigner.generate_ecdsa()
    suite.repository.root.add_key(newcomer.public_key, "snapshot")
    suite.repository.root.roles["snapshot"].threshold = 2
    suite.repository.publish("root", "snapshot", "timestamp")
    before = suite.client.trusted()

    assert suite.client.refresh() == 1

    assert suite.client.trusted()["snapshot.json"] == before["snapshot.json"]
    assert suite.client.trusted()["root.json"] == suite.repository.published["root"]


def test_a_key_id_without_a_key_does_not_count(suite: SimSuite) -> None:
    """A role that names an id beyond the table asks for one more signature than can be had."""
    suite.repository.root.roles["snapshot"].keyids.append("f" * 64)
    suite.repository.root.roles["snapshot"].threshold = 2
    suite.repository.publish("root")
    suite.repository.release("targets")

    assert suite.client.refresh() == 1
    assert "snapshot.json" not in suite.client.trusted()


def test_one_key_under_many_ids_is_one_key(suite: SimSuite) -> None:
    """Nine names of one key, each with its signature, do not make a threshold of two."""
    signer = CryptoSigner.generate_ecdsa()
    key = signer.public_key
    names = [
        SSlibKey(f"name-{number}", key.keytype, key.scheme, dict(key.keyval)) for number in range(9)
    ]
    hand_over(suite, "snapshot", *(disguised(signer, name) for name in names))
    suite.repository.root.roles["snapshot"].threshold = 2
    suite.repository.publish("root")
    suite.repository.release("targets")

    assert suite.client.refresh() == 1
    assert "snapshot.json" not in suite.client.trusted()


def test_members_of_a_key_that_the_specification_does_not_name_mean_nothing(
    suite: SimSuite,
) -> None:
    """An unknown hash algorithm for key ids, once common, changes nothing."""
    for key in suite.repository.root.keys.values():
        key.unrecognized_fields["keyid_hash_algorithms"] = ["md5"]
    suite.repository.publish("root")

    assert suite.client.refresh() == 0


def test_a_key_of_an_unknown_scheme_does_not_spoil_the_others(suite: SimSuite) -> None:
    """A root that lists a key of tomorrow is read today by the keys that are known."""
    tomorrow = SSlibKey("pq", "ml-dsa", "ml-dsa-65", {"public": "00"})
    suite.repository.root.keys["pq"] = tomorrow
    for role in suite.repository.root.roles.values():
        role.keyids.append("pq")
    suite.repository.publish("root")
    suite.repository.release("targets")

    assert suite.client.refresh() == 0
