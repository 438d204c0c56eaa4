"""What a fleet server stores.

A table belongs to the part whose name it begins with: only that part writes it. Moments are whole
seconds since 1970; documents are bytes as they were signed or sent. Who may do what with a table,
where the database knows roles, stands in `roles`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

TABLES = MetaData()
NUMBERED = BigInteger().with_variant(Integer, "sqlite")
"""Of the rows of an inbox; SQLite numbers by itself what it calls INTEGER, and nothing else."""

# ── ca: who may have a certificate ───────────────────────────────────────────
TOKENS = Table(
    "ca_tokens",
    TABLES,
    Column("sha256", String(64), primary_key=True),  # the token itself is nowhere
    Column("device", String(64), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)
ENROLLED = Table(
    "ca_devices",
    TABLES,
    Column("device", String(64), primary_key=True),
    Column("key", LargeBinary, nullable=False),  # the entry of its signing key, as in a key table
    Column("state", String(16), nullable=False),  # active, quarantined, revoked
    Column("tier", String(16), nullable=False),  # tpm, file: where its signing key lives
    Column("endorsement", String(64), unique=True),  # SHA-256 of the TPM's endorsement key
    Column("enrolled_at", BigInteger, nullable=False),
)
CERTIFICATES = Table(
    "ca_certificates",
    TABLES,
    Column("serial", String(40), primary_key=True),  # lower-case hexadecimal
    Column("device", String(64), nullable=False, index=True),
    Column("class", String(16), nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
    Column("superseded_at", BigInteger),  # from when on a later one has taken its place
    Column("sha256", String(64), nullable=False),  # of all of it: a serial number can be copied
    Column("authority", String(64), nullable=False),  # SHA-256 of the issuer's SubjectPublicKeyInfo
)

# ── director: what is meant for whom ─────────────────────────────────────────
DEVICES = Table(
    "director_devices",
    TABLES,
    Column("device", String(64), primary_key=True),
    Column("product", String(256), nullable=False),
    Column("component", String(256), nullable=False),
    Column("model", String(256), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger),
    Column("report", LargeBinary),  # the signed part of the last report, canonical JSON
    Column("reported_at", BigInteger),
    Column("counter", BigInteger, nullable=False, default=0),  # of the last report
)
WORDS = Table(
    "director_words",
    TABLES,
    Column("device", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("about", String(64), nullable=False),  # digest of the release; empty: nothing
    Column("timestamp", LargeBinary, nullable=False),
    Column("snapshot", LargeBinary, nullable=False),
    Column("targets", LargeBinary, nullable=False),
    Column("renew_at", BigInteger, nullable=False, index=True),
)
WORDS_BEFORE = Table(
    "director_words_before",
    TABLES,
    Column("device", String(64), primary_key=True),  # one that is being fetched goes on
    Column("version", BigInteger, nullable=False),
    Column("snapshot", LargeBinary, nullable=False),
    Column("targets", LargeBinary, nullable=False),
)
ACTS = Table(
    "director_acts",
    TABLES,
    Column("rollout", String(256), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False),
)
ROLLOUTS = Table(
    "director_rollouts",
    TABLES,
    Column("rollout", String(256), primary_key=True),
    Column("product", String(256), nullable=False, index=True),
    Column("release", String(64), nullable=False),
    Column("opened", String, nullable=False),  # JSON: when each wave was opened
    Column("forgiven", String, nullable=False),  # JSON: devices whose failures were known
    Column("halted", String(16)),
    Column("replaced", Boolean, nullable=False, default=False),  # by a later one of its product
)
OUTCOMES = Table(
    "director_outcomes",
    TABLES,
    Column("device", String(64), primary_key=True),
    Column("release", String(64), primary_key=True),
    Column("verdict", String(16), nullable=False),  # installed, failed, withdrawn
    Column("at", BigInteger, nullable=False),
)
TAKEN = Table(
    "director_taken",
    TABLES,
    Column("device", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),  # of the signed part of a report
)
REFUSED = Table(
    "director_refused",
    TABLES,
    Column("device", String(64), primary_key=True),
    Column("code", String(64), primary_key=True),  # of the check that refused its reports
    Column("times", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),  # the last one
)
READ_UP_TO = Table(
    "director_read_up_to",
    TABLES,
    Column("inbox", String(32), primary_key=True),
    Column("id", BigInteger, nullable=False),
)

# ── gateway: what came in, and nothing else ──────────────────────────────────
REPORTS = Table(
    "gateway_reports",
    TABLES,
    Column("id", NUMBERED, Identity(), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
CHECK_INS = Table(
    "gateway_check_ins",
    TABLES,
    Column("id", NUMBERED, Identity(), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)
SUPERSEDED = Table(
    "gateway_superseded",
    TABLES,
    Column("id", NUMBERED, Identity(), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("serial", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
)
