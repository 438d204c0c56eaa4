"""The targets of words between device and vendor are not deaf: they accept what is honest."""

import pytest
from fuzz.device_words import (
    NONCE,
    ORDER,
    PROOF,
    REPORT,
    STATEMENT,
    directed,
    genuine,
    reported,
    require_bare_place,
    told_time,
)
from fuzz.promises import SEEDS, BrokenPromise

from firmhold.trust.errors import Damaged, Refused
from firmhold.trust.freshness.time_floor import TimeFloor
from firmhold.trust.settings.reader import parse_settings


def test_the_honest_answer_is_heard_and_no_other() -> None:
    """Of all seeds, only the honest statement with the honest proof tells the time."""
    proof = genuine("freshness", PROOF)
    told = [
        file.name
        for file in sorted((SEEDS / "freshness").iterdir())
        if told_time(file.read_bytes(), proof) is not None
    ]
    assert told == [STATEMENT]
    heard = told_time(genuine("freshness", STATEMENT), proof)
    assert heard is not None
    assert heard.question.nonce == NONCE


def test_the_honest_order_is_followed_and_no_other() -> None:
    """Of all seeds, only the order of two holders for this device directs it, however spelt."""
    files = sorted((SEEDS / "offline_update").iterdir())
    assert [file.name for file in files if directed(file.read_bytes())] == ["canonical", ORDER]


def test_the_honest_report_is_taken_in_and_no_other() -> None:
    """Of all seeds, only the one that the device's key signed is taken in."""
    files = sorted((SEEDS / "version_manifest").iterdir())
    assert [file.name for file in files if reported(file.read_bytes())] == [REPORT]


def test_honest_settings_are_read() -> None:
    """Of the settings among the seeds these are such as a device reads."""
    read = []
    for file in sorted((SEEDS / "settings").iterdir()):
        try:
            parse_settings(file.read_bytes())
        except Refused:
            continue
        read.append(file.name)
    assert read == ["base_ipv6", "honest", "more", "no_keys", "witnessed"]


def test_stored_floors_are_read() -> None:
    """Of the stored floors among the seeds only the broken ones are damage."""
    damaged = []
    for file in sorted((SEEDS / "time_floor").iterdir()):
        try:
            TimeFloor.parse(file.read_bytes())
        except Damaged:
            damaged.append(file.name)
    assert damaged == ["cut", "nothing"]


@pytest.mark.parametrize(
    "url",
    [
        "http://a@b",
        "http://a:b@c",
        "http://a/?b",
        "http://a/#b",
        "ftp://a",
        "http:///a",
        "http://a/..",
    ],
)
def test_judge_of_bases(url: str) -> None:
    """A base that is more than a place is a finding."""
    with pytest.raises(BrokenPromise):
        require_bare_place(url)
