"""A thief with some of a vendor's keys, who sits on the wire and wants something of a device.

He has a copy of the vendor's repositories and forges what he likes in it. Each document that he
makes is signed with the keys that he stole, filled up with keys of his own; where he makes none he
shows the vendor's. Which ones he makes is up to whoever drives him: `making`.
"""

import shutil
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta

from securesystemslib.signer import CryptoSigner

from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.brought import Brought
from firmhold.sim.domain import THRESHOLD, YEAR, SimDomain
from firmhold.sim.machine import sim_image
from firmhold.sim.repository import SimRepository
from firmhold.sim.settings import sim_key
from firmhold.sim.signer import sim_signer
from firmhold.trust.errors import Code

Loot = Mapping[str, int]
"""How many keys of each office: two of a release role are its threshold, one of a machine's is."""

RELEASE_ROLES = ("root", "targets", "feature", "security")
MACHINES = ("snapshot", "timestamp", "director", "freshness")
EVIL = sim_image("evil", 2, 2)
OWN_PIN = "ee" * 32
DIRECTOR_ROLES = ("targets", "snapshot", "timestamp")


def full(loot: Loot, office: str) -> bool:
    """Whether the stolen keys are enough to sign for an office."""
    return loot.get(office, 0) >= (THRESHOLD if office in RELEASE_ROLES else 1)


@dataclass
class Thief:
    """With `loot`, forging the documents of the offices in `making`."""

    domain: SimDomain
    loot: Loot
    making: AbstractSet[str]
    own: list[CryptoSigner] = field(default_factory=list)
    reigns: bool = False
    """Whether the root is his: he signs everything anew."""

    @classmethod
    def robs(cls, domain: SimDomain, loot: Loot, making: AbstractSet[str]) -> "Thief":
        """Rob a vendor of some keys; nobody notices."""
        thief = cls(copied(domain, "thief"), loot, making)
        thief.own = [CryptoSigner.generate_ed25519() for _ in range(THRESHOLD)]
        image, director = thief.domain.image, thief.domain.director
        for office in (*RELEASE_ROLES, "snapshot", "timestamp"):
            thief._leave(image, office, office)
        thief._leave(director, "root", "root")
        for role in DIRECTOR_ROLES:
            thief._leave(director, role, "director")
        if not full(loot, "freshness"):
            thief.domain.freshness.signers = [sim_signer("thief")]
        if full(loot, "root") and "root" in making:
            thief.take_over()
        return thief

    def _leave(self, repository: SimRepository, role: str, office: str) -> None:
        """Leave him of a role's keys what he stole."""
        known = repository.signers[role]
        count = len(known) if full(self.loot, office) else self.loot.get(office, 0)
        repository.signers[role] = [*known[:count], *self.own[count:]]

    def take_over(self) -> None:
        """Make the next roots: every role is his, and so is the time."""
        for repository in (self.domain.image, self.domain.director):
            old = repository.signers["root"]
            for role in ("root", *DIRECTOR_ROLES):
                repository.root.roles[role].keyids = []
                repository.signers[role] = []
                repository.grant(role, *self.own)
            repository.root.expires = self.domain.clock.now() + YEAR
            fields = repository.root.unrecognized_fields
            fields["x-firmhold-holders"] = {key: f"holder {key}" for key in repository.root.keys}
            repository.signers["root"] = [*old, *self.own]
            repository.publish("root")
        for authority in ("feature", "security"):
            self.delegate(authority)
        self.domain.freshness.signers = [sim_signer("thief")]
        self.loot = dict.fromkeys((*RELEASE_ROLES, *MACHINES), THRESHOLD)
        self.making, self.reigns = frozenset(self.loot), True
        self.write_settings()

    def delegate(self, authority: str) -> None:
        """Have the targets role delegate to him too."""
        targets, signers = self.domain.image.targets(), self.domain.image.signers
        for signer in self.own:
            targets.add_key(signer.public_key, authority)
        signers[authority] = [*self.own]

    def write_settings(self) -> None:
        """Have the settings name a server, and one who tells the time, of his own."""
        settings = self.domain.settings
        settings["server_pins"] = {"current": [OWN_PIN], "next": []}
        entry = {"epoch": 1, "holder": "director", "key": sim_key("thief")}
        settings["freshness_keys"] = [*settings["freshness_keys"], entry]
        self.domain.write_settings()

    def publish(self, *roles: str) -> None:
        """Publish roles of the image repository and those above, as far as he makes them."""
        wanted = ("feature", "security", "targets") if self.reigns else roles
        made = [each for each in (*wanted, "snapshot", "timestamp") if each in self.making]
        targets = self.domain.image.targets()
        if targets.delegations is not None:
            holders = {key: f"holder {key}" for key in targets.delegations.keys}
            targets.unrecognized_fields["x-firmhold-holders"] = holders
        for role in made:
            self.domain.image.roles[role].expires = self.domain.clock.now() + timedelta(days=30)
        self.domain.image.publish(*made)

    def assign(self, path: str | None) -> None:
        """Direct the device to a release, if he makes the Director's word."""
        if "director" in self.making:
            hints = {"patched": self.domain.path(2)}
            self.domain.assign(DEVICE, *([] if path is None else [path]), hints=hints)

    def brings(self, honest: Brought, ahead: timedelta = timedelta(0)) -> Brought:
        """What he gives to a device in place of what an honest server did."""
        forged = self.domain.check_in(DEVICE, honest.nonce, self.domain.clock.now() + ahead)
        if "freshness" in self.making:
            return forged
        return replace(forged, statement=honest.statement, proof=honest.proof)


def copied(domain: SimDomain, name: str) -> SimDomain:
    """Return a copy of a vendor beside it, in place of the one that was there under this name."""
    folder = domain.folder.with_name(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(domain.folder, folder, ignore=shutil.ignore_patterns("images"))
    made = deepcopy(domain)
    made.folder = folder
    made.image.folder, made.director.folder = folder / "image", folder / "director"
    return made


@dataclass
class Victim:
    """A device as it was before, and its vendor today; each attempt begins there."""

    device: Rehearsal
    before: SimDomain
    """What the vendor had published when the device asked last."""

    def sees(self, thief: Thief, ahead: timedelta = timedelta(0)) -> tuple[Rehearsal, Code | None]:
        """Have the device ask, and the thief answer; return it as it is then, and the refusal."""
        honest = self.device.ask()
        asked = copy(self.device)
        asked.domain = thief.domain
        asked.put(self.device.durables())
        refused = asked.check_in(thief.brings(honest, ahead))
        asked.live()
        asked.domain = self.device.domain
        return asked, refused


Aim = Callable[[Victim, Loot, AbstractSet[str]], bool]
"""Tries something with what was stolen, making some documents; tells whether it worked."""


def running(device: Rehearsal, image: bytes) -> bool:
    """Whether a device runs an image."""
    slot = device.machine.record.booted
    return slot is not None and device.machine.slots[slot].read_back(0, len(image)) == image
