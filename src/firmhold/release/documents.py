"""TUF metadata as the desk writes them: from `tuf.api` objects to bytes, and signatures onto them.

Bytes are canonical JSON with signatures sorted by key id, so that the same content signed by the
same holders is the same file, whoever signed first.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from securesystemslib.signer import Key
from tuf.api.metadata import Signed, TargetFile

from firmhold.signing.ports import Signer
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.keys import KeyId
from firmhold.trust.tuf.dialect import HOLDERS_FIELD
from firmhold.trust.tuf.schema import TOP_LEVEL, a_number
from firmhold.trust.tuf.wire import Envelope, parse_envelope

DELEGATED = ("feature", "security")
"""The two release authorities; neither can sign for the other."""

ONLINE = ("snapshot", "timestamp")
"""The roles of the image repository whose one key a machine holds."""

DRAFTED = ("targets", *DELEGATED)
"""The roles that are drafted at the desk and signed by holders."""

LIFETIMES = {
    "root": timedelta(days=365),
    "targets": timedelta(days=365),
    "feature": timedelta(days=90),
    "security": timedelta(days=90),
    "snapshot": timedelta(days=30),
    "timestamp": timedelta(days=7),
}
"""How long metadata live from the moment they are written."""

ROLES = tuple(LIFETIMES)
"""Every role of a domain, delegators first."""


def kind_of(role: str) -> str:
    """Return the `_type` of a role's metadata."""
    return role if role in TOP_LEVEL else "targets"


def expiry(role: str, now: datetime) -> datetime:
    """Return when metadata of `role` written now expire, on a whole second."""
    return now.replace(microsecond=0) + LIFETIMES[role]


def version_of(envelope: Envelope) -> int:
    """Return the version that well-formed metadata bear."""
    return a_number(envelope.signed["version"], "signed.version", 1)


def expectation_of(path: str, file: TargetFile) -> Expectation:
    """Return what a target's entry says of its file."""
    return Expectation(path, file.length, dict(file.hashes), TARGET_FILE)


def public_keys(signers: Iterable[Signer]) -> dict[str, Key]:
    """Return the key table of `signers` as `tuf.api` wants it."""
    return {signer.key_id: Key.from_dict(signer.key_id, dict(signer.entry)) for signer in signers}


def holders(names: Mapping[KeyId, str]) -> dict[str, JsonValue]:
    """Return the extra field that says who holds each key of a delegator."""
    return {HOLDERS_FIELD: {str(key_id): name for key_id, name in names.items()}}


def unsigned(signed: Signed) -> bytes:
    """Return an envelope around `signed` that nobody has signed yet."""
    return _envelope(signed.to_dict(), {})


def wrapped(signed: JsonObject) -> bytes:
    """Return an envelope around a document's own words that nobody has signed yet."""
    return _envelope(signed, {})


def with_signatures(data: bytes, role: str, signatures: Mapping[str, str]) -> bytes:
    """Return `data` with more signatures, by key id."""
    envelope = parse(data, role)
    return _envelope(envelope.signed, _signatures(envelope) | dict(signatures))


def normal_form(envelope: Envelope) -> bytes:
    """Return the one spelling of an envelope, whatever stood around it where it was read."""
    return _envelope(envelope.signed, _signatures(envelope))


def add_signature(data: bytes, role: str, signer: Signer) -> bytes:
    """Return `data` with the signature of `signer`, in place of an older one of the same key."""
    envelope = parse(data, role)
    signature = {str(signer.key_id): signer.sign(envelope.payload)}
    return _envelope(envelope.signed, _signatures(envelope) | signature)


def parse(data: bytes, role: str) -> Envelope:
    """Read metadata of `role` strictly, in the desk's own dialect."""
    return parse_envelope(data, kind_of(role), role)


def _signatures(envelope: Envelope) -> dict[str, str]:
    return {str(signature.key_id): signature.sig for signature in envelope.signatures}


def _envelope(signed: JsonObject, signatures: Mapping[str, str]) -> bytes:
    listed: list[JsonValue] = [
        {"keyid": key_id, "sig": signatures[key_id]} for key_id in sorted(signatures)
    ]
    return canonical_json({"signatures": listed, "signed": signed})
