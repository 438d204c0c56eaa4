"""A vendor with a release desk, and somebody who reads what it publishes.

The whole of it::

    vendor = SimVendor()
    vendor.build("feature", file)
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.publish()
    SimReader(vendor.site, vendor.root, vendor.clock).read("feature/thing/file.bin")
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from firmhold.interop.client import Client
from firmhold.release.build import Built, build, build_document
from firmhold.release.ceremony.offices import settings_bytes, settings_of
from firmhold.release.ceremony.propose import DIRECTOR_ROOT
from firmhold.release.documents import ONLINE
from firmhold.release.domain import Domained, make_domain
from firmhold.release.entries import counter_path
from firmhold.release.keys import default_holders, init_domain
from firmhold.release.ports import Desk, Site
from firmhold.release.publish import Published, publish
from firmhold.release.sign import sign
from firmhold.signing.ports import Signer
from firmhold.sim.clock import SimClock
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.signer import sim_signer
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import OverLimit
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.quorum import Tally
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.dialect import FIRMHOLD, Dialect
from firmhold.trust.tuf.trusted_set import ROOT, TrustedSet
from firmhold.trust.tuf.wire import target_url_path
from firmhold.update.security import ProductCounter
from firmhold.update.version import SecurityCounter

PRODUCT = "thing"


class SimVendor:
    """Holds every key of a staging domain; `desk` and `site` are in memory unless given."""

    def __init__(
        self,
        desk: Desk | None = None,
        site: Site | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
        clock: SimClock | None = None,
    ) -> None:
        self.desk = desk or SimDesk()
        self.site = site or SimSite()
        self.clock = clock or SimClock()
        self.machines = {role: role for role in ONLINE}
        """The key of each machine, by the name that it is made from."""
        init_domain(self.desk, names or {}, _sim_key, self.clock.now())

    @property
    def root(self) -> bytes:
        """The root that devices get at manufacture."""
        return self.desk.versions(ROOT)[0][1]

    @property
    def online(self) -> dict[str, Signer]:
        """The keys that machines hold."""
        return {role: sim_signer(self.machines[role]) for role in ONLINE}

    def equip(self, product: str) -> Domained:
        """Make a Director's root, and publish trust settings and a product's first counter."""
        now, desk = self.clock.now(), self.desk
        root = {name: sim_signer(name) for name in default_holders(ROOT)}
        made = make_domain(root, sim_signer, now)
        desk.keep(DIRECTOR_ROOT, 1, made.director_root)
        build_document(desk, SETTINGS_PATH, made.settings, now)
        counter = ProductCounter(product, SecurityCounter(0)).to_bytes()
        build_document(desk, counter_path(product), counter, now)
        for role in ("targets", "security"):
            self.sign(role, f"{role}-1", f"{role}-2")
        self.publish()
        return made

    def settle(self, **changes: JsonValue) -> None:
        """Change members of the trust settings, have two holders sign them, and publish."""
        settings = {**(settings_of(self.desk) or {}), **changes}
        build_document(self.desk, SETTINGS_PATH, settings_bytes(settings), self.clock.now())
        self.sign("targets", "targets-1", "targets-2")
        self.publish()

    def build(self, authority: str, *files: Path, product: str = PRODUCT) -> Built:
        """Draft the next version of an authority's role."""
        return build(self.desk, authority, product, files, self.clock.now())

    def sign(self, role: str, *holders: str) -> Tally:
        """Have holders sign the draft of a role, one after the other."""
        now = self.clock.now()
        return [sign(self.desk, role, sim_signer(name), now).tally for name in holders][-1]

    def publish(self) -> Published:
        """Publish what is signed."""
        return publish(self.desk, self.site, self.online, self.clock.now())

    def release(self, authority: str, *files: Path) -> Published:
        """Draft files, have two holders sign them, and publish."""
        self.build(authority, *files)
        self.sign(authority, f"{authority}-1", f"{authority}-2")
        return self.publish()


class SimReader:
    """A client that reads a site in memory and remembers what it trusts."""

    def __init__(
        self, site: Site, root: bytes, clock: SimClock, dialect: Dialect = FIRMHOLD
    ) -> None:
        self.stored = {ROOT: root}
        self._site = site
        self._clock = clock
        self._dialect = dialect

    def moved_to(self, site: Site) -> Self:
        """Return a reader that remembers the same and reads another site."""
        reader = type(self)(site, b"", self._clock, self._dialect)
        reader.stored = dict(self.stored)
        return reader

    def refresh(self) -> TrustedSet:
        """Bring the trusted metadata up to date."""
        return self._client().refresh()

    def read(self, path: str) -> bytes:
        """Return the verified file of a target path."""
        client = self._client()
        _, target = client.find(client.refresh(), path)
        expectation = target.value.expectation
        place = target_url_path(expectation, consistent=True)
        with self.fetch(f"targets/{place}", expectation.length or 0) as pieces:
            data = b"".join(pieces)
        expectation.check(data)
        return data

    @contextmanager
    def fetch(self, url: str, max_bytes: int) -> Iterator[Iterator[bytes]]:
        """Bring the bytes of a path of the site (the port `Fetcher`)."""
        data = self._site.get(url)
        if data is None:
            raise Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=url, detail="not there"))
        if len(data) > max_bytes:
            raise Refused(OverLimit(code=Code.FETCH_TOO_LONG, what=url, limit=max_bytes))
        yield iter([data])

    def load(self, role: str) -> bytes | None:
        """Return the stored bytes of `role`, or None (the port `MetadataStore`)."""
        return self.stored.get(role)

    def keep(self, role: str, data: bytes) -> None:
        """Replace the bytes of `role`."""
        self.stored[role] = data

    def forget(self, role: str) -> None:
        """Delete the bytes of `role`."""
        self.stored.pop(role, None)

    def _client(self) -> Client:
        return Client(self, self, "metadata", self._clock.now(), self._dialect)


def _sim_key(role: str, holder: str) -> Signer:
    return sim_signer(role if role in ONLINE else holder)
