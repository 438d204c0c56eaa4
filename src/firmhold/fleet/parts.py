"""Each part of a fleet server as a process: put together from its home, run until told to end."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx

from firmhold.fleet.authorities import Known
from firmhold.fleet.beliefs import Beliefs
from firmhold.fleet.ca import serve as ca
from firmhold.fleet.ca.hand_over import issuer
from firmhold.fleet.ca.issue import Desk as CaDesk
from firmhold.fleet.director import serve as director
from firmhold.fleet.director.appointed import Appointed
from firmhold.fleet.director.appointed import Roots as DirectorRoots
from firmhold.fleet.divide import become
from firmhold.fleet.gateway.check_in import Desk
from firmhold.fleet.gateway.doors import enrolment_app
from firmhold.fleet.gateway.enrol import Ca
from firmhold.fleet.gateway.est import Est
from firmhold.fleet.gateway.files import Files
from firmhold.fleet.gateway.inbox import Inbox
from firmhold.fleet.gateway.ports import Ports, TlsKey, tls_key
from firmhold.fleet.gateway.serve import Gateway, device_app, keep_writing
from firmhold.fleet.gateway.ticks import PATIENCE_SECONDS, Ticks
from firmhold.fleet.home import Home
from firmhold.fleet.listen import listen, port, unix
from firmhold.fleet.log import begin
from firmhold.fleet.nonces import Nonces
from firmhold.pkix.borrowed import public_half
from firmhold.signing.audit import Auditable
from firmhold.signing.ports import Secrets, Signer
from firmhold.signing.uri import FILE_SCHEME, open_signer
from firmhold.storage.disk import own_disk, read_file
from firmhold.storage.sql import open_database, open_for_reading, used
from firmhold.trust.settings.trust_settings import TrustSettings
from firmhold.trust.tuf.wire import MAX_BYTES

_MAX_PEM_BYTES = 65_536

Work = Coroutine[object, object, None]
Clock = Callable[[], datetime]


def run_part(home: Home, part: str, secrets: Secrets) -> None:
    """Run one part until the process is told to end."""
    begin(part)
    work = {"ca": _ca, "director": _director, "gateway": _gateway}[part](home, secrets)
    become(home, part)
    with asyncio.Runner() as runner:
        runner.run(work)


def _ca(home: Home, secrets: Secrets) -> Work:
    return ca_work(home, _keys(home, "ca", secrets), clock)


def _director(home: Home, secrets: Secrets) -> Work:
    signers, clocks = _keys(home, "director", secrets), _keys(home, "freshness", secrets)
    return director_work(home, signers, clocks, clock)


def _gateway(home: Home, secrets: Secrets) -> Work:
    keys = [_tls_key(uri, secrets) for uri in home.uris("gateway")]
    return gateway_work(home, keys, clock)


def _tls_key(uri: str, secrets: Secrets) -> TlsKey:
    path = Path(uri.removeprefix(FILE_SCHEME))
    return tls_key(public_half(open_signer(uri, secrets)), path, secrets.passphrase(str(path)))


async def ca_work(home: Home, keys: Sequence[Signer], clock: Clock) -> None:
    """Be the CA, with the keys of its authorities, until cancelled."""
    known, settings = Known(home), _settings(home, clock)
    with used(open_database(home.database_for("ca"), "ca")) as database:
        lifetime = timedelta(hours=home.certificate_hours)
        desk = CaDesk(
            database,
            home.host,
            partial(issuer, known, keys),
            Nonces(),
            lambda: settings().ek_roots,
            lifetime,
        )
        part = ca.Ca(desk, clock)
        await _together(
            listen(ca.gateway_app(part), unix(home.socket("ca")), None),
            listen(ca.operators_app(part), unix(home.socket("ca-admin")), None),
        )


async def director_work(
    home: Home, signers: Sequence[Signer], clocks: Sequence[Signer], clock: Clock
) -> None:
    """Be the director, with the keys of its words and those that tell the time."""
    roots = DirectorRoots(home.folder / "roots")
    beliefs = Beliefs(home.site, _read(home, "roots", "image.root.json"), clock())
    appointed = Appointed(roots, beliefs, signers, clocks)
    with used(open_database(home.database_for("director"), "director")) as database:
        part = director.Director(database, beliefs, appointed, home.wait, clock)
        await _together(
            listen(director.gateway_app(part), unix(home.socket("director")), None),
            listen(director.operators_app(part), unix(home.socket("director-admin")), None),
            part.run(),
        )


async def gateway_work(home: Home, keys: Sequence[TlsKey], clock: Clock) -> None:
    """Be the gateway, which shows one of its keys to whoever comes to its ports."""
    known, settings = Known(home), _settings(home, clock)
    nonces, url = Nonces(), home.database_for("gateway")
    with used(open_for_reading(url)) as reader, used(open_database(url, "gateway")) as writer:
        async with _asked(home, "ca") as ca, _asked(home, "director") as ticks:
            authority = Ca(ca)
            part = Gateway(
                database=reader,
                desk=Desk(Ticks(ticks), nonces, home.wait),
                inbox=Inbox(writer, nonces),
                files=Files(home.site, home.folder / "roots", reader),
                ca=authority,
                est=Est(authority, known),
                authorities=known,
                clock=clock,
            )
            await _ports(home, part, Ports(home, keys, known, settings, ca, clock))


async def _ports(home: Home, part: Gateway, ports: Ports) -> None:
    await ports.begin()
    known, new = port(home.host, home.device_port), port(home.host, home.enrolment_port)
    await _together(
        listen(device_app(part), known, ports.tls(ssl.CERT_REQUIRED)),
        listen(enrolment_app(part.ca, part.est), new, ports.tls(ssl.CERT_NONE)),
        keep_writing(part.inbox),
        ports.keep(),
    )


def _settings(home: Home, clock: Clock) -> Callable[[], TrustSettings]:
    """The trust settings, by what is published when somebody asks."""
    believed: list[Beliefs] = []

    def settings() -> TrustSettings:
        if not believed:
            root = _read(home, "roots", "image.root.json")
            believed.append(Beliefs(home.site, root, clock()))
        believed[0].refresh(clock())
        return believed[0].settings.value

    return settings


async def _together(*work: Work) -> None:
    """Do all of it until one part ends, or this is cancelled; then end the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def clock() -> datetime:
    """Return what time it is on this machine."""
    return datetime.now(UTC)  # noqa: TID251 - the composition root reads the clock


def _asked(home: Home, part: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(home.socket(part)))
    return httpx.AsyncClient(
        transport=transport, base_url="http://firmhold", timeout=PATIENCE_SECONDS
    )


def _keys(home: Home, office: str, secrets: Secrets) -> list[Auditable]:
    return [open_signer(uri, secrets) for uri in home.uris(office)]


def _read(home: Home, *steps: str) -> bytes:
    place = home.folder.joinpath(*steps)
    with own_disk(place):
        return read_file(place, max(_MAX_PEM_BYTES, MAX_BYTES["root"]))
