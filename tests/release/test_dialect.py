"""What our devices demand of our repository, and a plain client does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import MetaFile

from firmhold.interop.client import pin
from firmhold.release.documents import add_signature
from firmhold.sim.desk import SimSite
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.tuf.dialect import FIRMHOLD, HOLDERS_FIELD, PLAIN_TUF

MakeFile = Callable[..., Path]
PATH = "feature/thing/a.bin"


@pytest.fixture
def released(vendor: SimVendor, make_file: MakeFile) -> SimVendor:
    """A vendor with one release."""
    vendor.release("feature", make_file("a.bin"))
    return vendor


def resigned(data: bytes, role: str, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """Metadata with the signed part changed, signed anew by every holder of the role."""
    signed = json.loads(data)["signed"]
    edit(signed)
    data = canonical_json({"signatures": [], "signed": signed})
    names = [role] if role in {"snapshot", "timestamp"} else [f"{role}-{n}" for n in (1, 2, 3)]
    for name in names:
        data = add_signature(data, role, sim_signer(name))
    return data


def serve_other_targets(vendor: SimVendor, edit: Callable[[dict[str, Any]], object]) -> None:
    """Publish changed top-level targets under rightly signed snapshot and timestamp."""
    assert isinstance(vendor.site, SimSite)
    served = vendor.site.served

    def serve(place: str, role: str, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        served[place] = resigned(served[place], role, change)
        return MetaFile.from_data(1, served[place], ["sha256"]).to_dict()

    targets = serve("metadata/1.targets.json", "targets", edit)
    snapshot = serve(
        "metadata/1.snapshot.json",
        "snapshot",
        lambda signed: signed["meta"].update({"targets.json": targets}),
    )
    serve(
        "metadata/timestamp.json",
        "timestamp",
        lambda signed: signed["meta"].update({"snapshot.json": snapshot}),
    )


def test_targets_without_holders_are_read_by_plain_clients_only(released: SimVendor) -> None:
    """A device refuses a delegator that does not say who holds its keys."""
    serve_other_targets(released, lambda signed: signed.pop(HOLDERS_FIELD))
    plain = SimReader(released.site, released.root, released.clock, PLAIN_TUF)
    assert plain.read(PATH) == b"firmware"
    ours = SimReader(released.site, released.root, released.clock, FIRMHOLD)
    with pytest.raises(Refused) as error:
        ours.read(PATH)
    assert error.value.code is Code.TUF_HOLDERS


def test_a_key_without_a_holder_is_named(released: SimVendor) -> None:
    """The refusal says which key nobody answers for."""
    key_id = str(sim_signer("security-2").key_id)
    serve_other_targets(released, lambda signed: signed[HOLDERS_FIELD].pop(key_id))
    reader = SimReader(released.site, released.root, released.clock)
    with pytest.raises(Refused) as error:
        reader.read(PATH)
    where = f"signed.{HOLDERS_FIELD}.{key_id}"
    fault = Malformed(code=Code.TUF_HOLDERS, where=where, expected="a holder")
    assert error.value.fault == fault


def test_two_keys_of_one_person_are_no_quorum_for_a_device(released: SimVendor) -> None:
    """A release signed by one person with two keys passes a plain client, and no device of ours."""

    def give_two_seats_to_one(signed: dict[str, Any]) -> None:
        for holder in ("feature-1", "feature-2"):
            signed[HOLDERS_FIELD][sim_signer(holder).key_id] = "the same person"

    serve_other_targets(released, give_two_seats_to_one)
    plain = SimReader(released.site, released.root, released.clock, PLAIN_TUF)
    assert plain.read(PATH) == b"firmware"
    with pytest.raises(Refused) as error:
        SimReader(released.site, released.root, released.clock).read(PATH)
    assert error.value.code is Code.TUF_SIGNATURES_DELEGATED


def test_a_root_without_holders_is_pinned_by_plain_clients_only(released: SimVendor) -> None:
    """A device does not begin with a root that does not say who holds its keys."""
    root = resigned(released.root, "root", lambda signed: signed.pop(HOLDERS_FIELD))
    plain = SimReader(released.site, root, released.clock, PLAIN_TUF)
    assert plain.refresh().root.value.version == 1
    with pytest.raises(Refused) as error:
        pin(plain, root, FIRMHOLD)
    assert error.value.code is Code.TUF_HOLDERS
