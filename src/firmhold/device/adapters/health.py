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


def name_of(health: HealthCheck) -> str:
    """Return a short name of a check, for reports."""
    match health:
        case CommandCheck():
            return f"command {health.argv[0]}"
        case HttpCheck():
            return f"http {health.port}{health.path}"
        case MemoryCheck():
            return f"memory {health.service}"
        case _:
            return f"service {health.service}"


def passes(health: HealthCheck) -> bool:
    """Run one check; tell whether it passed in time."""
    match health:
        case CommandCheck():
            return _run(health.argv, health.deadline_seconds)[0] == 0
        case HttpCheck():
            return _answers(health)
        case MemoryCheck():
            used = _property(health.service, "MemoryCurrent", health.deadline_seconds)
            return used.isdecimal() and int(used) <= health.most_bytes
        case _:
            state = _property(health.service, "ActiveState", health.deadline_seconds)
            return state == "active"


def _answers(health: HttpCheck) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, health.port, timeout=health.deadline_seconds)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", health.path)
        answer = connection.getresponse()
        connection.close()
        return answer.status == health.status
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
