"""A whole fleet in one process: a vendor, a server whose parts really listen, devices that ask it.

Sockets, TLS, tables, slots and state folders are real; the keys are made from names, and the parts
run in threads, so that a world begins in a moment. Time goes on when the clock is told to, but for
TLS, which has the machine's::

    with SimFleet(folder) as fleet:
        fleet.publish(1, b"first image")
        camera = fleet.device("camera-7")
        fleet.rollout(1)
        camera.live()
        assert camera.runs(1)
"""

import asyncio
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, func, select

from firmhold.fleet.ask import Part
from firmhold.fleet.ca.authority import make_authority
from firmhold.fleet.ca.hand_over import hand_over
from firmhold.fleet.database import make_database
from firmhold.fleet.gateway.ports import TlsKey, tls_key
from firmhold.fleet.home import PARTS, SETUP, SOCKETS, Home
from firmhold.fleet.invite import invitation
from firmhold.fleet.keys import take_roots
from firmhold.fleet.operate import following, planned, send
from firmhold.fleet.parts import ca_work, director_work, gateway_work
from firmhold.fleet.tables import READ_UP_TO, REPORTS
from firmhold.fleet.waves import read_waves
from firmhold.pkix.borrowed import public_half
from firmhold.protocol.invitation import Invitation, parse_invitation
from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.build import build_release
from firmhold.release.description import read_description
from firmhold.signing.ports import Signer
from firmhold.sim.clock import SimClock
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.signer import sim_pem, sim_signer
from firmhold.sim.vendor import SimVendor
from firmhold.storage.sql import open_for_reading, used
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import FirmholdError
from firmhold.trust.governance.rollout_act import Action
from firmhold.trust.tuf.schema import a_number, an_object

HOST = "127.0.0.1"
PRODUCT, COMPONENT, MODEL = "camera", "main", "camera-1"
PATIENCE_SECONDS = 20.0
TEXT = """
product = "camera"
class = "{authority}"
version = "{number}.0"
{more}
[[components]]
id = "main"
type = "system"
image = "{number}.img"
{component}
hardware = [{{ model = "camera-1", first = 1, last = 4 }}]
"""


@dataclass(slots=True)
class _Running:
    """A part of the server in a thread of its own."""

    work: Callable[[], Coroutine[object, object, None]]
    failure: BaseException | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _task: asyncio.Task[None] | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            try:
                runner.run(self._cancellable())
            except asyncio.CancelledError:
                return
            except BaseException as error:  # noqa: BLE001 - told by whoever waits for the part
                self.failure = error

    async def _cancellable(self) -> None:
        self._task = asyncio.create_task(self.work())
        await self._task


@dataclass
class SimFleet:
    """Everything below `folder`, but for the server's own, whose sockets need a short path."""

    folder: Path
    wait: int = 1
    database: str = ""
    """URL; else SQLite in the folder."""
    vendor: SimVendor = field(init=False)
    home: Home = field(init=False)
    clock: SimClock = field(init=False)
    devices: list[FleetDevice] = field(default_factory=list)
    keys: dict[str, list[str]] = field(
        default_factory=lambda: {
            "ca": ["ca"],
            "director": ["director"],
            "freshness": ["freshness-1"],
            "gateway": ["gateway"],
        }
    )
    """The keys that the parts hold, by name, for each office."""
    signers: dict[str, Signer] = field(default_factory=dict)
    """Those among them that are not made from their names."""
    _parts: dict[str, _Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the vendor's domain and the server's folder."""
        self.clock = SimClock(datetime.now(UTC))  # noqa: TID251 - TLS has this time too
        desk, site = FolderDesk(self.folder / "desk"), FolderSite(self.folder / "site")
        self.vendor = SimVendor(desk, site, clock=self.clock)
        domain = self.vendor.equip(PRODUCT)
        self.home = Home(
            folder=Path(tempfile.mkdtemp(prefix="firmhold-")),
            host=HOST,
            device_port=free_port(),
            enrolment_port=free_port(),
            site=self.folder / "site",
            database=self.database or f"sqlite:///{self.folder / 'fleet.db'}",
            wait=self.wait,
        )
        self._set_up(domain.director_root)

    def __enter__(self) -> Self:
        """Start all parts."""
        for name in PARTS:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        for device in self.devices:
            device.close()
        for name in reversed(PARTS):
            self.stop(name)
        shutil.rmtree(self.home.folder, ignore_errors=True)

    def start(self, part: str) -> None:
        """Start a part, and wait until it listens."""
        self._parts[part] = running = _Running(self._work(part))
        running.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._listens(part):
            if running.failure is not None or time.monotonic() > deadline:
                raise RuntimeError(part) from running.failure
            time.sleep(0.01)

    def stop(self, part: str) -> None:
        """Stop a part, as a machine that goes down; what it wrote is there."""
        if part in self._parts:
            self._parts.pop(part).stop()

    def restart(self, part: str) -> None:
        """Stop a part and start it."""
        self.stop(part)
        self.start(part)

    def publish(
        self,
        number: int,
        image: bytes,
        more: str = "",
        authority: str = "feature",
        component: str = "",
    ) -> None:
        """Build a release, have two holders sign it, publish it."""
        self.draft(number, image, more, authority, component)
        self.vendor.sign(authority, f"{authority}-1", f"{authority}-2")
        self.vendor.publish()

    def draft(
        self,
        number: int,
        image: bytes,
        more: str = "",
        authority: str = "feature",
        component: str = "",
    ) -> None:
        """Build a release, which nobody has signed yet."""
        (self.folder / f"{number}.img").write_bytes(image)
        said = {"number": number, "more": more, "authority": authority, "component": component}
        description = read_description(TEXT.format(**said).encode(), self.folder)
        build_release(self.vendor.desk, description, self.clock.now())

    def rollout(
        self,
        counter: int,
        name: str | None = None,
        waves: str = "100",
        authority: str = "feature",
    ) -> JsonObject:
        """Begin a rollout of a release, by its counter, with an act of the operator's."""
        path, now = f"{authority}/{PRODUCT}/{counter}.json", self.clock.now()
        self.heard(path)
        with self.operator() as director:
            shares = read_waves(waves, 0, 90, 5)
            expires = now.replace(microsecond=0) + timedelta(days=30)
            plan = planned(director, name or f"r{counter}", path, shares, now, expires)
            return send(director, plan.act, sim_signer("operator-1"))

    def tell(self, name: str, action: Action) -> JsonObject:
        """Halt a rollout, or resume it."""
        with self.operator() as director:
            act = following(director, name, action, self.clock.now())
            return send(director, act, sim_signer("operator-1"))

    def settled(self) -> None:
        """Wait until the director has taken in what came in until now."""
        with used(open_for_reading(self.home.database_for("director"))) as database:
            self.until(lambda: _is_read(database))

    def take_roots(self) -> list[int]:
        """Have the server take the Director's roots that the vendor's desk has."""
        return take_roots(self.home, self.folder / "desk")

    def show_keys(self, *names: str) -> None:
        """Have the gateway hold these keys and no others; the ca certifies each."""
        self.stop("gateway")
        self.keys["gateway"] = [*names]
        self.start("gateway")

    def hand_over(self, name: str) -> None:
        """Have another authority issue certificates, by the key that is made from a name."""
        self.keys["ca"].append(name)
        self.restart("ca")
        hand_over(self.home, sim_signer(name), f"file:{name}.pem", self.clock.now())

    def heard(self, path: str) -> None:
        """Wait until the director has verified a release that was published."""
        with self.operator() as director:
            self.until(lambda: _is_there(director, path))

    def open_waves(self, name: str) -> int:
        """How many waves of a rollout are open."""
        return a_number(self.told(name)["open_waves"], "open_waves", 0)

    def confirmed(self, name: str) -> int:
        """How many devices have confirmed what a rollout brings."""
        counts = an_object(self.told(name)["counts"], "counts")
        return a_number(counts["confirmed"], "confirmed", 0)

    def told(self, name: str) -> JsonObject:
        """What operators are told of a rollout."""
        with self.operator() as director:
            (found,) = [row for row in director.rows("/rollouts") if row["rollout"] == name]
            return found

    def until(self, happens: Callable[[], bool]) -> None:
        """Wait until something happens, and fail if it does not."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happens():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.02)

    @contextmanager
    def operator(self, part: str = "director") -> Iterator[Part]:
        """Talk to a part as an operator does."""
        with Part(self.home, part) as found:
            yield found

    def invite(self, name: str, revision: int = 1, hours: int = 24) -> Invitation:
        """Add a device, and return its invitation."""
        about: JsonObject = {
            "device": name,
            "product": PRODUCT,
            "component": COMPONENT,
            "model": MODEL,
            "revision": revision,
        }
        return parse_invitation(invitation(self.home, about, timedelta(hours=hours)))

    def device(self, name: str, revision: int = 1, slot_bytes: int = 1 << 18) -> FleetDevice:
        """Return a device that has been invited and is enrolled."""
        made = self.new_device(name, slot_bytes)
        made.enrol(self.invite(name, revision))
        return made

    def new_device(self, name: str, slot_bytes: int = 1 << 18) -> FleetDevice:
        """Return a device that nobody has invited."""
        made = FleetDevice(self.folder / name, slot_bytes)
        self.devices.append(made)
        return made

    def _set_up(self, director_root: bytes) -> None:
        home, now = self.home, self.clock.now()
        for name in ("keys", "roots", "ca", "gateway", *(f"sockets/{each}" for each in SOCKETS)):
            (home.folder / name).mkdir(parents=True)
        home.root("image").write_bytes(self.vendor.root)
        home.root("director").write_bytes(director_root)
        own = make_authority(sim_signer("ca"), f"Firmhold devices of {HOST}", now)
        home.authority.write_bytes(own.public_bytes(Encoding.PEM))
        make_database(home)
        (home.folder / SETUP).write_bytes(home.to_bytes())

    def _tls_key(self, name: str) -> TlsKey:
        place = self.home.key(name)
        place.write_bytes(sim_pem(name))
        return tls_key(public_half(sim_signer(name)), place, "")

    def _work(self, part: str) -> Callable[[], Coroutine[object, object, None]]:
        home, now = self.home, self.clock.now
        return {
            "ca": lambda: ca_work(home, self._signers("ca"), now),
            "director": lambda: director_work(
                home, self._signers("director"), self._signers("freshness"), now
            ),
            "gateway": lambda: gateway_work(
                home, [self._tls_key(name) for name in self.keys["gateway"]], now
            ),
        }[part]

    def _signers(self, office: str) -> list[Signer]:
        return [self.signers.get(name) or sim_signer(name) for name in self.keys[office]]

    def _listens(self, part: str) -> bool:
        if part == "gateway":
            ports = (self.home.device_port, self.home.enrolment_port)
            return all(_answers(socket.AF_INET, (HOST, number)) for number in ports)
        places = (self.home.socket(part), self.home.socket(f"{part}-admin"))
        return all(_answers(socket.AF_UNIX, str(place)) for place in places)


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_read(database: Engine) -> bool:
    """Whether no report waits in the inbox."""
    with database.connect() as connection:
        newest = connection.execute(select(func.max(REPORTS.c.id))).scalar() or 0
        query = select(READ_UP_TO.c.id).where(READ_UP_TO.c.inbox == REPORTS.name)
        return (connection.execute(query).scalar() or 0) >= newest


def _answers(family: int, address: object) -> bool:
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0  # type: ignore[arg-type]


def _is_there(director: Part, path: str) -> bool:
    try:
        director.read("/releases", {"path": path})
    except FirmholdError:
        return False
    return True
