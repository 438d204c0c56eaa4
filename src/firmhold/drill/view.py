"""What a person sees of the demo: steps as they happen, slots as they stand, attacks as told."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from firmhold.drill.device import Device, Progress
from firmhold.drill.slots import SLOTS
from firmhold.update.slots import Slot

_DIGEST_SHOWN = 16
_BAR_WIDTH = 24


@dataclass(frozen=True, slots=True)
class SlotRow:
    """What is shown of one slot."""

    slot: str
    release: str
    digest: str
    length: int
    boots: bool


@dataclass(frozen=True, slots=True)
class FleetRow:
    """What is shown of one device of a fleet."""

    name: str
    revision: int
    slots: Mapping[Slot, str]
    booted: Slot | None
    received_bytes: int
    did: str


class View:
    """Prints to a console; on a terminal the step at work is redrawn in place."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._releases: dict[str, str] = {}

    def know(self, version: str, files: Mapping[str, bytes]) -> None:
        """Remember which image belongs to which release, so that slots can be named."""
        for data in files.values():
            self._releases[hashlib.sha256(data).hexdigest()] = version

    def title(self, text: str) -> None:
        """Begin an act."""
        self._console.print()
        self._console.rule(f"[bold]{text}", align="left")

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        self._line("  •", Text(text))

    @contextmanager
    def watching(self, device: Device) -> Iterator[Progress]:
        """Show an update of `device` while it runs; yields what the device reports to."""
        steps = _Steps()
        with Live(console=self._console, refresh_per_second=20) as live:

            def report(step: str, moved_bytes: int, total_bytes: int) -> None:
                steps.report(step, moved_bytes, total_bytes)
                live.update(self._scene(steps, device))

            yield report
            steps.finish()
            live.update(self._scene(steps, device))

    @contextmanager
    def fleet(self) -> Iterator[Callable[[Sequence[FleetRow]], None]]:
        """Show a fleet while it lives; yields what is told of its devices."""
        with Live(console=self._console, refresh_per_second=20) as live:
            yield lambda rows: live.update(_fleet_table(rows))
        if not self._console.is_terminal:
            self._console.print()

    def attack(self, number: int, title: str) -> None:
        """Announce an attack: its first line."""
        self._line(f"{number:>3}.", Text(title))

    def held(self, code: str, slots_unchanged: bool) -> None:  # noqa: FBT001 - a finding, shown
        """Tell how it ended: its second line."""
        slots = "both slots unchanged" if slots_unchanged else "THE SLOTS CHANGED"
        style = "green" if slots_unchanged else "bold red"
        self._line("    ", Text(f"refused: {code}; {slots}", style=style))

    def not_held(self, what: str) -> None:
        """Tell that an attack was not refused as it must be."""
        self._line("    ", Text(f"NOT AS IT MUST BE: {what}", style="bold red"))

    def _line(self, mark: str, text: Text) -> None:
        """Print a text that hangs behind its mark, however narrow the terminal is."""
        line = Table.grid(padding=(0, 1))
        line.add_row(mark, text)
        self._console.print(line)

    def _scene(self, steps: "_Steps", device: Device) -> RenderableType:
        return Group(steps.table(), self.slots(device))

    def slots(self, device: Device) -> RenderableType:
        """Both slots: the release in each, its digest, and which one boots."""
        rows = []
        for slot in SLOTS:
            path = device.slots.path(slot)
            data = path.read_bytes() if path.is_file() else b""
            digest = hashlib.sha256(data).hexdigest() if data else ""
            release = self._releases.get(digest, "unfinished" if data else "empty")
            rows.append(SlotRow(slot, release, digest, len(data), slot == device.slots.active))
        return _slot_panel(rows)

    def panel(self, rows: Sequence[SlotRow]) -> None:
        """Show slots as they stand."""
        self._console.print(_slot_panel(rows))


def _fleet_table(rows: Sequence[FleetRow]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for head in ("device", "rev", "slot a", "slot b", "boots", "bytes", ""):
        table.add_column(head)
    for row in rows:
        slots = [
            Text(row.slots[slot], style="bold green" if slot is row.booted else "") for slot in Slot
        ]
        boots = "recovery" if row.booted is None else str(row.booted)
        table.add_row(
            row.name, str(row.revision), *slots, boots, f"{row.received_bytes:>10,}", row.did
        )
    return table


def _slot_panel(rows: Sequence[SlotRow]) -> Panel:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        boots = Text("boots", style="bold green") if row.boots else Text("")
        shown = f"{row.digest[:_DIGEST_SHOWN]}… {row.length:>9,} bytes" if row.digest else ""
        table.add_row(f"slot {row.slot}", Text(row.release, style="bold"), shown, boots)
    return Panel(table, title="device", title_align="left", expand=False)


class _Steps:
    """The steps of one update, with the bytes that each has moved and has to move."""

    def __init__(self) -> None:
        self._moved: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._finished = False

    def report(self, step: str, moved_bytes: int, total_bytes: int) -> None:
        """Note that `step` has moved so many bytes more, of a total that may be unknown (0)."""
        self._moved[step] = self._moved.get(step, 0) + moved_bytes
        self._total[step] = total_bytes

    def finish(self) -> None:
        """Note that the last step is done."""
        self._finished = True

    def table(self) -> Table:
        """The steps so far; the last one is at work."""
        table = Table.grid(padding=(0, 1))
        last = len(self._moved) - 1
        for position, (step, moved) in enumerate(self._moved.items()):
            done = position < last or self._finished
            mark = Text("  ✓", style="green") if done else Text("  …", style="yellow")
            table.add_row(mark, step, f"{moved:>9,} B" if moved else "", self._bar(step))
        return table

    def _bar(self, step: str) -> RenderableType:
        total = self._total[step]
        return ProgressBar(total, self._moved[step], width=_BAR_WIDTH) if total else ""
