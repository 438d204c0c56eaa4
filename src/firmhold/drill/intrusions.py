"""Attacks on the simulated device: what is done, how, and the check that must refuse it.

Each is played on a revived copy of the device; the vendor's word is put right again afterwards.
Whoever attacks here holds the Director's keys, the wire, or the freshness key.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations

from firmhold.device.ports import Repository
from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.brought import Brought
from firmhold.trust.errors import Code
from firmhold.update.schedule import BUCKETS, Schedule, Wave


@dataclass(frozen=True, slots=True)
class Intrusion:
    """One attack: what is told, what is done (it returns the refusal), and the refusal it needs."""

    title: str
    act: Callable[[Rehearsal], Code | None]
    refused_by: Code


def _with_directors_word_of(brought: Brought, other: Brought) -> Brought:
    """What was brought, with the Director's metadata of another moment."""
    mixed = {
        key: (other if key[0] is Repository.DIRECTOR else brought).repositories.get(key, data)
        for key, data in brought.repositories.items()
    }
    return replace(brought, repositories=mixed)


def _replay_director(victim: Rehearsal) -> Code | None:
    yesterday = victim.ask()
    victim.domain.direct()
    return victim.check_in(_with_directors_word_of(victim.ask(), yesterday))


def _replay_answer(victim: Rehearsal) -> Code | None:
    yesterday, today = victim.ask(), victim.ask()
    old = replace(today, statement=yesterday.statement, proof=yesterday.proof)
    return victim.check_in(old)


def _word_for_another(victim: Rehearsal) -> Code | None:
    victim.domain.assign("device-2", victim.domain.path(2))
    return victim.check_in()


def _unknown_image(victim: Rehearsal) -> Code | None:
    targets = victim.domain.director.targets().targets
    targets["feature/thing/9.json"] = targets.pop(victim.domain.path(2))
    victim.domain.direct()
    return victim.check_in()


def _other_length(victim: Rehearsal) -> Code | None:
    victim.domain.director.targets().targets[victim.domain.path(2)].length += 1
    victim.domain.direct()
    return victim.check_in()


def _named_twice(victim: Rehearsal) -> Code | None:
    victim.domain.assign(DEVICE, victim.domain.path(1), victim.domain.path(2))
    return victim.check_in()


def _delegation(victim: Rehearsal) -> Code | None:
    signer = CryptoSigner.generate_ed25519()
    targets = victim.domain.director.targets()
    rule = DelegatedRole("helper", [], 1, terminating=False, paths=["*"])
    targets.delegations = Delegations({}, {"helper": rule})
    targets.add_key(signer.public_key, "helper")
    targets.unrecognized_fields["x-firmhold-holders"] = {signer.public_key.keyid: "helper"}
    victim.domain.direct()
    try:
        return victim.check_in()
    finally:
        targets.delegations = None
        targets.unrecognized_fields = {}


def _older_release(victim: Rehearsal) -> Code | None:
    victim.domain.assign(DEVICE, victim.domain.path(1))
    return victim.check_in()


def _skipped_waves(victim: Rehearsal) -> Code | None:
    """Publish release 3 for tomorrow; the Director wants it everywhere today."""
    domain, now = victim.domain, victim.domain.clock.now()
    tomorrow = Schedule(now + timedelta(days=1), (Wave(0, BUCKETS),))
    second = domain.releases[2]
    later = replace(second, counter=type(second.counter)(3), schedule=tomorrow)
    domain.name(later)
    domain.publish("feature")
    domain.assign(DEVICE, domain.path(3))
    return victim.check_in()


def _year_2100(victim: Rehearsal) -> Code | None:
    asked = victim.ask()
    at = datetime(2100, 1, 1, tzinfo=UTC)
    forged = victim.domain.check_in(DEVICE, asked.nonce, at)
    return victim.check_in(forged)


INTRUSIONS = (
    Intrusion(
        "The Director's word of yesterday is replayed to the device.",
        _replay_director,
        Code.FRESHNESS_OTHER_QUESTION,
    ),
    Intrusion(
        "Yesterday's answer about the time is given to today's question.",
        _replay_answer,
        Code.FRESHNESS_OTHER_QUESTION,
    ),
    Intrusion(
        "The Director's word for another device is brought to this one.",
        _word_for_another,
        Code.UPTANE_OTHER_DEVICE,
    ),
    Intrusion(
        "A stolen Director names an image that the image repository does not have.",
        _unknown_image,
        Code.TUF_NO_SUCH_TARGET,
    ),
    Intrusion(
        "A stolen Director says that the image is one byte longer.",
        _other_length,
        Code.UPTANE_LENGTH,
    ),
    Intrusion(
        "A stolen Director names one component twice, with two images.",
        _named_twice,
        Code.UPTANE_COMPONENT_TWICE,
    ),
    Intrusion(
        "A stolen Director delegates to a helper of its own.",
        _delegation,
        Code.UPTANE_DIRECTOR_DELEGATES,
    ),
    Intrusion(
        "A stolen Director sends the older release again.",
        _older_release,
        Code.UPTANE_RELEASE_COUNTER,
    ),
    Intrusion(
        "A stolen Director pushes tomorrow's release to everybody today.",
        _skipped_waves,
        Code.UPDATE_NOT_DUE,
    ),
    Intrusion(
        "A stolen freshness key signs the year 2100, so that everything is expired.",
        _year_2100,
        Code.UPDATE_RECOVERY_CLASS,
    ),
)
