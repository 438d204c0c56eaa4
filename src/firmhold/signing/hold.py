"""What a process does before it holds a key or a PIN: its memory goes into no file."""

import ctypes
import resource

_PR_SET_DUMPABLE, _NOT_DUMPABLE = 4, 0


def keep_memory_in() -> None:
    """Write no core dump, and let no other process of this user read the memory (prctl(2)).

    Where a user is changed later, the kernel sets the second half anew; the first stays.
    """
    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):  # a unit's walls may forbid to set it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, _NOT_DUMPABLE, 0, 0, 0)
