"""Settles what is meant for each device, and signs each word that has changed or grows old.

A device is meant by the rollout of its product that was begun last, if a wave that is open holds
it, the release has a part for its hardware, and the acts still stand: each is verified again by the
settings of today, so an operator who was taken out of them directs nobody any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, select, update

from firmhold.fleet.beliefs import Beliefs, Published
from firmhold.fleet.director import rollouts
from firmhold.fleet.director.alarms import copied
from firmhold.fleet.director.direct import LIFETIMES, Directed, Word, word_for
from firmhold.fleet.director.inventory import Known, everybody, failed, suspected
from firmhold.fleet.director.plan import Halt, Plan, Standing, plan
from firmhold.fleet.director.rollouts import Rollout
from firmhold.fleet.tables import WORDS, WORDS_BEFORE
from firmhold.signing.ports import Signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Refused, Unavailable
from firmhold.trust.governance.rollout_act import RolloutAct, verify_act
from firmhold.trust.tuf.trusted_set import SNAPSHOT, TARGETS, TIMESTAMP
from firmhold.trust.tuf.wire import metadata_file
from firmhold.trust.verified import Verified
from firmhold.update.release import Release, ReleaseClass, ReleaseComponent

NOTHING = ""
NOBODY: Mapping[DeviceId, int] = {}


@dataclass(frozen=True, slots=True)
class Settling:
    """Who settles: what is believed, the Director's key, the moment."""

    beliefs: Beliefs
    signer: Signer
    now: datetime


def settle(
    connection: Connection, by: Settling, seen: Mapping[DeviceId, int] = NOBODY
) -> list[DeviceId]:
    """Plan every rollout, sign what changed; return whose word was signed anew.

    `seen` names devices that have seen a version of their word which is not ours to repeat: the
    next one goes above it.
    """
    meant: dict[DeviceId, Directed] = {}
    for rollout in rollouts.all_of_them(connection):
        if not rollout.replaced:
            meant |= _settled(connection, by, rollout)
    return [
        known.device
        for known in everybody(connection)
        if _signed(connection, by, known.device, meant.get(known.device), seen)
    ]


def _settled(connection: Connection, by: Settling, rollout: Rollout) -> dict[DeviceId, Directed]:
    """What a rollout means for whom."""
    fleet = list(everybody(connection, rollout.product))
    standings = standings_of(connection, rollout.release, fleet)
    acts = _standing_acts(connection, by, rollout)
    if acts is None:
        held = [device for device, each in standings.items() if each is Standing.CONFIRMED]
        found = Plan(len(rollout.opened), frozenset(held), Halt.BY_OPERATOR, rollout.opened)
    else:
        found = plan(acts, standings, rollout.opened, by.now, rollout.forgiven)
    rollouts.keep_plan(connection, rollout.name, found)
    published = _published(by, acts)
    if published is None:
        return {}
    kept_from = _kept_from(connection, published.release, standings)
    return {
        known.device: directed
        for known in fleet
        if known.device in found.devices - kept_from
        and (directed := _directed(by.beliefs, published, known)) is not None
    }


def _kept_from(
    connection: Connection, release: Release, standings: Mapping[DeviceId, Standing]
) -> frozenset[DeviceId]:
    """Who is not meant though the plan says so: who is in quarantine gets security releases only.

    So does a device of which there seem to be two. Who runs the release already keeps it.
    """
    if release.release_class is ReleaseClass.SECURITY:
        return frozenset()
    return frozenset(
        device
        for device in suspected(connection) | copied(connection)
        if standings.get(device) is not Standing.CONFIRMED
    )


def standings_of(
    connection: Connection, release: str, fleet: list[Known]
) -> dict[DeviceId, Standing]:
    """Where each device stands towards a release: by its own word today, later by its boot."""
    dead = failed(connection, release)

    def one(known: Known) -> Standing:
        if known.runs == release:
            return Standing.CONFIRMED
        return Standing.FAILED if known.device in dead else Standing.WAITING

    return {known.device: one(known) for known in fleet}


def _standing_acts(
    connection: Connection, by: Settling, rollout: Rollout
) -> list[Verified[RolloutAct]] | None:
    """The acts of a rollout, if each of them still stands; dates are judged as they came."""
    try:
        return [
            verify_act(each.data, by.beliefs.settings, each.sequence - 1, each.received_at)
            for each in rollouts.acts_of(connection, rollout.name)
        ]
    except Refused:
        return None


def _published(by: Settling, acts: list[Verified[RolloutAct]] | None) -> Published | None:
    """The release of a rollout, if the repository still has the very one that was meant."""
    if not acts:
        return None
    act = acts[-1].value
    try:
        found = by.beliefs.release(act.path, by.now)
    except (Refused, Unavailable):
        return None
    return found if found.release.digest == act.sha256 else None


def _directed(beliefs: Beliefs, published: Published, known: Known) -> Directed | None:
    """The word for one device; None: the release has nothing for its hardware."""
    part = published.release.component(known.component)
    if part is None or not _fits(part, known):
        return None
    hints = dict(_hints(beliefs, published.release))
    return Directed(published.target, {known.component: known.model}, hints)


def _fits(part: ReleaseComponent, known: Known) -> bool:
    return any(
        each.model == known.model and each.first <= known.revision <= each.last
        for each in part.hardware
    )


def _hints(beliefs: Beliefs, release: Release) -> Iterator[tuple[str, str]]:
    if release.patches is not None:
        path = beliefs.path_of(release.patches.hex())
        if path is not None:
            yield "patched", path


def _signed(
    connection: Connection,
    by: Settling,
    device: DeviceId,
    directed: Directed | None,
    seen: Mapping[DeviceId, int],
) -> bool:
    """Sign a device's word, if there is reason to; tell whether there was."""
    row = connection.execute(select(WORDS).where(WORDS.c.device == device)).one_or_none()
    about = NOTHING
    if directed is not None:
        about = directed.target.value.expectation.digests["sha256"]
    if row is not None and device not in seen and not _changed(row, about, by):
        return False
    newest = max(0 if row is None else row.version, seen.get(device, 0))
    word = word_for(device, directed, by.signer, newest, by.now)
    _keep(connection, device, about, word, by.now)
    return True


def _changed(row: Row[tuple[object, ...]], about: str, by: Settling) -> bool:
    """Tell whether a word is another, grows old, or was signed by a key that signs no more."""
    if row.about != about or row.renew_at <= int(by.now.timestamp()):
        return True
    return str(by.signer.key_id).encode() not in bytes(row.timestamp)


def _keep(connection: Connection, device: DeviceId, about: str, word: Word, now: datetime) -> None:
    values = {
        "version": word.version,
        "about": about,
        "timestamp": word.files[metadata_file(TIMESTAMP)],
        "snapshot": word.files[metadata_file(SNAPSHOT, word.version)],
        "targets": word.files[metadata_file(TARGETS, word.version)],
        "renew_at": int((now + LIFETIMES[TIMESTAMP] / 2).timestamp()),
    }
    _keep_before(connection, device)
    place = update(WORDS).where(WORDS.c.device == device).values(values)
    if connection.execute(place).rowcount == 0:
        connection.execute(insert(WORDS), {"device": device, **values})


def _keep_before(connection: Connection, device: DeviceId) -> None:
    """Keep the word that was the newest, for a device that is in the middle of fetching it."""
    names = ("device", "version", "snapshot", "targets")
    connection.execute(delete(WORDS_BEFORE).where(WORDS_BEFORE.c.device == device))
    newest = select(*(WORDS.c[name] for name in names)).where(WORDS.c.device == device)
    connection.execute(insert(WORDS_BEFORE).from_select(names, newest))
