"""Honest trust settings of a simulated domain, as the JSON object that its targets role signs.

Keys are made from names (`sim_signer`), so a test that wants to sign as somebody names them:
`freshness-1` is the freshness key of epoch 1, `offline-1` to `offline-3` hold the offline-update
keys, `operator-1` directs everything.
"""

import hashlib
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

from firmhold.sim.clock import BEGIN
from firmhold.sim.signer import sim_signer
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.shape import written_date

YEAR = timedelta(days=365)
DAY_SECONDS = 86_400


def sim_key(name: str) -> JsonObject:
    """Return the public key that belongs to `name`, as an entry of a key table."""
    return dict(sim_signer(name).entry)


def sim_certificate(name: str) -> str:
    """Return a certificate that the key of `name` made for itself, in PEM form."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    builder = CertificateBuilder(subject, subject, key.public_key(), 1, BEGIN, BEGIN + 20 * YEAR)
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


def sim_settings() -> JsonObject:
    """Return settings that a device of a staging domain may believe; open for editing."""
    long = written_date(BEGIN + 100 * YEAR)
    holders: list[JsonValue] = [
        {"holder": name, "key": sim_key(name)} for name in ("offline-1", "offline-2", "offline-3")
    ]
    return {
        "format": 1,
        "critical": {},
        "server_pins": {"current": ["aa" * 32], "next": ["bb" * 32]},
        "freshness_keys": [
            {"epoch": epoch, "holder": "director", "key": sim_key(f"freshness-{epoch}")}
            for epoch in (1, 2)
        ],
        "logs": [
            {
                "origin": "log.example/old",
                "key": sim_key("log-0"),
                "end": {"valid_until_size": 7, "root": "cc" * 32, "successor": "log.example/new"},
            },
            {"origin": "log.example/new", "key": sim_key("log-1"), "end": None},
        ],
        "witnesses": [{"name": "witness.example", "key": sim_key("witness"), "valid_until": long}],
        "algorithms": {"ed25519": {"sign_until": long, "accept_until": long}},
        "ek_roots": [sim_certificate("chip maker")],
        "offline_rules": {"most_days": 30, "groups": True},
        "permitted_time_jump": {"per_boot": 30 * DAY_SECONDS, "total": 90 * DAY_SECONDS},
        "operators": [
            {
                "holder": "operator-1",
                "key": sim_key("operator-1"),
                "scope": ["*"],
                "valid_until": long,
            }
        ],
        "payload_bases": [
            {"url": "https://payload.example/f", "ca": [sim_certificate("payload CA")]},
            {"url": "http://cache.example:8080", "ca": None},
        ],
        "offline_update": {"threshold": 2, "keys": holders},
        "log_policy": "none",
    }
