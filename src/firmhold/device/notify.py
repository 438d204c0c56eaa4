"""Tells the service manager how this process is, by the protocol of sd_notify(3).

Where nobody asked for it (no `NOTIFY_SOCKET`), nothing is told.
"""

import os
import socket


def notify(*lines: str) -> None:
    """Send assignments such as `READY=1`; one that cannot be told is not worth ending for."""
    place = os.environ.get("NOTIFY_SOCKET")
    if not place:
        return
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto("\n".join(lines).encode(), address)
        except OSError:
            return
