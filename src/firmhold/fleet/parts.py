"""Each part of a fleet server as a process: put together from its home, run until told to end."""

import asyncio
import ssl
from collections.abc import Coroutine
from datetime import UTC, datetime

import httpx
from cryptography import x509

from firmhold.fleet.ca import serve as ca
from firmhold.fleet.ca.authority import Authority
from firmhold.fleet.ca.issue import Desk as CaDesk
from firmhold.fleet.director import serve as director
from firmhold.fleet.director.beliefs import Beliefs
from firmhold.fleet.gateway.check_in import Desk
from firmhold.fleet.gateway.enrol import Ca, enrolment_app
from firmhold.fleet.gateway.files import Files
from firmhold.fleet.gateway.inbox import Inbox
from firmhold.fleet.gateway.serve import Gateway, device_app, keep_writing
from firmhold.fleet.gateway.ticks import PATIENCE_SECONDS, Ticks
from firmhold.fleet.home import Home
from firmhold.fleet.listen import listen, port, server_context, unix
from firmhold.fleet.log import begin
from firmhold.fleet.nonces import Nonces
from firmhold.signing.file import FileSigner
from firmhold.signing.ports import Secrets
from firmhold.storage.disk import own_disk, read_file
from firmhold.storage.sql import open_database, open_for_reading
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES

PARTS = ("ca", "director", "gateway")

_MAX_PEM_BYTES = 65_536

Work = Coroutine[object, object, None]


def run_part(home: Home, part: str, secrets: Secrets) -> None:
    """Run one part until the process is told to end."""
    begin(part)
    made = {"ca": _ca, "director": _director, "gateway": _gateway}[part]
    with asyncio.Runner() as runner:
        runner.run(made(home, secrets))


async def _ca(home: Home, secrets: Secrets) -> None:
    own = x509.load_pem_x509_certificate(_read(home, "ca", "authority.pem"))
    authority = Authority(_key(home, "ca", secrets), own)
    desk = CaDesk(open_database(home.database), authority, Nonces())
    part = ca.Ca(desk, clock)
    await _together(
        [
            listen(ca.gateway_app(part), unix(home.socket("ca")), None),
            listen(ca.operators_app(part), unix(home.socket("ca-admin")), None),
        ]
    )


async def _director(home: Home, secrets: Secrets) -> None:
    root = TrustedSet.pin(_read(home, "roots", "director.root.json"), FIRMHOLD).root.value
    part = director.Director(
        database=open_database(home.database),
        beliefs=Beliefs(home.site, _read(home, "roots", "image.root.json"), clock()),
        signer=_key(home, "director", secrets),
        freshness=_key(home, "freshness-1", secrets),
        root_version=root.version,
        clock=clock,
    )
    await _together(
        [
            listen(director.gateway_app(part), unix(home.socket("director")), None),
            listen(director.operators_app(part), unix(home.socket("director-admin")), None),
        ],
        part.run(),
    )


async def _gateway(home: Home, secrets: Secrets) -> None:
    nonces, reader = Nonces(), open_for_reading(home.database)
    inbox = Inbox(open_database(home.database), nonces)
    behind = Ca(_asked(home, "ca"))
    part = Gateway(
        database=reader,
        desk=Desk(Ticks(_asked(home, "director")), nonces, home.wait),
        inbox=inbox,
        files=Files(home.site, home.folder / "roots", reader),
        ca=behind,
        clock=clock,
    )
    await _together(
        [
            listen(
                device_app(part),
                port(home.host, home.device_port),
                _tls(home, secrets, ssl.CERT_REQUIRED),
            ),
            listen(
                enrolment_app(behind),
                port(home.host, home.enrolment_port),
                _tls(home, secrets, ssl.CERT_NONE),
            ),
        ],
        keep_writing(inbox),
    )


async def _together(servers: list[Work], *beside: Work) -> None:
    """Serve until every server has been told to end; then end what goes on beside them."""
    tasks = [asyncio.create_task(each) for each in beside]
    try:
        await asyncio.gather(*servers)
    finally:
        for task in tasks:
            task.cancel()


def clock() -> datetime:
    """Return what time it is on this machine."""
    return datetime.now(UTC)  # noqa: TID251 - the composition root reads the clock


def _asked(home: Home, part: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(home.socket(part)))
    return httpx.AsyncClient(
        transport=transport, base_url="http://firmhold", timeout=PATIENCE_SECONDS
    )


def _tls(home: Home, secrets: Secrets, clients: ssl.VerifyMode) -> ssl.SSLContext:
    key = home.key("gateway")
    passphrase = secrets.passphrase(str(key))
    return server_context(home.server_certificate, key, passphrase, home.authority, clients)


def _key(home: Home, name: str, secrets: Secrets) -> FileSigner:
    place = home.key(name)
    return FileSigner.load(place, secrets.passphrase(str(place)))


def _read(home: Home, *steps: str) -> bytes:
    place = home.folder.joinpath(*steps)
    with own_disk(place):
        return read_file(place, max(_MAX_PEM_BYTES, MAX_BYTES["root"]))
