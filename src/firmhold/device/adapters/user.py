"""A user of its own for the process with the network: who that is, its folder's owner says.

state/             passed through by anybody, read by root
state/fetch/       read by the user's group; what is put there is the group's as well
state/fetch/spool/ the user's own
"""

import os
import pwd
from pathlib import Path

from firmhold.device.adapters.disk import own_disk
from firmhold.trust.errors import Code, Misuse, UsageFault

_PASSED_BY_ALL, _READ_BY_GROUP, _OWN = 0o711, 0o2750, 0o750


def require_user(name: str) -> None:
    """Pass if there is such a user, and this process may give files away. Raises `Misuse`."""
    try:
        pwd.getpwnam(name)
    except KeyError as error:
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"no user {name} on this device")) from error
    if os.geteuid() != 0:
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"only root can have {name} fetch"))


def give(state: Path, folder: Path, spool: Path, name: str) -> None:
    """Give the process with the network what is its own, and a way to it."""
    user = pwd.getpwnam(name)
    with own_disk(folder):
        spool.mkdir(mode=_OWN, exist_ok=True)
        os.chown(spool, user.pw_uid, user.pw_gid)
        os.chown(folder, 0, user.pw_gid)
        folder.chmod(_READ_BY_GROUP)
        state.chmod(_PASSED_BY_ALL)


def become_owner(spool: Path) -> None:
    """Where root runs this process and the spool is somebody else's, become its owner, for good."""
    found = spool.stat()
    if os.geteuid() == 0 and found.st_uid != 0:
        os.setgroups([])
        os.setresgid(found.st_gid, found.st_gid, found.st_gid)
        os.setresuid(found.st_uid, found.st_uid, found.st_uid)
