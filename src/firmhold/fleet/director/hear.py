"""Hears an operator's act: verified, looked over, kept. Nothing goes out by anything else."""

from datetime import datetime

from sqlalchemy import Connection

from firmhold.fleet.beliefs import Beliefs
from firmhold.fleet.director import rollouts
from firmhold.fleet.director.inventory import failed
from firmhold.fleet.director.lint import Severity, lint
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.governance.rollout_act import Action, RolloutAct, named_rollout, verify_act
from firmhold.trust.outer_faults import FleetFault


def hear_act(connection: Connection, beliefs: Beliefs, data: bytes, now: datetime) -> RolloutAct:
    """Keep an act, and begin, halt or go on with its rollout. Raises `Refused` or `Misuse`."""
    newest = rollouts.newest_sequence(connection, named_rollout(data))
    act = verify_act(data, beliefs.settings, newest, now).value
    if act.action is Action.START:
        _require_sound(beliefs, act, now)
        rollouts.begin(connection, act)
    else:
        _require_open(connection, act)
    if act.action is Action.RESUME:
        rollouts.forgive(connection, act.rollout, failed(connection, act.sha256.hex()))
    rollouts.keep_act(connection, act, data, now)
    return act


def _require_sound(beliefs: Beliefs, act: RolloutAct, now: datetime) -> None:
    """Pass if the release is there and nothing in the act speaks against itself."""
    published = beliefs.release(act.path, now)
    notes = lint(act, published.release, now)
    errors = [note.kind for note in notes if note.severity is Severity.ERROR]
    if errors:
        raise Misuse(_fault(Code.FLEET_LINT, act, ", ".join(errors)))


def _require_open(connection: Connection, act: RolloutAct) -> None:
    found = rollouts.find(connection, act.rollout)
    if found is None or found.release != act.sha256.hex():
        raise Misuse(_fault(Code.FLEET_NO_ROLLOUT, act, "none of that name and release"))
    if found.replaced:
        raise Misuse(_fault(Code.FLEET_ROLLOUT_OVER, act, "a later one took its place"))


def _fault(code: Code, act: RolloutAct, detail: str) -> FleetFault:
    return FleetFault(code=code, what=act.rollout, detail=detail)
