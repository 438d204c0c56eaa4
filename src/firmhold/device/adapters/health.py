"""Health checks on a real machine, each within its own time.

A command ends with status 0; a server of this machine's answers a GET on loopback; a service is up,
or within its memory, by the word of systemd. What cannot be asked has failed.
"""

import http.client
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from firmhold.update.trial import CommandCheck, HealthCheck, HttpCheck, MemoryCheck

LOOPBACK = "127.0.0.1"
_SYSTEMCTL = "/usr/bin/systemctl"
_NOT_THERE = 127


class Checks:
    """Runs the checks of the releases that it knows (the port `HealthChecks`)."""

    def __init__(self, known: Callable[[bytes | None], tuple[HealthCheck, ...]]) -> None:
        self._known = known

    def failed(self, release: bytes | None) -> tuple[str, ...]:
        """Run the checks of a release, name those that did not pass."""
        return tuple(name_of(check) for check in self._known(release) if not passes(check))


def name_of(check: HealthCheck) -> str:
    """Return a short name of a check, for reports."""
    match check:
        case CommandCheck():
            return f"command {check.argv[0]}"
        case HttpCheck():
            return f"http {check.port}{check.path}"
        case MemoryCheck():
            return f"memory {check.service}"
        case _:
            return f"service {check.service}"


def passes(check: HealthCheck) -> bool:
    """Run one check; tell whether it passed in time."""
    match check:
        case CommandCheck():
            return _run(check.argv, check.deadline_seconds)[0] == 0
        case HttpCheck():
            return _answers(check)
        case MemoryCheck():
            used = _property(check.service, "MemoryCurrent", check.deadline_seconds)
            return used.isdecimal() and int(used) <= check.most_bytes
        case _:
            state = _property(check.service, "ActiveState", check.deadline_seconds)
            return state == "active"


def _answers(check: HttpCheck) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, check.port, timeout=check.deadline_seconds)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", check.path)
        answer = connection.getresponse()
        connection.close()
        return answer.status == check.status
    connection.close()
    return False


def _property(service: str, name: str, deadline: int) -> str:
    words = (_SYSTEMCTL, "show", "--value", f"--property={name}", "--", service)
    return _run(words, deadline)[1].strip()


def _run(argv: tuple[str, ...], deadline: int) -> tuple[int, str]:
    environment: Mapping[str, str] = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603 - the words are signed in the release manifest
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")
    return _NOT_THERE, ""
