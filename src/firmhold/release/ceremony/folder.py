"""A ceremony's folder, which goes from hand to hand.

FOLDER/plan.json              what is to change
FOLDER/signatures/NAME.json   partial signatures, as holders hand them back
FOLDER/document.json          the signed document, once it is whole
FOLDER/transcript.json        who signed, vouched for by somebody who did not
"""

from dataclasses import dataclass
from pathlib import Path

from firmhold.release.arguments import read_argument, write_new
from firmhold.release.ceremony.outcome import Outcome, work_out
from firmhold.release.ceremony.partial import MAX_BYTES as PARTIAL_BYTES
from firmhold.release.ceremony.partial import Partial, parse_partial
from firmhold.release.ceremony.plan import MAX_BYTES as PLAN_BYTES
from firmhold.release.ceremony.plan import Plan, parse_plan
from firmhold.release.ceremony.transcript import MAX_BYTES as TRANSCRIPT_BYTES
from firmhold.release.ceremony.transcript import Files
from firmhold.storage.disk import own_disk
from firmhold.trust.tuf.wire import MAX_BYTES

DOCUMENT_BYTES = max(MAX_BYTES.values())


@dataclass(frozen=True, slots=True)
class CeremonyFolder:
    """The folder of one ceremony."""

    folder: Path

    @property
    def plan_file(self) -> Path:
        """Where the plan lies."""
        return self.folder / "plan.json"

    @property
    def signatures(self) -> Path:
        """Where partial signatures lie."""
        return self.folder / "signatures"

    def begin(self, plan: Plan) -> None:
        """Lay the plan down; a folder with another ceremony in it is left alone."""
        write_new(self.plan_file, plan.to_bytes())

    def plan(self) -> Plan:
        """Return the plan."""
        return self.read_plan(self.plan_file)

    @staticmethod
    def read_plan(file: Path) -> Plan:
        """Return the plan in a file that is alone."""
        return parse_plan(read_argument(file, PLAN_BYTES))

    def outcome(self, pinned: bytes | None) -> tuple[Plan, Outcome]:
        """Return the plan and what it comes to."""
        plan = self.plan()
        return plan, work_out(plan, pinned)

    def put_signature(self, partial: Partial, to: Path | None = None) -> Path:
        """Lay a partial signature down under its holder's name, or where it was asked for."""
        place = to or self.signatures / f"{partial.holder}.json"
        write_new(place, partial.to_bytes())
        return place

    def partials(self) -> list[Partial]:
        """Return all partial signatures that were handed back."""
        with own_disk(self.signatures):
            found = sorted(self.signatures.glob("*.json")) if self.signatures.exists() else []
        return [parse_partial(read_argument(file, PARTIAL_BYTES)) for file in found]

    def put_document(self, document: bytes) -> Path:
        """Lay the signed document down."""
        write_new(self.folder / "document.json", document)
        return self.folder / "document.json"

    def put_transcript(self, transcript: bytes) -> Path:
        """Lay the transcript down."""
        write_new(self.folder / "transcript.json", transcript)
        return self.folder / "transcript.json"

    def transcript(self) -> bytes:
        """Return the transcript."""
        return read_argument(self.folder / "transcript.json", TRANSCRIPT_BYTES)

    def files(self, pinned: bytes | None) -> Files:
        """Return all that a finished ceremony left behind."""
        plan, outcome = self.outcome(pinned)
        document = read_argument(self.folder / "document.json", DOCUMENT_BYTES)
        return Files(plan, outcome, self.partials(), document)
