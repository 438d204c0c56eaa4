"""An offline update as its holders would sign it onto a medium."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firmhold.sim.clock import BEGIN
from firmhold.sim.signer import sim_signer
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.shape import written_date
from firmhold.trust.uptane.offline import TAG

HOLDERS = ("offline-1", "offline-2")


def sim_order(
    targets: JsonObject, devices: Sequence[str] = (), groups: Sequence[str] = ()
) -> JsonObject:
    """Return the signed part of an offline update of a week; open for editing."""
    issued_at: datetime = BEGIN
    return {
        "tag": TAG,
        "version": 1,
        "issued_at": written_date(issued_at),
        "expires": written_date(issued_at + timedelta(days=7)),
        "devices": [*devices],
        "groups": [*groups],
        "targets": targets,
    }


def sim_offline_update(signed: JsonObject, holders: Sequence[str] = HOLDERS) -> bytes:
    """Return the document with the signatures of `holders`."""
    payload = canonical_json(signed)
    signers = [sim_signer(name) for name in holders]
    return document_bytes(signed, [(each.key_id, each.sign(payload)) for each in signers])
