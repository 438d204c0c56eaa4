"""Words between a device and its vendor, thrown as any bytes at who reads them.

* `settings`: refused, or settings whose bases are bare places and whose keys can be asked.
* `freshness`: an attacker without keys tells no time; a statement or a proof that is read says what
  is written, and nothing else.
* `time_floor`: a stored floor is damaged, or read as it was written, and answers at any uptime.
* `offline_update`: an attacker without keys directs no device.
* `version_manifest`: an attacker without the device's key reports nothing.
* `rollout_act`: an attacker without an operator's key directs no rollout.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from urllib.parse import urlsplit

from firmhold.sim.clock import BEGIN
from firmhold.sim.settings import DAY_SECONDS, sim_settings
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import Kind, parse_document
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.errors import Damaged, Refused
from firmhold.trust.freshness.statement import (
    KIND,
    Question,
    SignedTime,
    parse_proof,
    read_statement,
    verify_statement,
)
from firmhold.trust.freshness.time_floor import TimeFloor, Uptime
from firmhold.trust.governance.rollout_act import KIND as ACT_KIND
from firmhold.trust.governance.rollout_act import read_act, verify_act
from firmhold.trust.keys import parse_public_key
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import PermittedJump, TrustSettings
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Root
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.offline import Addressee, verify_offline_update
from firmhold.trust.uptane.version_manifest import KIND as REPORT_KIND
from firmhold.trust.uptane.version_manifest import KnownDevice, read_manifest, verify_manifest
from firmhold.trust.verified import Verified, seal
from fuzz.promises import SEEDS, BrokenPromise, require_same_payload

DEVICE = DeviceId("camera-7")
NONCE = b"n" * 32
QUESTION = Question(DEVICE, NONCE, 5, b"d" * 32)
STATEMENT, PROOF, ORDER, REPORT = "statement.json", "proof.json", "order.json", "report.json"
ACT = "act.json"

_NOW = BEGIN + timedelta(hours=12)
_UPTIMES = (Uptime("boot 1", 0), Uptime("boot 2", 7), Uptime("boot 1", 2**62))
_PERMITTED = PermittedJump(DAY_SECONDS, DAY_SECONDS)


def fuzz_settings(data: bytes) -> None:
    """The reader of trust settings: refused, or values that keep their promises."""
    try:
        settings = parse_settings(data)
    except Refused:
        return
    for base in settings.payload_bases:
        require_bare_place(base.url)
        if base.url.startswith("https") != bool(base.authorities):
            raise BrokenPromise("https_has_authorities_of_its_own", base.url)
    if not 0 <= settings.permitted_jump.per_boot <= settings.permitted_jump.total:
        raise BrokenPromise("a_boot_jumps_no_further_than_all")
    for entry in settings.freshness_keys:
        bench = settings.freshness_bench(entry.epoch, _NOW, _NOW)
        if len(bench.seats) > len(settings.freshness_keys):
            raise BrokenPromise("a_seat_is_a_key")
    settings.offline_bench(_NOW, _NOW)


def fuzz_freshness(data: bytes) -> None:
    """As a statement beside an honest proof, and as a proof beside an honest statement."""
    if told_time(data, genuine("freshness", PROOF)) is not None:
        require_same_payload(genuine("freshness", STATEMENT), data)
    told_time(genuine("freshness", STATEMENT), data)
    try:
        proof = parse_proof(data)
        if parse_proof(proof.to_bytes()) != proof:
            raise BrokenPromise("a_proof_reads_back")
    except Refused:
        pass
    _require_faithful(data, KIND, lambda signed: read_statement(signed).to_json())


def fuzz_time_floor(data: bytes) -> None:
    """A stored floor: damaged, or the same again; its time is never below it."""
    try:
        floor = TimeFloor.parse(data)
    except Damaged:
        return
    if TimeFloor.parse(floor.to_bytes()) != floor:
        raise BrokenPromise("a_floor_reads_back")
    for uptime in _UPTIMES:
        later = floor.advanced(uptime)
        if not floor.floor <= floor.now(uptime) == later.now(uptime):
            raise BrokenPromise("time_never_falls_below_the_floor")
        if floor.epoch == 1:
            later.under(_root(), uptime, _PERMITTED)


def fuzz_offline_update(data: bytes) -> None:
    """An offline update: refused, or the one that its holders signed."""
    if directed(data):
        require_same_payload(genuine("offline_update", ORDER), data)


def fuzz_rollout_act(data: bytes) -> None:
    """A rollout act: refused, or the one that an operator signed."""
    with suppress(Refused):
        verify_act(data, _settings(), 0, _NOW)
        require_same_payload(genuine("rollout_act", ACT), data)
    _require_faithful(data, ACT_KIND, lambda signed: read_act(signed).to_json())


def fuzz_version_manifest(data: bytes) -> None:
    """A report: refused, or the one that the device signed; what is read is what is written."""
    if reported(data):
        require_same_payload(genuine("version_manifest", REPORT), data)
    _require_faithful(data, REPORT_KIND, lambda signed: read_manifest(signed).to_json())


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "settings": fuzz_settings,
    "freshness": fuzz_freshness,
    "time_floor": fuzz_time_floor,
    "offline_update": fuzz_offline_update,
    "version_manifest": fuzz_version_manifest,
    "rollout_act": fuzz_rollout_act,
}


@cache
def genuine(target: str, name: str) -> bytes:
    """The bytes of an honest document, as they stand among the seeds of a target."""
    return (SEEDS / target / name).read_bytes()


def told_time(statement: bytes, proof: bytes) -> SignedTime | None:
    """What an honest device hears; None if it refuses."""
    try:
        return verify_statement(
            statement, proof, QUESTION, settings=_settings(), root=_root(), now=_NOW
        ).value
    except Refused:
        return None


def directed(data: bytes) -> bool:
    """Whether an honest device takes an offline update."""
    addressee = Addressee(DEVICE, frozenset({"line-3"}))
    try:
        verify_offline_update(data, _settings(), addressee, 0, _NOW)
    except Refused:
        return False
    return True


def reported(data: bytes) -> bool:
    """Whether an honest server takes a report in."""
    try:
        verify_manifest(data, _known(), NONCE)
    except Refused:
        return False
    return True


def require_bare_place(url: str) -> None:
    """A base URL is a scheme, a host, perhaps a port and a path, to a reader of no relation."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username or parts.password or "@" in url:
        raise BrokenPromise("a_base_carries_nothing", url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or ".." in parts.path.split("/"):
        raise BrokenPromise("a_base_is_a_place", url)
    _ = parts.port


def _require_faithful(data: bytes, kind: Kind, again: Callable[[JsonObject], JsonObject]) -> None:
    try:
        document = parse_document(data, kind)
        written = again(document.signed)
    except Refused:
        return
    if canonical_json(written) != document.payload:
        raise BrokenPromise("what_is_read_is_what_was_signed")


@cache
def _root() -> Verified[Root]:
    return TrustedSet.pin(SimVendor().root, FIRMHOLD).root


@cache
def _settings() -> Verified[TrustSettings]:
    return seal(parse_settings(json.dumps(sim_settings()).encode()))


@cache
def _known() -> KnownDevice:
    signer = sim_signer(DEVICE)
    key = parse_public_key(signer.entry)
    if key is None:
        raise BrokenPromise("a_signer_has_a_key")
    return KnownDevice(DEVICE, signer.key_id, key, frozenset({ComponentId("main")}), 0)
