"""Walls that a process puts around itself, for good: Linux Landlock and seccomp, without a library.

`no_network` leaves a process unix sockets and nothing else; it is for the half of a device that
decides and installs. `only` leaves it files below the named folders; it is for the half that talks
to the network. Neither can be taken back, and both hold for whatever the process starts. A kernel
that lacks one of them is told by `Damaged`: whoever runs without it decides that in the open.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from pathlib import Path

from firmhold.trust.errors import Code, Damaged
from firmhold.trust.outer_faults import PlaceFault

AF_UNIX = 1

# seccomp: <linux/seccomp.h>, <linux/filter.h>, <linux/audit.h>
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 13, 0x80000000  # 13: EACCES
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32 = 0x40000000
_IO_URING = (425, 426, 427)
"""`io_uring_*` would open sockets without calling `socket`."""
_MACHINES = {
    "x86_64": (0xC000003E, 41, 101),
    "aarch64": (0xC00000B7, 198, 117),
}
"""By machine: the audit number, and the numbers of `socket` and `ptrace`."""

# Landlock: <linux/landlock.h>
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read directory
_ALL_OF_FILES = (1 << 13) - 1
_LATER = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Rights that later versions know: refer, truncate, ioctl on devices."""
_OF_ONE_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""What can be permitted where the path is no folder."""


def no_network() -> None:
    """From now on this process opens no socket but unix ones, and traces nobody."""
    machine = platform.machine()
    if machine not in _MACHINES:
        raise _lacking(machine)
    audit, opens, traces = _MACHINES[machine]
    _filter(_rules(audit, opens, (traces, *_IO_URING)))


def only(*, reads: Sequence[Path], writes: Sequence[Path]) -> None:
    """From now on this process reads below `reads` and `writes`, and writes below `writes`."""
    version = _system_call(_CREATE, None, 0, _VERSION)
    if version < 1:
        raise _lacking("Landlock")
    handled = _ALL_OF_FILES | sum(right for since, right in _LATER if version >= since)
    attribute = ctypes.create_string_buffer(struct.pack("=Q", handled), 8)
    rules = _checked(_system_call(_CREATE, attribute, 8, 0), "Landlock rules")
    try:
        for path in reads:
            _permit(rules, path, _READ & handled)
        for path in writes:
            _permit(rules, path, handled)
        _without_new_privileges()
        _checked(_system_call(_RESTRICT, rules, 0), "Landlock")
    finally:
        os.close(rules)


def _rules(audit: int, opens: int, forbidden: Sequence[int]) -> bytes:
    """The filter: another machine's calls end the process; forbidden ones fail."""
    refuse, allow = (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)
    program = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_IF_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, 0, 1, _X32),
        refuse,
    ]
    for number in forbidden:
        program += [(_IF_EQUAL, 0, 1, number), refuse]
    program += [
        (_IF_EQUAL, 1, 0, opens),
        allow,
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_IF_EQUAL, 0, 1, AF_UNIX),
        allow,
        refuse,
    ]
    return b"".join(struct.pack("=HBBI", *each) for each in program)


def _filter(program: bytes) -> None:
    _without_new_privileges()
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    _checked(_libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0), "seccomp")


def _without_new_privileges() -> None:
    _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def _permit(rules: int, path: Path, rights: int) -> None:
    """Permit `rights` below a path; one that is not there, or out of reach, is read by nobody."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        rights = rights if path.is_dir() else rights & _OF_ONE_FILE
        rule = struct.pack("=Qi", rights, descriptor)
        _checked(_system_call(_ADD, rules, _PATH_BENEATH, rule, 0), str(path))
    finally:
        os.close(descriptor)


def _system_call(number: int, *arguments: object) -> int:
    return int(_libc().syscall(number, *arguments))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(status: int, what: str) -> int:
    if status < 0:
        raise _lacking(what)
    return status


def _lacking(what: str) -> Damaged:
    detail = os.strerror(ctypes.get_errno())
    return Damaged(PlaceFault(code=Code.DEVICE_WALL, path=what, detail=detail))
