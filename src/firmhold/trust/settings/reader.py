"""`trust/settings.json` from bytes, strictly; the result is not yet believed.

Every member of format 1 must be there. A member at the top that format 1 does not know is passed
over, so that a later one can say more to later devices (`server_authorities` came so, and may be
missing); what an older device must not pass over
stands in the map `critical`, and an unknown name there refuses the whole. Inside the members
nothing unknown is passed over. A key that cannot be read has no seat, and the document stands.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import TypeVar

from firmhold.trust.encoding import JsonObject, JsonValue, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.keys import PublicKey, derived_key_id, parse_public_key
from firmhold.trust.quorum import Holder, Seat
from firmhold.trust.settings.payload_base import read_certificates, read_payload_base
from firmhold.trust.settings.trust_settings import (
    Algorithm,
    AppointedKey,
    FreshnessKey,
    LogEnd,
    LogKey,
    OfflineRules,
    Operator,
    PermittedJump,
    ServerPins,
    TrustSettings,
    Witnessed,
    WitnessKey,
)
from firmhold.trust.shape import MAX_TEXT, Shape

FORMAT = 1
MAX_BYTES = 262_144
MOST_ENTRIES = 256
MOST_OFFLINE_DAYS = 30
"""No offline update lives longer, whatever the settings would like."""

MOST_JUMP = 10 * 366 * 86_400
"""Seconds of ten years: a permitted jump beyond that permits everything."""

T = TypeVar("T")

_SHAPE = Shape(Code.SETTINGS_SHAPE)
_CRITICAL = Shape(Code.SETTINGS_CRITICAL)
_LOG_POLICY = Shape(Code.SETTINGS_LOG_POLICY)
_MEMBERS = (
    "server_pins",
    "freshness_keys",
    "logs",
    "witnesses",
    "algorithms",
    "ek_roots",
    "offline_rules",
    "permitted_time_jump",
    "operators",
    "payload_bases",
    "offline_update",
)


def parse_settings(data: bytes) -> TrustSettings:
    """Read the settings. Raises `Refused`."""
    found = _SHAPE.an_object(parse_json(data, max_bytes=MAX_BYTES), "settings")
    version = _SHAPE.a_number(found.get("format"), "settings.format")
    if version != FORMAT:
        code = Code.SETTINGS_FORMAT
        fault = Mismatch(code=code, what="format", expected=str(FORMAT), found=str(version))
        raise Refused(fault)
    for name in _SHAPE.an_object(found.get("critical"), "settings.critical"):
        raise _CRITICAL.refusal(
            f"settings.critical.{name[:MAX_TEXT]}", "a name that this format knows"
        )
    known: JsonObject = {name: found[name] for name in _MEMBERS if name in found}
    authorities = found.get("server_authorities", [])
    _SHAPE.members(known, "settings", _MEMBERS)
    threshold, keys = _offline_update(known["offline_update"], "settings.offline_update")
    return TrustSettings(
        server_pins=_server_pins(known["server_pins"], "settings.server_pins"),
        server_authorities=read_certificates(_SHAPE, authorities, "settings.server_authorities"),
        freshness_keys=_each(known, "freshness_keys", _freshness_key),
        logs=_each(known, "logs", _log),
        witnesses=_each(known, "witnesses", _witness),
        algorithms=_algorithms(known["algorithms"], "settings.algorithms"),
        ek_roots=read_certificates(_SHAPE, known["ek_roots"], "settings.ek_roots"),
        offline_rules=_offline_rules(known["offline_rules"], "settings.offline_rules"),
        permitted_jump=_permitted_jump(
            known["permitted_time_jump"], "settings.permitted_time_jump"
        ),
        operators=_each(known, "operators", _operator),
        payload_bases=_each(known, "payload_bases", read_payload_base),
        offline_keys=keys,
        offline_threshold=threshold,
        log_policy=_log_policy(found.get("log_policy"), "settings.log_policy"),
    )


def _each(
    known: JsonObject, name: str, read: Callable[[JsonValue, str], T | None]
) -> tuple[T, ...]:
    """What `read` makes of each entry of a list; None is an entry without a readable key."""
    entries = _SHAPE.a_list(known[name], f"settings.{name}", MOST_ENTRIES, read)
    return tuple(entry for entry in entries if entry is not None)


def _server_pins(value: JsonValue, where: str) -> ServerPins:
    members = _SHAPE.members(value, where, ("current", "next"))

    def pins(name: str) -> frozenset[bytes]:
        place = f"{where}.{name}"
        return frozenset(_SHAPE.a_list(members[name], place, MOST_ENTRIES, _SHAPE.some_bytes))

    if not pins("current"):
        raise _SHAPE.refusal(f"{where}.current", "at least one pin")
    return ServerPins(pins("current"), pins("next"))


def _freshness_key(value: JsonValue, where: str) -> FreshnessKey | None:
    members = _SHAPE.members(value, where, ("epoch", "holder", "key"))
    epoch = _SHAPE.a_number(members["epoch"], f"{where}.epoch", 1)
    key = _appointed(members, where)
    return None if key is None else FreshnessKey(epoch, key)


def _log(value: JsonValue, where: str) -> LogKey | None:
    members = _SHAPE.members(value, where, ("origin", "key", "end"))
    origin = _SHAPE.a_name(members["origin"], f"{where}.origin")
    end = None if members["end"] is None else _log_end(members["end"], f"{where}.end")
    key = _key(members["key"], f"{where}.key")
    return None if key is None else LogKey(origin, key, end)


def _log_end(value: JsonValue, where: str) -> LogEnd:
    members = _SHAPE.members(value, where, ("valid_until_size", "root", "successor"))
    successor = members["successor"]
    return LogEnd(
        _SHAPE.a_number(members["valid_until_size"], f"{where}.valid_until_size"),
        _SHAPE.some_bytes(members["root"], f"{where}.root"),
        None if successor is None else _SHAPE.a_name(successor, f"{where}.successor"),
    )


def _witness(value: JsonValue, where: str) -> WitnessKey | None:
    members = _SHAPE.members(value, where, ("name", "key", "valid_until"))
    name = _SHAPE.a_name(members["name"], f"{where}.name")
    until = _SHAPE.a_date(members["valid_until"], f"{where}.valid_until")
    key = _key(members["key"], f"{where}.key")
    return None if key is None else WitnessKey(name, key, until)


def _algorithms(value: JsonValue, where: str) -> MappingProxyType[str, Algorithm]:
    algorithms = {}
    for scheme, entry in _SHAPE.an_object(value, where).items():
        place = f"{where}.{scheme}"
        members = _SHAPE.members(entry, place, ("sign_until", "accept_until"))
        algorithms[scheme] = Algorithm(
            _SHAPE.a_date(members["sign_until"], f"{place}.sign_until"),
            _SHAPE.a_date(members["accept_until"], f"{place}.accept_until"),
        )
    return MappingProxyType(algorithms)


def _offline_rules(value: JsonValue, where: str) -> OfflineRules:
    members = _SHAPE.members(value, where, ("most_days", "groups"))
    return OfflineRules(
        _SHAPE.a_number(members["most_days"], f"{where}.most_days", 1, MOST_OFFLINE_DAYS),
        _SHAPE.a_flag(members["groups"], f"{where}.groups"),
    )


def _permitted_jump(value: JsonValue, where: str) -> PermittedJump:
    members = _SHAPE.members(value, where, ("per_boot", "total"))
    total = _SHAPE.a_number(members["total"], f"{where}.total", 0, MOST_JUMP)
    return PermittedJump(_SHAPE.a_number(members["per_boot"], f"{where}.per_boot", 0, total), total)


def _operator(value: JsonValue, where: str) -> Operator | None:
    members = _SHAPE.members(value, where, ("holder", "key", "scope", "valid_until"))
    scope = _SHAPE.a_list(members["scope"], f"{where}.scope", MOST_ENTRIES, _SHAPE.a_name)
    until = _SHAPE.a_date(members["valid_until"], f"{where}.valid_until")
    key = _appointed(members, where)
    return None if key is None else Operator(key, frozenset(scope), until)


def _offline_update(value: JsonValue, where: str) -> tuple[int, tuple[AppointedKey, ...]]:
    members = _SHAPE.members(value, where, ("threshold", "keys"))

    def appointed(entry: JsonValue, place: str) -> AppointedKey | None:
        return _appointed(_SHAPE.members(entry, place, ("holder", "key")), place)

    threshold = _SHAPE.a_number(members["threshold"], f"{where}.threshold", 1)
    keys = _SHAPE.a_list(members["keys"], f"{where}.keys", MOST_ENTRIES, appointed)
    return threshold, tuple(key for key in keys if key is not None)


def _log_policy(value: JsonValue, where: str) -> Witnessed | None:
    """`"none"`, or `{"witnessed": {"threshold": …}}`; absent is neither."""
    if value == "none":
        return None
    members = _LOG_POLICY.members(value, where, ("witnessed",))
    place = f"{where}.witnessed"
    inner = _LOG_POLICY.members(members["witnessed"], place, ("threshold",))
    return Witnessed(_LOG_POLICY.a_number(inner["threshold"], f"{place}.threshold", 1))


def _appointed(members: JsonObject, where: str) -> AppointedKey | None:
    holder = Holder(_SHAPE.a_name(members["holder"], f"{where}.holder"))
    key = _key(members["key"], f"{where}.key")
    entry = _SHAPE.an_object(members["key"], f"{where}.key")
    return None if key is None else AppointedKey(derived_key_id(entry), Seat(key, holder))


def _key(value: JsonValue, where: str) -> PublicKey | None:
    return parse_public_key(_SHAPE.an_object(value, where))
