"""Step 12, confirm: has the system that runs judged, if a judgement is waited for.

The checks take their time (that is what makes them worth something), so they run here, after the
start, and not among the actions of a step. A device that dies meanwhile has used one of its tries.
"""

from firmhold.device.install import Installer
from firmhold.device.ports import HealthChecks


def confirm(installer: Installer, health: HealthChecks) -> tuple[str, ...]:
    """Run the checks and tell the verdict; return the names of those that failed.

    A confirmed system goes on to bring the spare slot to the same release; one that failed reboots
    into the other slot.
    """
    question = installer.awaits
    if question is None:
        return ()
    failed = health.failed(question.release)
    installer.judge(healthy=not failed)
    return failed
