"""`trust/settings.json` is read strictly, and says what it says in types."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest

from firmhold.sim.clock import BEGIN
from firmhold.sim.settings import DAY_SECONDS, YEAR, sim_certificate, sim_settings
from firmhold.sim.signer import sim_signer
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed, Mismatch
from firmhold.trust.keys import parse_public_key
from firmhold.trust.settings.reader import MAX_BYTES, MOST_ENTRIES, MOST_JUMP, parse_settings
from firmhold.trust.settings.trust_settings import (
    LogEnd,
    OfflineRules,
    PermittedJump,
    ServerPins,
    TrustSettings,
    Witnessed,
)

Edit = Callable[[dict[str, Any]], object]

LONG = BEGIN + 100 * YEAR
NO_KEY = {"keytype": "sphincs", "scheme": "sphincs", "keyval": {"public": "00"}}


def untouched(_: dict[str, Any]) -> None:
    """Leave honest settings as they are."""


def read(edit: Edit = untouched) -> TrustSettings:
    """What a device reads of honest settings after an edit."""
    settings: dict[str, Any] = deepcopy(sim_settings())
    edit(settings)
    return parse_settings(json.dumps(settings).encode())


def refusal(edit: Edit) -> Malformed:
    """The fault with which edited settings are refused."""
    with pytest.raises(Refused) as error:
        read(edit)
    assert isinstance(error.value.fault, Malformed)
    return error.value.fault


def test_pins_and_rules_are_read() -> None:
    """Server pins, offline rules, the permitted jump and the log policy come as they were said."""
    settings = read()
    assert settings.server_pins == ServerPins(frozenset({b"\xaa" * 32}), frozenset({b"\xbb" * 32}))
    assert settings.offline_rules == OfflineRules(most_days=30, groups=True)
    assert settings.permitted_jump == PermittedJump(30 * DAY_SECONDS, 90 * DAY_SECONDS)
    assert settings.log_policy is None
    assert settings.offline_threshold == 2


def test_keys_are_read_with_their_holders_and_bounds() -> None:
    """Each key stands with the epoch, the end or the date until which it counts."""
    settings = read()
    assert [entry.epoch for entry in settings.freshness_keys] == [1, 2]
    first = settings.freshness_keys[0].key
    assert first.key_id == sim_signer("freshness-1").key_id
    assert first.seat.key == parse_public_key(sim_signer("freshness-1").entry)
    assert first.seat.holder == "director"
    assert [key.seat.holder for key in settings.offline_keys] == [
        "offline-1",
        "offline-2",
        "offline-3",
    ]
    old, new = settings.logs
    assert (old.origin, old.end) == (
        "log.example/old",
        LogEnd(7, b"\xcc" * 32, "log.example/new"),
    )
    assert (new.origin, new.end) == ("log.example/new", None)
    assert [(each.name, each.valid_until) for each in settings.witnesses] == [
        ("witness.example", LONG)
    ]


def test_each_key_is_the_one_that_stands_there() -> None:
    """Logs, witnesses and operators are known by their own keys."""
    settings = read()
    named = {
        "log": settings.logs[0].key,
        "witness": settings.witnesses[0].key,
        "operator": settings.operators[0].key,
    }
    assert None not in named.values(), named


def test_the_least_values_are_values() -> None:
    """One day, one key and no jump at all may be what a vendor wants."""

    def edit(settings: dict[str, Any]) -> None:
        settings["offline_rules"].update(most_days=1)
        settings["offline_update"].update(threshold=1)
        settings["permitted_time_jump"].update(per_boot=0, total=0)

    settings = read(edit)
    assert settings.offline_rules.most_days == 1
    assert settings.offline_threshold == 1
    assert settings.permitted_jump == PermittedJump(0, 0)


def test_payload_bases_are_read() -> None:
    """A base has certificates of its own, or is plain HTTP."""
    secure, plain = read().payload_bases
    assert (secure.url, len(secure.authorities)) == ("https://payload.example/f", 1)
    assert (plain.url, plain.authorities) == ("http://cache.example:8080", ())
    assert len(read().ek_roots) == 1


def test_settings_may_name_authorities_of_the_server() -> None:
    """They came after the first settings were signed: without them there are none."""
    assert read().server_authorities == ()
    roots = read().ek_roots
    named = read(lambda s: s.update(server_authorities=s["ek_roots"]))
    assert named.server_authorities == roots


def test_a_log_policy_names_its_witnesses() -> None:
    """`witnessed` says how many witnesses must have seen a checkpoint."""
    policy = {"witnessed": {"threshold": 2}}
    assert read(lambda s: s.update(log_policy=policy)).log_policy == Witnessed(2)


def test_a_log_may_end_without_a_successor() -> None:
    """A log that was closed for good leads nowhere."""
    end = read(lambda s: s["logs"][0]["end"].update(successor=None)).logs[0].end
    assert end == LogEnd(7, b"\xcc" * 32, None)


def test_a_member_that_this_format_does_not_know_says_nothing() -> None:
    """Later settings may say more at the top to later devices."""
    assert read(lambda s: s.update(tea={"at": "five"})) == read()


@pytest.mark.parametrize(
    "name", ["freshness_keys", "logs", "witnesses", "operators", "offline_update"]
)
def test_a_key_of_a_kind_to_come_has_no_seat_and_spoils_nothing(name: str) -> None:
    """Settings with a key that an older device cannot read still serve that device."""

    def edit(settings: dict[str, Any]) -> None:
        entries = settings[name]["keys"] if name == "offline_update" else settings[name]
        entries.insert(0, {**entries[0], "key": NO_KEY})

    assert read(edit) == read()


def test_another_format_is_refused() -> None:
    """Settings of a format to come are for devices to come."""
    with pytest.raises(Refused) as error:
        read(lambda s: s.update(format=2))
    assert error.value.fault == Mismatch(
        code=Code.SETTINGS_FORMAT, what="format", expected="1", found="2"
    )


@pytest.mark.parametrize("name", ["tea", "t" * 9999], ids=["short", "long"])
def test_an_unknown_critical_name_refuses_the_whole(name: str) -> None:
    """What an older device must not pass over, it does not pass over."""
    fault = refusal(lambda s: s["critical"].update({name: {}}))
    assert fault == Malformed(
        code=Code.SETTINGS_CRITICAL,
        where=f"settings.critical.{name[:256]}",
        expected="a name that this format knows",
    )


def test_settings_beyond_the_bound_are_not_read() -> None:
    """Nobody makes a device read endless settings."""
    with pytest.raises(Refused) as error:
        parse_settings(b" " * (MAX_BYTES + 1))
    assert error.value.code is Code.ENCODING_TOO_LARGE


@pytest.mark.parametrize("name", sorted(sim_settings()))
def test_no_member_may_be_missing(name: str) -> None:
    """A rule that is not there is not guessed, a log policy least of all."""
    fault = refusal(lambda s: s.pop(name))
    expected = Code.SETTINGS_LOG_POLICY if name == "log_policy" else Code.SETTINGS_SHAPE
    assert (fault.code, fault.where) == (expected, f"settings.{name}")


MALFORMED: dict[str, Edit] = {
    "settings.format": lambda s: s.update(format="1"),
    "settings.critical": lambda s: s.update(critical=["a"]),
    "settings.server_pins": lambda s: s.update(server_pins=[]),
    "settings.server_pins.current": lambda s: s["server_pins"].update(current=[]),
    "settings.server_pins.current[0]": lambda s: s["server_pins"].update(current=["AA" * 32]),
    "settings.server_pins.next": lambda s: s["server_pins"].update(
        next=["aa" * 32] * (MOST_ENTRIES + 1)
    ),
    "settings.server_pins.last": lambda s: s["server_pins"].update(last=[]),
    "settings.freshness_keys": lambda s: s.update(freshness_keys={}),
    "settings.freshness_keys[0].epoch": lambda s: s["freshness_keys"][0].update(epoch=0),
    "settings.freshness_keys[0].holder": lambda s: s["freshness_keys"][0].update(holder=""),
    "settings.freshness_keys[1].key": lambda s: s["freshness_keys"][1].update(key="00"),
    "settings.freshness_keys[1].until": lambda s: s["freshness_keys"][1].update(until=1),
    "settings.logs[0].origin": lambda s: s["logs"][0].update(origin="a\nb"),
    "settings.logs[0].end.valid_until_size": lambda s: s["logs"][0]["end"].update(
        valid_until_size=-1
    ),
    "settings.logs[0].end.root": lambda s: s["logs"][0]["end"].update(root="cc"),
    "settings.logs[0].end.successor": lambda s: s["logs"][0]["end"].update(successor=7),
    "settings.logs[1].end": lambda s: s["logs"][1].pop("end"),
    "settings.witnesses[0].name": lambda s: s["witnesses"][0].update(name=7),
    "settings.witnesses[0].valid_until": lambda s: s["witnesses"][0].update(valid_until="soon"),
    "settings.algorithms": lambda s: s.update(algorithms=["ed25519"]),
    "settings.algorithms.ed25519.sign_until": lambda s: s["algorithms"]["ed25519"].update(
        sign_until=7
    ),
    "settings.algorithms.ed25519.accept_until": lambda s: s["algorithms"]["ed25519"].pop(
        "accept_until"
    ),
    "settings.ek_roots[0]": lambda s: s.update(ek_roots=["-----BEGIN CERTIFICATE-----"]),
    "settings.server_authorities": lambda s: s.update(server_authorities=None),
    "settings.server_authorities[0]": lambda s: s.update(server_authorities=["-----"]),
    "settings.offline_rules.most_days": lambda s: s["offline_rules"].update(most_days=31),
    "settings.offline_rules.groups": lambda s: s["offline_rules"].update(groups="yes"),
    "settings.permitted_time_jump.total": lambda s: s["permitted_time_jump"].update(
        total=MOST_JUMP + 1
    ),
    "settings.permitted_time_jump.per_boot": lambda s: s["permitted_time_jump"].update(
        per_boot=90 * DAY_SECONDS + 1
    ),
    "settings.operators[0].scope": lambda s: s["operators"][0].update(scope="*"),
    "settings.operators[0].valid_until": lambda s: s["operators"][0].update(valid_until=None),
    "settings.operators[0].holder": lambda s: s["operators"][0].pop("holder"),
    "settings.offline_update.threshold": lambda s: s["offline_update"].update(threshold=0),
    "settings.offline_update.keys[2]": lambda s: s["offline_update"]["keys"].__setitem__(2, 7),
    "settings.offline_update.keys[2].epoch": lambda s: s["offline_update"]["keys"][2].update(
        epoch=1
    ),
}


@pytest.mark.parametrize("where", MALFORMED)
def test_a_member_of_another_shape_is_refused_and_named(where: str) -> None:
    """One thing wrong anywhere refuses the whole, and the place is told."""
    fault = refusal(MALFORMED[where])
    assert (fault.code, fault.where) == (Code.SETTINGS_SHAPE, where)


@pytest.mark.parametrize(
    ("policy", "where"),
    [
        (None, ""),
        ("None", ""),
        ({}, ".witnessed"),
        ({"witnessed": None}, ".witnessed"),
        ({"witnessed": {}}, ".witnessed.threshold"),
        ({"witnessed": {"threshold": 0}}, ".witnessed.threshold"),
        ({"witnessed": {"threshold": 1}, "none": {}}, ".none"),
    ],
    ids=["null", "spelling", "nothing", "null within", "no threshold", "nobody", "both"],
)
def test_a_log_policy_that_is_none_of_both_is_refused(policy: object, where: str) -> None:
    """There are two policies; whatever else is said is no policy."""
    fault = refusal(lambda s: s.update(log_policy=policy))
    assert (fault.code, fault.where) == (
        Code.SETTINGS_LOG_POLICY,
        f"settings.log_policy{where}",
    )


GOOD_BASES = {
    "http://a": "http://a",
    "http://a/": "http://a",
    "http://10.0.0.7:80": "http://10.0.0.7:80",
    "http://[fd00::1]:65535/x/y": "http://[fd00::1]:65535/x/y",
    "https://a-b.example/~f/(1)/": "https://a-b.example/~f/(1)",
}

BAD_URLS = {
    "user": "http://me@a/",
    "user and password": "http://me:secret@a/",
    "at in the path": "http://a/me@b",
    "query": "http://a/?key=1",
    "fragment": "http://a/#key",
    "other scheme": "ftp://a/",
    "file": "file:///etc",
    "upper case": "HTTP://A/",
    "no host": "http:///x",
    "climbing": "http://a/../b",
    "dot": "http://a/./b",
    "empty segment": "http://a//b",
    "backslash": "http://a\\b",
    "space": "http://a/ b",
    "line break": "http://a/b\n",
    "percent": "http://a/%2e%2e/",
    "port 0": "http://a:0/",
    "port beyond": "http://a:65536/",
    "port without digits": "http://a:/",
    "host with a dash at its end": "http://a-/",
    "too long": "http://a/" + "b" * 2048,
    "no text": 7,
}


@pytest.mark.parametrize("url", GOOD_BASES)
def test_a_base_is_a_host_and_a_path(url: str) -> None:
    """A base is written without a slash at its end, however it was given."""
    ca = [sim_certificate("payload CA")] if url.startswith("https") else None
    base = read(lambda s: s.update(payload_bases=[{"url": url, "ca": ca}])).payload_bases[0]
    assert base.url == GOOD_BASES[url]


@pytest.mark.parametrize("case", BAD_URLS)
def test_a_base_with_more_than_a_host_and_a_path_is_refused(case: str) -> None:
    """No base carries credentials, a query or a way out of its folder."""
    bases = [{"url": BAD_URLS[case], "ca": None}]
    fault = refusal(lambda s: s.update(payload_bases=bases))
    assert (fault.code, fault.where) == (
        Code.SETTINGS_PAYLOAD_BASE,
        "settings.payload_bases[0].url",
    )


@pytest.mark.parametrize(
    ("base", "where"),
    [
        ({"url": "https://a", "ca": None}, "ca"),
        ({"url": "https://a", "ca": []}, "ca"),
        ({"url": "https://a", "ca": ["no certificate"]}, "ca[0]"),
        ({"url": "https://a", "ca": [7]}, "ca[0]"),
        ({"url": "http://a", "ca": []}, "ca"),
        ({"url": "http://a"}, "ca"),
        ({"url": "http://a", "ca": None, "token": "x"}, "token"),
    ],
    ids=["no CA", "empty CA", "no PEM", "no text", "CA for HTTP", "CA left out", "a token"],
)
def test_a_base_has_authorities_of_its_own_or_none(base: object, where: str) -> None:
    """HTTPS without own certificates would believe anybody's; plain HTTP believes nobody."""
    fault = refusal(lambda s: s.update(payload_bases=[base]))
    assert fault.code is Code.SETTINGS_PAYLOAD_BASE
    assert fault.where == f"settings.payload_bases[0].{where}"


@pytest.mark.parametrize(
    ("product", "scope", "days", "may"),
    [
        ("camera", ["*"], 1, True),
        ("camera", ["camera"], 1, True),
        ("camera", ["gateway", "camera"], 1, True),
        ("camera", ["gateway"], 1, False),
        ("camera", [], 1, False),
        ("camera", ["*"], 0, False),
    ],
    ids=["everything", "this one", "one of two", "another", "nothing", "too late"],
)
def test_an_operator_directs_its_scope_until_its_day(
    product: str, scope: list[str], days: int, *, may: bool
) -> None:
    """Acts of an operator count for the named products, and before the named day."""
    operator = read(lambda s: s["operators"][0].update(scope=scope)).operators[0]
    now = operator.valid_until - timedelta(days=days)
    assert operator.may_direct(product, now) == may


@pytest.mark.parametrize(
    ("scheme", "made", "now", "accepted"),
    [
        ("ed25519", LONG, LONG, True),
        ("ed25519", LONG + timedelta(seconds=1), LONG, False),
        ("ed25519", LONG, LONG + timedelta(seconds=1), False),
        ("rsassa-pss-sha256", BEGIN, BEGIN, False),
    ],
    ids=["in time", "made too late", "judged too late", "not named"],
)
def test_a_scheme_counts_between_its_dates(
    scheme: str,
    made: datetime,
    now: datetime,
    *,
    accepted: bool,
) -> None:
    """Signatures count that were made and are judged while their scheme is good for it."""
    assert read().accepts(scheme, made, now) == accepted


def test_freshness_keys_sit_in_their_own_epoch_only() -> None:
    """A key of one epoch has no seat in another."""
    settings = read()
    for epoch in (1, 2):
        bench = settings.freshness_bench(epoch, BEGIN, BEGIN)
        assert list(bench.seats) == [sim_signer(f"freshness-{epoch}").key_id]
        assert bench.threshold == 1
    assert settings.freshness_bench(3, BEGIN, BEGIN).seats == {}
    assert settings.freshness_bench(1, BEGIN, LONG + YEAR).seats == {}


def test_offline_keys_sit_together() -> None:
    """As many holders of offline-update keys must sign as the settings say."""
    bench = read().offline_bench(BEGIN, BEGIN)
    assert len(bench.seats) == 3
    assert bench.threshold == 2
    assert read().offline_bench(LONG + YEAR, BEGIN).seats == {}
