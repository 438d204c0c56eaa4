"""What an Uptane component remembers between calls."""

from pathlib import Path

from firmhold.interop.adapters.folder import own_disk
from firmhold.storage.atomic import replace_file
from firmhold.trust.encoding import canonical_json, parse_json
from firmhold.trust.errors import Code, Damaged, Misuse, Refused
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.schema import a_number, a_text, an_object
from firmhold.trust.uptane.component import Component, ComponentId, HardwareId

_MOST_BYTES = 65_536


class ComponentFile:
    """`component.json` in a work folder: who we are, and how far we have come."""

    def __init__(self, workdir: Path) -> None:
        self._path = workdir / "component.json"

    def begin(self, component: Component) -> None:
        """Remember who we are, once; the same again changes nothing."""
        if not self._path.exists():
            self.keep(component)
        elif (known := self.load()) != Component(
            component.component, component.hardware, known.release_counter
        ):
            detail = f"this folder belongs to {known.component}"
            raise Misuse(self._fault(Code.STORE_ALREADY_PINNED, detail))

    def keep(self, component: Component) -> None:
        """Remember `component`, durably."""
        record = canonical_json(
            {
                "component": component.component,
                "hardware": component.hardware,
                "release_counter": component.release_counter,
            }
        )
        with own_disk(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, record)

    def load(self) -> Component:
        """Return what was remembered."""
        with own_disk(self._path):
            if not self._path.is_file():
                raise Misuse(self._fault(Code.STORE_NO_ROOT, "nothing was initialised here"))
            data = self._path.read_bytes()
        try:
            record = an_object(parse_json(data, max_bytes=_MOST_BYTES), "component.json")
            return Component(
                ComponentId(a_text(record.get("component"), "component")),
                HardwareId(a_text(record.get("hardware"), "hardware")),
                a_number(record.get("release_counter"), "release_counter", 0),
            )
        except Refused as error:
            raise Damaged(self._fault(Code.STORE_ROOT_DAMAGED, str(error))) from error

    def _fault(self, code: Code, detail: str) -> PlaceFault:
        return PlaceFault(code=code, path=str(self._path), detail=detail)
