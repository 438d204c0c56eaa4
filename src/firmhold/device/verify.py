"""Step 10, second half: from what is assigned to what this device installs now.

For each component that the Director names, in the order of their names:

1. the device has such a component;
2. the image repository has a target of that path, the same as the Director says, made for this
   hardware, and not of an older release counter (Uptane 5.4.4.2), unless 3 permits it;
3. where the Director points to a revert authorisation, the security authority gave it;
4. the manifest is a release by the rules of feature, security and trust (`update.rules`), beside
   the product's security counter, the other authority's word and the release that it patches.

Then the whole set must fit this device, in its wave (`update.admission`). The Director's hints of
where documents stand are believed by nobody: what stands there speaks for itself.
"""

from dataclasses import dataclass

from firmhold.device.case import Case
from firmhold.device.learn import Learnt
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.uptane.component import Assignment, Component, ComponentId
from firmhold.trust.uptane.full_verification import verify_image
from firmhold.trust.verified import Verified
from firmhold.update.admission import Admission, admit
from firmhold.update.authority import place_of
from firmhold.update.compatibility import Device, Leave, Part
from firmhold.update.release import RESERVED_PRODUCT, Release, ReleaseClass, parse_release
from firmhold.update.rules import Issued, Standing, verify_issued, verify_release
from firmhold.update.security import Revert, verify_counter, verify_revert


def verify(case: Case, learnt: Learnt, device: Device) -> Verified[Admission] | None:
    """Return what `device` installs now; None: nothing is assigned to it. Raises `Refused`."""
    hearing = _Hearing(case, learnt, device, learnt.image)
    chosen: dict[ComponentId, Verified[Release]] = {}
    reverts: list[Verified[Revert]] = []
    for name in sorted(learnt.assignments):
        assignment = learnt.assignments[name]
        part = _part(device, name)
        revert = hearing.revert(assignment.revert)
        reverts += [revert] if revert is not None else []
        chosen[name] = hearing.release(assignment, part, revert)
    leave = Leave(reverts[0], learnt.moment.now) if reverts else None
    return admit(chosen, device, learnt.moment, leave) if chosen else None


def _part(device: Device, name: ComponentId) -> Part:
    """1. a component that the device has."""
    part = device.parts.get(name)
    if part is None:
        code, listed_in = Code.UPDATE_UNKNOWN_COMPONENT, device.device
        raise Refused(Absent(code=code, name=name, listed_in=listed_in))
    return part


@dataclass(slots=True)
class _Hearing:
    """Brings the documents that a judgement needs; `image` grows by the roles that were asked."""

    case: Case
    learnt: Learnt
    device: Device
    image: TrustedSet

    def release(
        self, assignment: Assignment, part: Part, revert: Verified[Revert] | None
    ) -> Verified[Release]:
        """Return the release that is assigned to a component, if it is one (2, 4)."""
        target = self._find(assignment.target.path)
        least = part.counter if revert is None else revert.value.to_counter
        own = Component(assignment.component, part.model, min(part.counter, least))
        agreed = verify_image(own, assignment, target).value.target
        data = self._bytes(agreed)
        return verify_release(agreed, data, self._standing(agreed, data, assignment))

    def revert(self, path: str | None) -> Verified[Revert] | None:
        """Return the authorisation to which the Director points (3)."""
        if path is None:
            return None
        target = self._find(path)
        return verify_revert(target, self._bytes(target))

    def _standing(self, target: Verified[Target], data: bytes, assignment: Assignment) -> Standing:
        """What stands beside a release, which the manifest itself tells."""
        place, release = place_of(target.value), parse_release(data)
        trust = release.release_class is ReleaseClass.TRUST
        counters = self._find(f"security/{RESERVED_PRODUCT}/{place.product}.json")
        return Standing(
            counter=verify_counter(counters, self._bytes(counters)),
            settings=self.case.store.settings,
            counterpart=self._find(place.counterpart) if trust else None,
            patched=self._patched(assignment.patched) if release.patches is not None else None,
        )

    def _patched(self, path: str | None) -> Verified[Issued] | None:
        if path is None:
            return None
        target = self._find(path)
        data = self._bytes(target)
        trust = parse_release(data).release_class is ReleaseClass.TRUST
        counterpart = self._find(place_of(target.value).counterpart) if trust else None
        return verify_issued(target, data, counterpart)

    def _find(self, path: str) -> Verified[Target]:
        self.image, target = self.case.find(self.image, path, self.learnt.moment.now)
        return target

    def _bytes(self, target: Verified[Target]) -> bytes:
        return self.case.document(self.image, target)
