"""A vendor's two repositories, settings and freshness key: all that a device of ours listens to.

Honest unless bent; whoever holds it edits `image` and `director` (`SimRepository`), steals keys,
lies::

    domain = SimDomain(folder)
    domain.release(image, counter=1)                   # manifest, index, payloads: published
    domain.assign("camera-7", domain.path(1))          # the Director's word for one device
    brought = domain.check_in("camera-7", nonce)       # what the device is brought
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, TargetFile

from firmhold.device.ports import Repository
from firmhold.release.diff import make_extents
from firmhold.sim.brought import Brought, SimPayloads
from firmhold.sim.clock import BEGIN, SimClock
from firmhold.sim.freshness import SimFreshness
from firmhold.sim.releases import MAIN, MODEL, PRODUCT, sim_release
from firmhold.sim.repository import SimRepository
from firmhold.sim.settings import sim_settings
from firmhold.trust.device_id import DeviceId
from firmhold.trust.freshness.statement import Question
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.dialect import HOLDERS_FIELD
from firmhold.trust.tuf.root_fields import DOMAIN_FIELD, FRESHNESS_FIELD, FreshnessEpoch
from firmhold.trust.uptane.component import ComponentId
from firmhold.update.release import (
    ComponentType,
    HardwareRange,
    IndexFile,
    Release,
    ReleaseComponent,
)
from firmhold.update.schedule import BUCKETS, Schedule, Wave
from firmhold.update.security import ProductCounter
from firmhold.update.trial import RollbackPlan
from firmhold.update.version import ReleaseCounter, ReleaseVersion, SecurityCounter

YEAR = timedelta(days=365)
THRESHOLD = 2


@dataclass(slots=True)
class SimDomain:
    """A staging domain with one product, made for devices of one model."""

    folder: Path
    clock: SimClock = field(default_factory=SimClock)
    image: SimRepository = field(init=False)
    director: SimRepository = field(init=False)
    settings: dict[str, Any] = field(default_factory=lambda: dict(sim_settings()))
    payloads: SimPayloads = field(default_factory=SimPayloads)
    """What a content server gives to anybody."""
    releases: dict[int, Release] = field(default_factory=dict)
    freshness: SimFreshness = field(default_factory=SimFreshness)

    def __post_init__(self) -> None:
        """Sign both roots, the delegations, the settings and the product's security counter."""
        self.image = SimRepository(self.folder / "image", self.clock, thresholds=THRESHOLD)
        self.director = SimRepository(self.folder / "director", self.clock, thresholds=1)
        for authority in ("feature", "security"):
            rule = self.image.delegate(authority, paths=[f"{authority}/*/*"], terminating=True)
            self._enlarge(rule, authority)
        self.write_settings()
        self.write_counter(0)
        self.sign_root(FreshnessEpoch(1, BEGIN))
        self.publish("targets", "feature", "security")

    @property
    def roots(self) -> tuple[bytes, bytes]:
        """What devices get at manufacture: the image repository's root, and the Director's."""
        return self.image.published["root"], self.director.published["root"]

    def sign_root(self, freshness: FreshnessEpoch) -> None:
        """Publish the next root of both repositories, good for a year."""
        for repository in (self.image, self.director):
            root = repository.root
            root.expires = self.clock.now() + YEAR
            root.unrecognized_fields[HOLDERS_FIELD] = {key: f"holder {key}" for key in root.keys}
            root.unrecognized_fields[DOMAIN_FIELD] = "staging"
            root.unrecognized_fields[FRESHNESS_FIELD] = freshness.to_json()
            repository.publish("root")

    def write_settings(self) -> None:
        """Have the top-level targets name the trust settings as they are now."""
        self.image.add_target("targets", SETTINGS_PATH, json.dumps(self.settings).encode())

    def write_counter(self, counter: int) -> None:
        """Have the security authority name the security counter of the product."""
        document = ProductCounter(PRODUCT, SecurityCounter(counter)).to_bytes()
        self.image.add_target("security", f"security/counters/{PRODUCT}.json", document)

    def publish(self, *roles: str) -> None:
        """Publish roles of the image repository and everything above them, good for a month."""
        targets = self.image.targets()
        if targets.delegations is not None:
            holders = {key: f"holder {key}" for key in targets.delegations.keys}
            targets.unrecognized_fields[HOLDERS_FIELD] = holders
        for role in (*roles, "snapshot", "timestamp"):
            self.image.roles[role].expires = self.clock.now() + timedelta(days=30)
        self.image.release(*roles)

    def release(
        self, image: bytes, counter: int, *, security: int = 0, base: bytes | None = None
    ) -> Release:
        """Publish `image` as release `counter` of the feature authority; return its manifest."""
        release = self.made(image, counter, security=security, base=base)
        self.write_counter(security)
        self.name(release)
        self.publish("feature", "security")
        return release

    def made(
        self, image: bytes, counter: int, *, security: int = 0, base: bytes | None = None
    ) -> Release:
        """Return a manifest for `image`, whose extents can be had; nobody has signed it yet."""
        extents = make_extents(*self._files(image, *([] if base is None else [base])))
        index = extents.index.to_bytes()
        sha256 = hashlib.sha256(index).hexdigest()
        self.payloads.files |= {**extents.payloads, sha256: index}
        self.payloads.indexes[extents.index.pieces.image] = sha256
        component = ReleaseComponent(
            component=MAIN,
            type=ComponentType.SYSTEM,
            patchable=True,
            hardware=(HardwareRange(MODEL, 1, 4),),
            image=extents.index.pieces.image,
            index=IndexFile(len(index), sha256),
        )
        return replace(
            sim_release(),
            version=ReleaseVersion(f"{counter}.0"),
            counter=ReleaseCounter(counter),
            security_counter=SecurityCounter(security),
            required_counter=ReleaseCounter(0),
            components=(component,),
            dependencies=(),
            rollback=RollbackPlan(trial_boots=3, confirm_seconds=60, data_kept=True),
            schedule=Schedule(BEGIN, (Wave(0, BUCKETS),)),
        )

    def name(self, release: Release, authority: str = "feature", path: str | None = None) -> None:
        """Have an authority name a manifest; `publish` signs it."""
        place = path or self.path(release.counter, authority)
        target = self.image.add_target(authority, place, release.to_bytes())
        models = sorted({each.model for part in release.components for each in part.hardware})
        target.unrecognized_fields["custom"] = {
            "hardwareIds": models,
            "releaseCounter": release.counter,
        }
        self.releases[release.counter] = release

    @staticmethod
    def path(counter: int, authority: str = "feature") -> str:
        """Where the manifest of a release stands."""
        return f"{authority}/{PRODUCT}/{counter}.json"

    def assign(
        self,
        device: str,
        *paths: str,
        component: ComponentId = MAIN,
        hints: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Have the Director assign targets of the image repository to a component of a device."""
        self.director.targets().targets = {}
        for path in paths:
            role = path.partition("/")[0]
            known = self.image.targets(role).targets[path]
            entry = {component: {"hardwareId": MODEL, "device": device, **hints}}
            custom = {"custom": {"ecuIdentifiers": entry}}
            target = TargetFile(known.length, dict(known.hashes), path, custom)
            self.director.targets().targets[path] = target
        self.direct()

    def direct(self) -> None:
        """Publish the Director's targets as they are, good for a month."""
        for role in ("targets", "snapshot", "timestamp"):
            self.director.roles[role].expires = self.clock.now() + timedelta(days=30)
        self.director.release("targets")

    def check_in(self, device: str, nonce: bytes, at: datetime | None = None) -> Brought:
        """Return what a server gives to a device that asked with `nonce`; `at` is its time."""
        timestamp = self.director.published["timestamp"]
        version = self.director.timestamp.version
        digest = hashlib.sha256(timestamp).digest()
        question = Question(DeviceId(device), nonce, version, digest)
        newest = self.image.published["timestamp"]
        server = replace(
            self.freshness,
            timestamp_version=self.image.timestamp.version,
            timestamp_sha256=hashlib.sha256(newest).digest(),
        )
        statement, proofs = server.answer(at or self.clock.now(), question)
        return Brought(self._metadata(), self._targets(), statement, proofs[0], nonce)

    def _metadata(self) -> dict[tuple[Repository, str], bytes]:
        return {
            (repository, file.name): file.read_bytes()
            for repository in Repository
            for file in (self.folder / repository / "metadata").iterdir()
        }

    def _targets(self) -> dict[str, bytes]:
        folder = self.folder / "image" / "targets"
        files = (file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}

    def _enlarge(self, rule: DelegatedRole, role: str) -> None:
        """Let two holders sign for a role, and have it need both."""
        signer = CryptoSigner.generate_ed25519()
        self.image.targets().add_key(signer.public_key, role)
        self.image.signers[role].append(signer)
        rule.threshold = THRESHOLD

    def _files(self, *images: bytes) -> list[Path]:
        folder = self.folder / "images"
        folder.mkdir(exist_ok=True)
        files = []
        for image in images:
            files.append(folder / hashlib.sha256(image).hexdigest())
            files[-1].write_bytes(image)
        return files
