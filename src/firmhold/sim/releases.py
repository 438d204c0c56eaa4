"""Release manifests to begin with; `dataclasses.replace` makes others of them."""

from datetime import UTC, datetime

from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.tuf.roles import Target
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.pieces import Meter
from firmhold.update.release import (
    ComponentType,
    Dependency,
    HardwareRange,
    IndexFile,
    Release,
    ReleaseClass,
    ReleaseComponent,
)
from firmhold.update.schedule import BUCKETS, Schedule, Wave
from firmhold.update.trial import (
    CommandCheck,
    HttpCheck,
    MemoryCheck,
    RollbackPlan,
    ServiceCheck,
)
from firmhold.update.version import (
    AgentVersion,
    ReleaseCounter,
    ReleaseVersion,
    SecurityCounter,
)

PRODUCT = "thing"
MODEL = HardwareId("thing-1")
MAIN, RADIO = ComponentId("main"), ComponentId("radio")
START = datetime(2030, 6, 1, tzinfo=UTC)


def sim_component(name: ComponentId, image: bytes) -> ReleaseComponent:
    """A component with this image, for revisions 1 to 4 of the simulated model."""
    meter = Meter()
    meter.update(image)
    return ReleaseComponent(
        component=name,
        type=ComponentType.SYSTEM,
        patchable=True,
        hardware=(HardwareRange(MODEL, 1, 4),),
        image=meter.finish().image,
        index=IndexFile(1, "00" * 32),
    )


def sim_release() -> Release:
    """A feature release of two components that need each other, in two waves."""
    counter = ReleaseCounter(7)
    return Release(
        product=PRODUCT,
        release_class=ReleaseClass.FEATURE,
        version=ReleaseVersion("2.1.0"),
        counter=counter,
        security_counter=SecurityCounter(3),
        required_counter=ReleaseCounter(4),
        agent=AgentVersion(1, 2, 0),
        components=(sim_component(MAIN, b"a system"), sim_component(RADIO, b"a radio")),
        dependencies=(Dependency(MAIN, RADIO, counter), Dependency(RADIO, MAIN, counter)),
        checks=(
            CommandCheck(60, ("/usr/bin/thing", "--self-test")),
            HttpCheck(30, 8080, "/health", 200),
            MemoryCheck(600, "thing.service", 64 << 20),
            ServiceCheck(20, "thing.service"),
        ),
        rollback=RollbackPlan(trial_boots=3, confirm_seconds=900, data_kept=True),
        schedule=Schedule(START, (Wave(0, 100), Wave(86_400, BUCKETS))),
    )


def sim_target(release: Release, authority: str, file: str = "release.json") -> Target:
    """The target under which an authority's holders would sign for a release."""
    models = sorted({each.model for part in release.components for each in part.hardware})
    path = f"{authority}/{release.product}/{file}"
    data = release.to_bytes()
    digests = {"sha256": release.digest.hex()}
    return Target(
        path,
        authority,
        Expectation(path, len(data), digests, TARGET_FILE),
        {"hardwareIds": [*models], "releaseCounter": release.counter},
    )
