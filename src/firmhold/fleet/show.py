"""What operators see: tables of devices and rollouts, how far each is, who wants looking after."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import sleep

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from firmhold.terminal import shown
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.tuf.schema import a_number, an_object

MOST_COLUMNS = 400
BAR_COLUMNS = 20
LOOK_SECONDS = 1.0
LISTED = 8

DEVICES = ("device", "model", "revision", "version", "booted", "key", "seen", "refusals", "alarms")
ROLLOUTS = ("rollout", "product", "open_waves", "progress", "confirmed", "failed", "waiting")


def devices(rows: Sequence[JsonObject]) -> RenderableType:
    """Return a table of devices."""
    return _table(DEVICES, [{**row, "seen": _minute(row["seen"])} for row in rows])


def rollouts(rows: Sequence[JsonObject], known: Sequence[JsonObject]) -> RenderableType:
    """Return a table of rollouts, and below it the devices that want looking after."""
    table = Table(box=SIMPLE_HEAD)
    for name in (*ROLLOUTS, "halted", "replaced"):
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        counts = an_object(row["counts"], "counts")
        told = {**row, **counts, "replaced": "yes" if row["replaced"] else None}
        before, after = ROLLOUTS[:3], (*ROLLOUTS[4:], "halted", "replaced")
        table.add_row(*_cells(told, before), _bar(counts), *_cells(told, after))
    return Group(table, *(Text(line) for line in attention(known)))


def attention(known: Sequence[JsonObject]) -> Iterator[str]:
    """Yield a line for each kind of alarm: how many devices have it, and which."""
    by_alarm: dict[str, list[str]] = {}
    for row in known:
        for alarm in _list(row["alarms"]):
            by_alarm.setdefault(cell(alarm), []).append(shown(cell(row["device"])))
    for alarm, names in sorted(by_alarm.items()):
        listed = ", ".join(names[:LISTED]) + (" …" if len(names) > LISTED else "")
        yield f"{alarm}: {len(names)} of {len(known)} devices: {listed}"


def one(found: JsonObject) -> Iterator[str]:
    """Yield all there is about one device, line by line."""
    for name, value in found.items():
        if name != "report":
            yield shown(f"{name:<16} {cell(value)}")


def write(drawn: RenderableType) -> None:
    """Write something; where no terminal sets the width, no cell is folded."""
    _console().print(drawn)


def watch(draw: Callable[[], RenderableType]) -> None:
    """Draw something again and again, until interrupted."""
    with suppress(KeyboardInterrupt), Live(draw(), console=_console()) as live:
        while True:
            sleep(LOOK_SECONDS)
            live.update(draw())


def cell(value: JsonValue) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(cell(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {cell(each)}" for name, each in value.items())
    return str(value)


def _table(columns: Sequence[str], rows: Sequence[JsonObject]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*_cells(row, columns))
    return table


def _cells(row: JsonObject, columns: Sequence[str]) -> Iterator[Text]:
    return (Text(shown(cell(row.get(name)))) for name in columns)


def _bar(counts: JsonObject) -> ProgressBar:
    """How many of those whom it is for have the release."""
    numbers = {name: a_number(value, name, 0) for name, value in counts.items()}
    everybody = max(1, sum(numbers.values()))
    return ProgressBar(everybody, numbers["confirmed"], BAR_COLUMNS, complete_style="green")


def _minute(value: JsonValue) -> str:
    return cell(value)[:16].replace("T", " ")


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        console.width = MOST_COLUMNS
    return console
