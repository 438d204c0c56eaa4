"""Makes the seeds anew: documents of a simulated repository, and hostile ones by hand.

    python fuzz/make_seeds.py

The repository's keys are made, used and forgotten here: what is written is public. So every run
gives other keys and signatures, and the seeds of `trusted_set` belong together.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Document
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.encoding import canonical_json
from firmhold.trust.tuf.dialect import HOLDERS_FIELD
from fuzz.planting import plant
from fuzz.targets import DELEGATED_ROLE

KEYS_PER_ROLE = 2

HOSTILE_JSON: Mapping[str, bytes] = {
    "empty": b"",
    "nothing_but_space": b" \n\t",
    "nested_lists": b"[" * 500 + b"]" * 500,
    "nested_lists_unclosed": b"[" * 5000,
    "nested_objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "nested_to_the_bound": b"[" * 31 + b"1" + b"]" * 31,
    "duplicate_key": b'{"a":1,"a":2}',
    "duplicate_key_escaped": b'{"a":1,"\\u0061":2}',
    "duplicate_key_deep": b'{"s":[{"x":{},"y":0,"x":[]}]}',
    "lone_surrogate": b'{"a":"\\ud800"}',
    "lone_surrogate_key": b'{"\\udfff":1}',
    "surrogate_pair": b'["\\ud83d\\udd12"]',
    "surrogate_in_utf8": b'["\xed\xa0\x80"]',
    "overlong_utf8": b'["\xc0\xaf"]',
    "byte_order_mark": b"\xef\xbb\xbf{}",
    "utf16": '{"a":1}'.encode("utf-16"),
    "float": b"[7.0]",
    "float_exponent": b"[1e3]",
    "not_a_number": b"[NaN]",
    "infinity": b"[-Infinity]",
    "minus_zero": b"[-0]",
    "bignum_63": b"[9223372036854775807]",
    "bignum_64": b"[9223372036854775808]",
    "bignum_negative": b"[-9223372036854775808]",
    "bignum_long": b"[" + b"9" * 5000 + b"]",
    "leading_zero": b"[007]",
    "control_characters": b'{"\\u0000\\n\\u001f":"\\u007f\\t"}',
    "nul_that_looks_like_utf16": b'"\\u00000"',
    "bare_control_character": b'["a\nb"]',
    "quotes_and_backslashes": b'{"\\"\\\\":"\\/\\b\\f"}',
    "trailing_bytes": b"{}{}",
    "trailing_nul": b"{}\x00",
    "trailing_comma": b"[1,]",
    "comment": b"[1] // one",
    "truncated": b'{"signed":{"_type":"root","versi',
    "many_values": b"[" + b"0," * 2000 + b"0]",
    "keys_out_of_order": '{"b":1,"a":2,"\u00e9":3,"\U0001f512":4,"\uffff":5}'.encode(),
}

HOSTILE_NAMES: Mapping[str, bytes] = {
    "empty": b"",
    "dot": b".",
    "dot_dot": b"..",
    "climbing": b"../../etc/passwd",
    "absolute": b"/etc/passwd",
    "slashes": b"a//b/",
    "dot_segments": b"a/./b/../c",
    "quoted_slash": b"a%2Fb",
    "quoted_dots": b"%2e%2e/%2E%2E",
    "twice_quoted": b"%252e%252e%252f",
    "nul": b"a\x00.json",
    "backslashes": b"..\\..\\x",
    "drive": b"C:\\x",
    "device": b"CON",
    "query": b"a?b=c#d",
    "user_and_host": b"//user@host:80/x",
    "line_breaks": b"a\r\nHost: b",
    "non_ascii": "caf\u00e9/\u202egnp.exe".encode(),
    "long": b"a" * 300,
    "top_level": b"root",
    "versioned": b"1.root",
    "invalid_utf8": b"\xff\xfe/\xc0\xae",
}


def main() -> None:
    """Replace the seeds of every target."""
    with tempfile.TemporaryDirectory() as folder:
        honest = _repository(Path(folder))
    documents = {name.removesuffix(".json"): json.loads(data) for name, data in honest.items()}
    plant("json", {**HOSTILE_JSON, "root": honest["2.root.json"]})
    plant("names", HOSTILE_NAMES)
    plant("metadata", {**honest, **{name: _dump(each) for name, each in _bent(documents).items()}})
    plant("trusted_set", {**honest, **_attacks(documents)})


def _repository(folder: Path) -> dict[str, bytes]:
    """The published files of a small honest repository: two roots, one delegated role, targets."""
    repository = SimRepository(folder, SimClock(), thresholds=KEYS_PER_ROLE)
    repository.names_digests = False
    first = repository.published["root"]
    keys = sorted(repository.root.keys)
    repository.root.unrecognized_fields[HOLDERS_FIELD] = {key: f"holder {key[:4]}" for key in keys}
    repository.publish("root")
    repository.delegate(DELEGATED_ROLE, paths=["feature/*"], terminating=True)
    seats = repository.signers[DELEGATED_ROLE]
    holders = {signer.public_key.keyid: "feature desk" for signer in seats}
    repository.targets().unrecognized_fields[HOLDERS_FIELD] = holders
    repository.add_target("targets", "top/file.bin", b"a file").unrecognized_fields["custom"] = {
        "product": "example"
    }
    repository.add_target(DELEGATED_ROLE, "feature/file.bin", b"another file")
    repository.release(DELEGATED_ROLE, "targets")
    roles = ("timestamp", "snapshot", "targets", DELEGATED_ROLE)
    return {
        "1.root.json": first,
        "2.root.json": repository.published["root"],
        **{f"{role}.json": repository.published[role] for role in roles},
    }


def _bent(documents: Mapping[str, Document]) -> dict[str, Document]:
    """Documents of an odd but telling shape, under the signatures of the honest ones."""
    root, targets = documents["2.root"], documents["targets"]
    key_id = next(iter(root["signed"]["keys"]))
    roles = root["signed"]["roles"]
    nobody = {**roles, "root": {**roles["root"], "threshold": 0}}
    entry = targets["signed"]["targets"]["top/file.bin"]
    rule = targets["signed"]["delegations"]["roles"][0]
    bins = {"keyids": rule["keyids"], "threshold": 1, "bit_length": 4, "name_prefix": "bin"}
    hashed = {name: rule[name] for name in ("keyids", "name", "threshold", "terminating")}
    return {
        "root_threshold_zero": _with(root, roles=nobody),
        "root_unknown_key_type": _with(root, keys={key_id: {"keytype": "sphincs", "scheme": "x"}}),
        "root_other_key_kinds": _signed_by_other_kinds(root),
        "root_small_order_key": _with(root, keys={key_id: _SMALL_ORDER_KEY}),
        "root_key_type_list": _with(root, keys={key_id: {**_PEM_KEY, "keytype": ["rsa"]}}),
        "root_mirrors_role": _with(root, roles={**roles, "mirrors": roles["root"]}),
        "root_no_consistent_snapshot": _with(root, consistent_snapshot=None),
        "root_version_true": _with(root, version=True),
        "root_version_float": _with(root, version=2.0),
        "root_expires_never": _with(root, expires="9999-12-31T23:59:59Z"),
        "root_expires_year_0": _with(root, expires="0000-01-01T00:00:00Z"),
        "root_spec_version_2": _with(root, spec_version="2.0.0"),
        "root_spec_version_short": _with(root, spec_version="1.0"),
        "root_pem_key": _with(root, keys={**root["signed"]["keys"], key_id: _PEM_KEY}),
        "timestamp_extra_meta": _with(
            documents["timestamp"], meta={"snapshot.json": {"version": 1}}
        ),
        "snapshot_odd_names": _with(
            documents["snapshot"], meta={"../x.json": {"version": 1}, "": {"version": 9}}
        ),
        "targets_hash_bins": _with(targets, delegations={"keys": {}, "succinct_roles": bins}),
        "targets_hash_prefixes": _with(
            targets,
            delegations={"keys": {}, "roles": [{**hashed, "path_hash_prefixes": ["", "0", "zz"]}]},
        ),
        "targets_patterns": _with(
            targets, delegations={"keys": {}, "roles": [{**hashed, "paths": ["[", "[!a-]*?", ""]}]}
        ),
        "targets_odd_paths": _with(targets, targets={"../a": entry, "/": entry, "\u00e9\n": entry}),
        "targets_odd_hashes": _with(targets, targets={"a": {"length": 0, "hashes": {"md5": ""}}}),
    }


_PEM_KEY = {
    "keytype": "rsa",
    "scheme": "rsassa-pss-sha256",
    "keyval": {"public": "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"},
}
"""PEM around DER that is no key."""


_SMALL_ORDER_KEY = {
    "keytype": "ed25519",
    "scheme": "ed25519",
    "keyval": {"public": "01" + "00" * 31},
}
"""A key for which anybody can sign."""


def _signed_by_other_kinds(root: Document) -> Document:
    """A root of two keys, ECDSA and RSA, properly signed by both."""
    signers = [CryptoSigner.generate_ecdsa(), CryptoSigner.generate_rsa()]
    keys = {signer.public_key.keyid: signer.public_key.to_dict() for signer in signers}
    authority = {"keyids": list(keys), "threshold": len(keys)}
    roles = dict.fromkeys(root["signed"]["roles"], authority)
    signed = {**root["signed"], "keys": keys, "roles": roles}
    payload = canonical_json(signed)
    return {
        "signed": signed,
        "signatures": [signer.sign(payload).to_dict() for signer in signers],
    }


def _with(document: Document, **fields: object) -> Document:
    return {**document, "signed": {**document["signed"], **fields}}


def _attacks(documents: Mapping[str, Document]) -> dict[str, bytes]:
    """What somebody on the wire could offer: the honest signatures, around something else."""
    root, timestamp = documents["2.root"], documents["timestamp"]
    twice = {**timestamp, "signatures": [*timestamp["signatures"][:1]] * KEYS_PER_ROLE}
    return {
        "attack_root_version_3": _dump(_with(root, version=3)),
        "attack_timestamp_newer": _dump(_with(timestamp, version=10**9)),
        "attack_timestamp_one_signature_twice": _dump(twice),
        "attack_timestamp_unsigned": _dump({**timestamp, "signatures": []}),
        "attack_targets_as_timestamp": _dump(_with(documents["targets"], _type="timestamp")),
        "attack_duplicate_signed": b'{"signed":{"_type":"root"},' + _dump(root)[1:],
        "honest_with_foreign_signature": _dump(
            {**root, "signatures": [*root["signatures"], {"keyid": "x", "sig": "00"}]}
        ),
        "honest_reindented": json.dumps(documents["snapshot"], indent=3).encode(),
    }


def _dump(document: Document) -> bytes:
    return json.dumps(document).encode()


if __name__ == "__main__":
    main()
