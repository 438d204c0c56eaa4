"""Enrol: a device makes its keys, brings its one-time token, and gets its first certificate.

Whatever is cut off can be done again with the same invitation: what was made is kept. If the token
was spent and the answer never arrived, the signing key that was enrolled with it speaks for the
device, and it gets its certificate by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from firmhold.device.adapters.disk import own_disk
from firmhold.device.adapters.key import new_tls_key
from firmhold.device.adapters.user import give, require_user
from firmhold.device.appliance import read_config
from firmhold.device.certificates import MAX_BYTES, TlsIdentity, identity, recovered
from firmhold.device.config import Config
from firmhold.device.fetch.ask import FetchClient
from firmhold.device.fetch.config import AUTHORITY, CERTIFICATE, CONFIG, SPOOL, FetchConfig
from firmhold.device.fetching import fetching
from firmhold.device.keys import SigningKey, make_key
from firmhold.device.make import is_device, make_device
from firmhold.device.online import (
    FETCH,
    SIGNING_KEY,
    Asked,
    configured,
    keep_identity,
    replace_file,
)
from firmhold.protocol.enrolment import Enrolment
from firmhold.protocol.invitation import Invitation
from firmhold.protocol.paths import ENROL
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Misuse, Unavailable
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.slots import Slot

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Body:
    """What an invitation does not know: where the slots are, the device's groups, who fetches."""

    slots: dict[Slot, Path]
    groups: Sequence[str] = ()
    fetch_user: str | None = None
    """Who fetches, where root installs; None: the same user."""
    tpm: str | None = None
    """The TPM in which the device signing key is made (TCTI); None: it is made in a file."""


def enrol(state: Path, invited: Invitation, body: Body, fetch: Path | None = None) -> None:
    """Make a device in a folder, if it is not one yet, and get its first certificate.

    `fetch` is the socket of a process with the network that runs already.
    Raises `Misuse` if it is enrolled already or is another device, `Refused` if the server is not
    the one that the invitation names, `Unavailable` if it does not answer or takes no such device.
    """
    if body.fetch_user is not None:
        require_user(body.fetch_user)
    if not is_device(state):
        make_device(state, _config(invited, body), _built_in(invited))
    folder = state / FETCH
    _require_meant(state, invited.device)
    _require_not_enrolled(state, folder)
    key = make_key(state / SIGNING_KEY, read_config(state).tpm)
    with own_disk(folder):
        folder.mkdir(mode=0o750, exist_ok=True)
    if body.fetch_user is not None:
        give(state, folder, folder / SPOOL, body.fetch_user)
    replace_file(folder / AUTHORITY, invited.authority.encode())
    replace_file(folder / CONFIG, _fetch_config(invited).to_bytes())
    with fetching(folder / CONFIG, fetch) as place:
        client = FetchClient(place)
        try:
            keep_identity(folder, _certified(Asked(client, "enrolment"), invited, key))
        finally:
            client.close()


def _certified(server: Asked, invited: Invitation, key: SigningKey) -> TlsIdentity:
    private, csr = new_tls_key()
    try:
        proven = key.proven(server, invited.device)
        asked = Enrolment(invited.token, invited.device, key.csr, csr, proven)
        return identity(server.post(ENROL, asked.to_bytes(), MAX_BYTES), private)
    except Unavailable as error:
        if not _spent(error):
            raise
        return _by_its_key(server, invited.device, key, error)


def _by_its_key(
    server: Asked, device: DeviceId, key: SigningKey, first: Unavailable
) -> TlsIdentity:
    """Get a certificate by the key that was enrolled, if it was; else the token's fault counts."""
    try:
        return recovered(server, device, key, new_tls_key)
    except Unavailable:
        raise first from None


def _spent(error: Unavailable) -> bool:
    """Tell whether the server takes the token for one that is used, over or unknown."""
    return getattr(error.fault, "detail", None) == Code.CA_TOKEN


def _require_meant(state: Path, device: DeviceId) -> None:
    found = read_config(state).device
    if found != device:
        detail = f"it is {found}, and the invitation is for {device}"
        raise Misuse(PlaceFault(code=Code.DEVICE_THERE, path=str(state), detail=detail))


def _require_not_enrolled(state: Path, folder: Path) -> None:
    if (folder / CERTIFICATE).exists():
        detail = f"{FETCH}/{CERTIFICATE}"
        raise Misuse(PlaceFault(code=Code.DEVICE_THERE, path=str(state), detail=detail))


def _config(invited: Invitation, body: Body) -> Config:
    return Config(
        device=invited.device,
        product=invited.product,
        component=ComponentId(invited.component),
        model=HardwareId(invited.model),
        revision=invited.revision,
        groups=tuple(body.groups),
        slots={slot: path.absolute() for slot, path in body.slots.items()},
        tpm=body.tpm,
    )


def _built_in(invited: Invitation) -> tuple[bytes, bytes, bytes]:
    return invited.image_root, invited.director_root, invited.settings


def _fetch_config(invited: Invitation) -> FetchConfig:
    settings = parse_settings(invited.settings)
    ports = (invited.device_port, invited.enrolment_port)
    return configured(invited.host, ports, settings, _NO_TIME)
