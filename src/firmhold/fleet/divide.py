"""Gives each part of a server a user of its own, so that none reaches what another one holds.

    keys/NAME.pem           read by the part whose key it is
    gateway/                the gateway's: certificates that it is given and shows
    sockets/PART/           entered by all parts, which is how the gateway asks
    sockets/PART-admin/     entered by operators, and by no part but its own
    the rest                read by anybody: certificates, first roots, how it was set up

It needs a database that knows roles: a file that all parts write is no wall.
"""

import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmhold.fleet.database import has_roles
from firmhold.fleet.home import PARTS, Home
from firmhold.storage.disk import own_disk
from firmhold.storage.sql import misuse
from firmhold.trust.errors import Code, Misuse, UsageFault

GROUP, OPERATORS = "firmhold", "firmhold-operators"
HELD = {"ca": ("ca",), "director": ("director", "freshness-1"), "gateway": ("gateway",)}
"""Which keys are whose."""

_READ_BY_ALL, _ENTERED_BY_ALL, _PASSED_BY_ALL = 0o644, 0o755, 0o711
_READ_BY_ONE = 0o400
_ENTERED_BY_GROUP = 0o2750  # what is made in it is the group's as well


@dataclass(frozen=True, slots=True)
class Users:
    """Who is who on this machine, by number."""

    parts: Mapping[str, int]
    group: int
    """Of all parts."""
    operators: int
    """Of those who direct."""


def users_of_this_machine() -> Users:
    """Return the users that `deploy/systemd` names. Raises `Misuse`."""
    try:
        parts = {part: pwd.getpwnam(f"firmhold-{part}").pw_uid for part in PARTS}
        return Users(parts, grp.getgrnam(GROUP).gr_gid, grp.getgrnam(OPERATORS).gr_gid)
    except KeyError as error:
        what = f"{error.args[0]}: make it with `systemd-sysusers deploy/systemd/firmhold.conf`"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what)) from error


def divide(home: Home, users: Users) -> None:
    """Give each part what is its own; nothing is left that two could write. Raises `Misuse`."""
    if not has_roles(home):
        raise misuse(home.database, "no role for each part: no database of its own for each user")
    with own_disk(home.folder):
        for place in (home.folder, *(home.folder / name for name in ("roots", "ca"))):
            _give(place, 0, 0, _ENTERED_BY_ALL)
            for file in filter(Path.is_file, place.iterdir()):
                _give(file, 0, 0, _READ_BY_ALL)
        shown = home.server_certificates
        _give(shown, users.parts["gateway"], 0, _ENTERED_BY_ALL)
        for file in filter(Path.is_file, shown.iterdir()):
            _give(file, users.parts["gateway"], 0, _READ_BY_ALL)
        _give(home.folder / "keys", 0, 0, _PASSED_BY_ALL)
        _give(home.folder / "sockets", 0, 0, _ENTERED_BY_ALL)
        for part, names in HELD.items():
            for name in names:
                if home.key(name).exists():  # else it lives in a token
                    _give(home.key(name), users.parts[part], 0, _READ_BY_ONE)
        for part in ("ca", "director"):
            _give(home.socket(part).parent, users.parts[part], users.group, _ENTERED_BY_GROUP)
            admin = home.socket(f"{part}-admin").parent
            _give(admin, users.parts[part], users.operators, _ENTERED_BY_GROUP)


def become(home: Home, part: str) -> None:
    """Where root runs a part of a server that was divided, become the user of that part."""
    user, group = _owner(home, part), home.socket("ca").parent.stat().st_gid
    if os.geteuid() == 0 and user != 0:
        os.setgroups([group])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)


def is_divided(home: Home) -> bool:
    """Tell whether each part of a server has a user of its own."""
    with own_disk(home.folder):
        return len({_owner(home, part) for part in PARTS}) == len(PARTS)


def _owner(home: Home, part: str) -> int:
    """Who a part is: the owner of the place where it listens, or of what it shows."""
    place = home.server_certificates if part == "gateway" else home.socket(part).parent
    return place.stat().st_uid


def _give(path: Path, user: int, group: int, mode: int) -> None:
    os.chown(path, user, group)
    path.chmod(mode)
