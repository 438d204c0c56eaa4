"""The rollouts that operators have signed for: their acts as they came, and how far each is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, func, insert, select, update

from firmhold.fleet.director.plan import Plan
from firmhold.fleet.tables import ACTS, ROLLOUTS
from firmhold.trust.device_id import DeviceId
from firmhold.trust.governance.rollout_act import RolloutAct


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout, as it was left by the last plan."""

    name: str
    product: str
    release: str
    """Digest of the manifest, in hexadecimal."""
    opened: tuple[datetime, ...]
    forgiven: frozenset[DeviceId]
    halted: str | None
    replaced: bool


@dataclass(frozen=True, slots=True)
class KeptAct:
    """An act as it came, and when."""

    sequence: int
    data: bytes
    received_at: datetime


def newest_sequence(connection: Connection, rollout: str) -> int:
    """Return the sequence of the last act of a rollout; 0: there is none."""
    query = select(func.max(ACTS.c.sequence)).where(ACTS.c.rollout == rollout)
    return connection.execute(query).scalar_one() or 0


def acts_of(connection: Connection, rollout: str) -> list[KeptAct]:
    """Return the acts of a rollout, in the order of their sequence."""
    query = select(ACTS).where(ACTS.c.rollout == rollout).order_by(ACTS.c.sequence)
    return [
        KeptAct(row.sequence, bytes(row.data), datetime.fromtimestamp(row.received_at, UTC))
        for row in connection.execute(query)
    ]


def keep_act(connection: Connection, act: RolloutAct, data: bytes, now: datetime) -> None:
    """Keep an act that was verified."""
    row = {"rollout": act.rollout, "sequence": act.sequence, "data": data}
    connection.execute(insert(ACTS), {**row, "received_at": int(now.timestamp())})


def begin(connection: Connection, act: RolloutAct) -> None:
    """Begin the rollout of an act, or begin it anew; it replaces the others of its product."""
    others = (ROLLOUTS.c.product == act.product) & (ROLLOUTS.c.rollout != act.rollout)
    connection.execute(update(ROLLOUTS).where(others).values(replaced=True))
    values = {
        "product": act.product,
        "release": act.sha256.hex(),
        "opened": "[]",
        "forgiven": "[]",
        "halted": None,
        "replaced": False,
    }
    place = update(ROLLOUTS).where(ROLLOUTS.c.rollout == act.rollout).values(values)
    if connection.execute(place).rowcount == 0:
        connection.execute(insert(ROLLOUTS), {"rollout": act.rollout, **values})


def forgive(connection: Connection, rollout: str, devices: frozenset[DeviceId]) -> None:
    """Remember which failures an operator knew of when the rollout was let go on."""
    text = json.dumps(sorted(devices))
    connection.execute(update(ROLLOUTS).where(ROLLOUTS.c.rollout == rollout).values(forgiven=text))


def keep_plan(connection: Connection, rollout: str, plan: Plan) -> None:
    """Remember how far a rollout is."""
    opened = json.dumps([int(moment.timestamp()) for moment in plan.opened])
    halted = None if plan.halted is None else plan.halted.value
    connection.execute(
        update(ROLLOUTS).where(ROLLOUTS.c.rollout == rollout).values(opened=opened, halted=halted)
    )


def find(connection: Connection, rollout: str) -> Rollout | None:
    """Return a rollout, if there is one of that name."""
    row = connection.execute(select(ROLLOUTS).where(ROLLOUTS.c.rollout == rollout)).one_or_none()
    return None if row is None else _read(row)


def all_of_them(connection: Connection) -> Sequence[Rollout]:
    """Return all rollouts, in the order of their names."""
    query = select(ROLLOUTS).order_by(ROLLOUTS.c.rollout)
    return [_read(row) for row in connection.execute(query)]


def _read(row: Row[tuple[object, ...]]) -> Rollout:
    return Rollout(
        name=row.rollout,
        product=row.product,
        release=row.release,
        opened=tuple(datetime.fromtimestamp(each, UTC) for each in json.loads(row.opened)),
        forgiven=frozenset(DeviceId(each) for each in json.loads(row.forgiven)),
        halted=row.halted,
        replaced=row.replaced,
    )
