"""An operator's word about a rollout: whose it is, about what, and when it counts."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.clock import BEGIN
from firmhold.sim.settings import sim_key, sim_settings
from firmhold.sim.signer import sim_signer
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent, Expired, Malformed, TooEarly, VersionMismatch
from firmhold.trust.governance.rollout_act import (
    CLOCKS_APART,
    MOST_BUCKETS,
    TAG,
    Action,
    RolloutAct,
    Wave,
    read_act,
    verify_act,
)
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import TrustSettings
from firmhold.trust.shape import written_date
from firmhold.trust.verified import Verified, seal

NOW = BEGIN + timedelta(days=1)
ACT = RolloutAct(
    rollout="camera 7",
    sequence=1,
    action=Action.START,
    product="camera",
    path="feature/camera/7.json",
    sha256=bytes(range(32)),
    issued_at=NOW,
    expires=NOW + timedelta(days=30),
    waves=(Wave(100, 3600, 90, 2), Wave(MOST_BUCKETS, 0, 0, 5)),
)


def settings(**changes: object) -> Verified[TrustSettings]:
    """Settings of a domain with one operator."""
    return seal(parse_settings(json.dumps({**sim_settings(), **changes}).encode()))


def signed(act: RolloutAct, *names: str) -> bytes:
    """The act with the signatures of these."""
    signers = [sim_signer(name) for name in names or ("operator-1",)]
    return act.to_bytes([(each.key_id, each.sign(act.payload)) for each in signers])


def refusal(data: bytes, known: Verified[TrustSettings] | None = None, newest: int = 0) -> object:
    """The fault with which an act is refused."""
    with pytest.raises(Refused) as error:
        verify_act(data, known or settings(), newest, NOW)
    return error.value.fault


def test_an_operators_act_is_heard() -> None:
    """What an operator of the trust settings signed is what comes out."""
    assert verify_act(signed(ACT), settings(), 0, NOW).value == ACT


@pytest.mark.parametrize("names", [("stranger",), ("offline-1", "offline-2"), ("freshness-1",)])
def test_an_act_of_somebody_else_is_refused(names: tuple[str, ...]) -> None:
    """No other key of the domain directs rollouts."""
    fault = refusal(signed(ACT, *names))
    assert getattr(fault, "code", None) is Code.ACT_SIGNATURES


def test_an_act_that_was_altered_is_refused() -> None:
    """A signature is for one act and for no other."""
    data = signed(ACT).replace(b'"camera"', b'"toaster"')
    assert getattr(refusal(data), "code", None) is Code.ACT_SIGNATURES


def operator(scope: list[str], until: timedelta) -> dict[str, Any]:
    """The settings' word about one operator."""
    key, day = sim_key("operator-1"), written_date(BEGIN + until)
    return {"holder": "operator-1", "key": key, "scope": scope, "valid_until": day}


@pytest.mark.parametrize(
    "entry",
    [operator(["toaster"], timedelta(days=9)), operator(["*"], timedelta(days=1))],
    ids=["another product", "no longer"],
)
def test_an_operator_directs_what_is_his_while_it_is(entry: dict[str, Any]) -> None:
    """Scope and date of an operator are the settings' to say."""
    fault = refusal(signed(ACT), settings(operators=[entry]))
    assert fault == Absent(code=Code.ACT_SCOPE, name="camera", listed_in="operators")


def test_an_operator_may_direct_one_product_alone() -> None:
    """A scope that names a product is as good for it as the scope of everything."""
    known = settings(operators=[operator(["toaster", "camera"], timedelta(days=9))])
    assert verify_act(signed(ACT), known, 0, NOW).value == ACT


def test_a_signature_beside_the_operators_opens_nothing() -> None:
    """An operator of another product is not helped by a stranger's signature."""
    known = settings(operators=[operator(["toaster"], timedelta(days=9))])
    fault = refusal(signed(ACT, "operator-1", "stranger"), known)
    assert fault == Absent(code=Code.ACT_SCOPE, name="camera", listed_in="operators")


def test_an_operator_whose_scheme_has_ended_counts_for_nothing() -> None:
    """The algorithm policy of the settings holds for operators too."""
    ended = {"ed25519": {"sign_until": written_date(BEGIN), "accept_until": written_date(BEGIN)}}
    assert getattr(refusal(signed(ACT), settings(algorithms=ended)), "code", None) is (
        Code.ACT_SIGNATURES
    )


def test_an_act_of_the_future_waits() -> None:
    """Clocks may differ by minutes, not more."""
    just = replace(ACT, issued_at=NOW + CLOCKS_APART)
    assert verify_act(signed(just), settings(), 0, NOW).value == just
    late = replace(ACT, issued_at=NOW + CLOCKS_APART + timedelta(seconds=1))
    assert refusal(signed(late)) == TooEarly(
        code=Code.ACT_NOT_YET, what=ACT.rollout, begins=late.issued_at, now=NOW
    )


def test_an_act_ends() -> None:
    """What an operator signed is not good for ever."""
    ended = replace(ACT, expires=NOW)
    assert refusal(signed(ended)) == Expired(
        code=Code.ACT_EXPIRED, role=ACT.rollout, expires=NOW, now=NOW
    )


@pytest.mark.parametrize("newest", [1, 2])
def test_an_old_act_is_not_replayed(newest: int) -> None:
    """After a halt nobody brings the start back."""
    assert refusal(signed(ACT), newest=newest) == VersionMismatch(
        code=Code.ACT_SEQUENCE, role=ACT.rollout, expected=newest + 1, found=1
    )


def test_another_document_of_an_operator_is_no_act() -> None:
    """The tag says what was signed."""
    members = {**ACT.to_json(), "tag": "firmhold rollout act 2"}
    signer, payload = sim_signer("operator-1"), canonical_json(members)
    data = document_bytes(members, [(signer.key_id, signer.sign(payload))])
    assert getattr(refusal(data), "code", None) is Code.ACT_TAG
    assert TAG == "firmhold rollout act 1"


def put(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """Give a member another value."""
    return lambda members: members.update({name: value})


FIRST = {"buckets": 100, "soak_seconds": 1, "confirmed_percent": 9, "failed_percent": 1}
LAST = {**FIRST, "buckets": MOST_BUCKETS}
MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no member may be missing": (lambda members: members.pop("waves"), "signed.waves"),
    "nothing unknown": (put("more", 1), "signed.more"),
    "an action that is none": (put("action", "explode"), "signed.action"),
    "a sequence of zero": (put("sequence", 0), "signed.sequence"),
    "a short digest": (put("release", {"path": "a", "sha256": "00"}), "signed.release.sha256"),
    "no waves": (put("waves", []), "signed.waves"),
    "waves that shrink": (put("waves", [LAST, FIRST]), "signed.waves"),
    "waves that leave somebody out": (put("waves", [FIRST]), "signed.waves"),
    "a wave of nobody": (put("waves", [{**FIRST, "buckets": 0}, LAST]), "signed.waves[0].buckets"),
    "more than all": (
        put("waves", [{**LAST, "buckets": MOST_BUCKETS + 1}]),
        "signed.waves[0].buckets",
    ),
    "more than everybody": (
        put("waves", [{**LAST, "confirmed_percent": 101}]),
        "signed.waves[0].confirmed_percent",
    ),
    "worse than everybody": (
        put("waves", [{**LAST, "failed_percent": 101}]),
        "signed.waves[0].failed_percent",
    ),
    "a soak without end": (
        put("waves", [{**LAST, "soak_seconds": 366 * 86_400 + 1}]),
        "signed.waves[0].soak_seconds",
    ),
    "a date that is none": (put("issued_at", "today"), "signed.issued_at"),
}


@pytest.mark.parametrize(("edit", "where"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_act_is_refused_by_its_place(
    edit: Callable[[dict[str, Any]], object], where: str
) -> None:
    """An act is read strictly, and told where it is wrong."""
    members: dict[str, Any] = dict(ACT.to_json())
    edit(members)
    with pytest.raises(Refused) as error:
        read_act(members)
    fault = error.value.fault
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.ACT_SHAPE, where)


names = st.text("abcdefgh -./", min_size=1, max_size=20)
waves = st.builds(
    Wave,
    st.integers(1, MOST_BUCKETS - 1),
    st.integers(0, 366 * 86_400),
    st.integers(0, 100),
    st.integers(0, 100),
)


@given(
    st.builds(
        RolloutAct,
        names,
        st.integers(1, 2**63 - 1),
        st.sampled_from(Action),
        names,
        names,
        st.binary(min_size=32, max_size=32),
        st.just(NOW),
        st.just(NOW),
        st.lists(waves, max_size=4).map(
            lambda some: (
                *sorted({each.buckets: each for each in some}.values(), key=lambda w: w.buckets),
                Wave(MOST_BUCKETS, 0, 100, 100),
            )
        ),
    )
)
def test_an_act_that_was_written_is_read_back(act: RolloutAct) -> None:
    """The words of an act are all of it."""
    members = parse_json(act.payload, max_bytes=65_536)
    assert isinstance(members, dict)
    assert read_act(members) == act
