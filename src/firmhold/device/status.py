"""What an owner wants to read: what runs, what is under way, what was refused, and the server."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from firmhold.device.adapters.disk import read_file
from firmhold.device.appliance import Appliance
from firmhold.device.fetch.config import CERTIFICATE, CONFIG, read_fetch_config
from firmhold.device.online import FETCH, MAX_PEM_BYTES
from firmhold.protocol.identity import read_identity
from firmhold.trust.errors import Damaged, Refused
from firmhold.trust.shape import written_date
from firmhold.update.journal import Accepted
from firmhold.update.slots import Slot

NOTHING = "nothing that was installed here"


def status(state: Path) -> dict[str, object]:
    """Return what is known of the device in a folder; nothing is changed by it."""
    appliance = Appliance(state)
    config, remembered, record = appliance.config, appliance.memory.state, appliance.boot.read()
    running, outcome = appliance.boot.running(), remembered.outcome
    told: dict[str, object] = {
        "device": config.device,
        "hardware": f"{config.model} revision {config.revision}",
        "product": config.product,
        "running": "recovery system" if running is None else f"slot {running}",
        "phase": remembered.phase.value,
        "floor": appliance.floor.read(),
    }
    for slot in Slot:
        held = _held(appliance, remembered.holds(slot))
        told[f"slot {slot}"] = f"{record.of(slot).state}, {held}"
    told["last outcome"] = (
        "none" if outcome is None else f"{outcome.verdict} {_version(appliance, outcome.release)}"
    )
    told["refused"] = ", ".join(appliance.accounts.now.refusals) or "nothing since the last report"
    told |= _server(state, appliance)
    told["damage"] = ", ".join(str(fault) for fault in appliance.damage) or "none"
    return told


def status_lines(told: dict[str, object]) -> list[str]:
    """Return it as lines of two columns."""
    return [f"{name:<14} {value}" for name, value in told.items()]


def _server(state: Path, appliance: Appliance) -> dict[str, object]:
    folder = state / FETCH
    if not (folder / CONFIG).exists():
        return {"server": "none: updates come on a medium"}
    known = read_fetch_config(folder / CONFIG)
    account = appliance.accounts.now
    last = datetime.fromtimestamp(account.told_at, UTC)
    return {
        "server": f"{known.host}:{known.device_port}",
        "certificate": _certificate(folder / CERTIFICATE),
        "signing key": "in a file" if appliance.config.tpm is None else "in the TPM",
        "last report": "none" if account.told is None else f"{written_date(last)} or later",
    }


def _certificate(path: Path) -> str:
    if not path.exists():
        return "none: enrol"
    with suppress(OSError, ValueError, Damaged, Refused, x509.ExtensionNotFound):
        found = x509.load_pem_x509_certificate(read_file(path, MAX_PEM_BYTES))
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (name,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        until = written_date(found.not_valid_after_utc)
        return f"{read_identity(name).certificate_class} until {until}"
    return "cannot be read"


def _held(appliance: Appliance, accepted: Accepted | None) -> str:
    if accepted is None:
        return NOTHING
    release = accepted.release
    return f"release {release.counter} {_version(appliance, release.digest)}"


def _version(appliance: Appliance, release: bytes) -> str:
    version, digest = appliance.manifests.version(release), release.hex()[:16]
    return f"({digest})" if version is None else f"{version} ({digest})"
