"""Single steps of the installation machine whose numbers the transcript does not vary."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.update.abstraction import ACCEPTED

from firmhold.update.actions import WriteExtent
from firmhold.update.events import Begin, Started, Written
from firmhold.update.installation import step
from firmhold.update.journal import Job, Phase, State, parse_state
from firmhold.update.pieces import PIECE_BYTES, Image
from firmhold.update.slots import GOOD, BootRecord, Slot

FACTORY, ONE, TWO = ACCEPTED
LONG = replace(
    TWO, release=replace(TWO.release, image=Image(3 * PIECE_BYTES, TWO.release.image.root))
)


def test_the_moment_of_acceptance_is_remembered_to_the_second() -> None:
    """What is written down of a moment is what the machine goes on with after a power cut."""
    moment = datetime(2030, 1, 2, 3, 4, 5, 678_901, UTC)
    state, _ = step(State(running=Slot.A), Begin(replace(TWO, at=moment)))
    assert state.job is not None
    assert state.job.accepted.at == moment.replace(microsecond=0)
    assert parse_state(state.to_bytes()) == state


def test_a_start_tells_what_runs_and_how_high_the_floor_is() -> None:
    """What was remembered of the last start does not outlive it."""
    record = BootRecord(Slot.B, GOOD, GOOD)
    before = State(running=Slot.A, floor=1, a=ONE, b=TWO, confirmed=TWO)
    after, _ = step(before, Started(Slot.B, record, floor=2))
    assert (after.running, after.floor) == (Slot.B, 2)


def test_an_image_is_read_back_after_its_last_piece_and_not_before() -> None:
    """With pieces to come, the next extent is written; with none, the slot is read."""
    state = State(Phase.WRITING, Slot.A, job=Job(LONG, Slot.B))
    between, actions = step(state, Written(2))
    assert (between.phase, actions) == (
        Phase.WRITING,
        (WriteExtent(Slot.B, LONG.release, 2),),
    )
    assert step(between, Written(3))[0].phase is Phase.CHECKING
