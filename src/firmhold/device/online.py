"""A device with a network, put together: its own folder, and the process that has the network.

STATE/device.key         the device signing key
STATE/fetch/             what the process with the network may read; its spool is below it
"""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from ssl import DER_cert_to_PEM_cert

from cryptography.x509 import Certificate

from firmhold.device.adapters.disk import own_disk, read_file, sync_folder, write_all
from firmhold.device.adapters.key import new_tls_key
from firmhold.device.adapters.spooled import Spooled
from firmhold.device.appliance import Appliance, uptime
from firmhold.device.certificates import (
    Server,
    TlsIdentity,
    due,
    over,
    recovered,
    renewed,
    whole_identity,
)
from firmhold.device.check import Checker, Ended
from firmhold.device.fetch.ask import FetchClient, Port
from firmhold.device.fetch.config import (
    CERTIFICATE,
    CONFIG,
    SPOOL,
    Base,
    FetchConfig,
    read_fetch_config,
)
from firmhold.device.keys import open_key
from firmhold.device.report import Standing
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.settings.trust_settings import TrustSettings

FETCH, SIGNING_KEY, SOCKET = "fetch", "device.key", "fetch.sock"
MOST_SPOOL_BYTES = 1 << 28
MAX_PEM_BYTES = 65_536

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_LET_IN = frozenset(
    code.value
    for code in (
        Code.GATEWAY_REVOKED,
        Code.GATEWAY_SUPERSEDED,
        Code.GATEWAY_CERTIFICATE,
        Code.GATEWAY_AUTHORITY,
    )
)
_OWNER_AND_GROUP = 0o640


@dataclass(frozen=True, slots=True)
class Asked:
    """One port of the server, asked through the process with the network."""

    client: FetchClient
    port: Port

    def get(self, path: str, max_bytes: int) -> bytes:
        """Return what stands at a path."""
        return self.client.get(self.port, path, max_bytes)

    def post(self, path: str, body: bytes, max_bytes: int) -> bytes:
        """Send something; return the answer."""
        return self.client.post(self.port, path, body, max_bytes)


class Online:
    """A device that has been enrolled."""

    def __init__(self, state: Path, socket: Path) -> None:
        self.appliance = Appliance(state)
        self.folder = state / FETCH
        self.key = open_key(state / SIGNING_KEY, self.appliance.config.tpm)
        self.client = FetchClient(socket)

    def close(self) -> None:
        """Ask the process with the network no more."""
        self.client.close()

    def check(self) -> tuple[Ended, int | None]:
        """Go through one cycle with the server. Raises what `Checker.run` raises.

        Where the server does not take this device's certificate any more, its own key asks for
        another one, once.
        """
        self.write_config()
        self._keep_certified()
        try:
            return self._cycle()
        except Unavailable as error:
            if not _not_let_in(error):
                raise
            self.recover()
            return self._cycle()

    def _cycle(self) -> tuple[Ended, int | None]:
        appliance = self.appliance
        spooled = Spooled(self.client, self.folder / SPOOL, appliance.manifests)
        installer = appliance.installer(spooled)
        return Checker(
            store=appliance.store,
            manifests=appliance.manifests,
            accounts=appliance.accounts,
            installer=installer,
            fetch=spooled,
            key=self.key,
            uptime=uptime(),
            device=appliance.device,
            standing=self._standing,
            runs=appliance.runs,
            waits=lambda: appliance.reboot_wanted or installer.awaits is not None,
        ).run()

    def write_config(self) -> None:
        """Tell the process with the network where it may go, by the settings of today."""
        place = self.folder / CONFIG
        known = read_fetch_config(place)
        settings = self.appliance.store.settings.value
        new = configured(known.host, (known.device_port, known.enrolment_port), settings, self._now)
        if new != known:
            replace_file(place, new.to_bytes())

    @property
    def _now(self) -> datetime:
        """What time it is at least; the start of 1970 where nothing is known."""
        floor = self.appliance.store.floor
        return _NO_TIME if floor is None else floor.now(uptime())

    def _keep_certified(self) -> None:
        """Renew the certificate in time; what cannot be now is tried in the next cycle."""
        certificate = kept_identity(self.folder / CERTIFICATE)
        if certificate is None or over(certificate, self._now):
            self.recover()
        elif due(certificate, self._now):
            try:
                self._take(renewed(self._server("device"), self._name, self.key, new_tls_key))
            except Unavailable:
                return

    def recover(self) -> None:
        """Get a certificate by the device's own key alone."""
        self._take(recovered(self._server("enrolment"), self._name, self.key, new_tls_key))

    @property
    def _name(self) -> DeviceId:
        return self.appliance.config.device

    def _server(self, port: Port) -> Server:
        return Asked(self.client, port)

    def _take(self, identity: TlsIdentity) -> None:
        keep_identity(self.folder, identity)

    def _standing(self, recovery: bool) -> Standing:  # noqa: FBT001 - a fact that is passed on
        appliance = self.appliance
        runs = appliance.runs()
        version = None if runs is None else appliance.manifests.version(runs.release.digest)
        return Standing(
            device=appliance.config.device,
            component=appliance.config.component,
            running=appliance.boot.running(),
            record=appliance.boot.read(),
            state=appliance.memory.state,
            version=version,
            recovery=recovery,
        )


def _not_let_in(error: Unavailable) -> bool:
    """Tell whether the server refused the one who asked, by an alert or in words."""
    detail = str(getattr(error.fault, "detail", ""))
    refused = error.code is Code.FETCH_REFUSED
    return refused and (detail in _NOT_LET_IN or "ALERT" in detail)


def configured(
    host: str, ports: tuple[int, int], settings: TrustSettings, floor: datetime
) -> FetchConfig:
    """Return what the process with the network may do, by the trust settings."""
    pins = (*sorted(settings.server_pins.current), *sorted(settings.server_pins.next))
    authorities = tuple(DER_cert_to_PEM_cert(each) for each in settings.server_authorities)
    bases = tuple(
        Base(base.url, tuple(DER_cert_to_PEM_cert(each) for each in base.authorities))
        for base in settings.payload_bases
    )
    device_port, enrolment_port = ports
    day = floor.replace(hour=0, minute=0, second=0, microsecond=0)
    return FetchConfig(
        host,
        device_port,
        enrolment_port,
        tuple(dict.fromkeys(pins)),
        day,
        bases,
        MOST_SPOOL_BYTES,
        authorities,
    )


def keep_identity(folder: Path, identity: TlsIdentity) -> None:
    """Keep a certificate and its key, both at one stroke."""
    replace_file(folder / CERTIFICATE, identity.key + identity.certificate)


def kept_identity(place: Path) -> Certificate | None:
    """Return the certificate that is kept with its key; None if it is lost or spoilt."""
    try:
        return whole_identity(read_file(place, MAX_PEM_BYTES))
    except OSError:
        return None


def replace_file(path: Path, data: bytes) -> None:
    """Give a file these bytes, wholly and durably, or leave it as it was."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    with own_disk(path):
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_AND_GROUP)
        try:
            write_all(descriptor, 0, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.replace(path)
        sync_folder(path.parent)
