"""Which of its keys the gateway shows to whom, and under which authority.

A device that asks for a key by its name gets that key. Everybody else gets the one that the trust
settings call current, or else next, or else the one that was named last. So a new key may be there
before the settings call it theirs, and an old one after; the gateway goes over by itself when the
settings are published, and devices that have not heard of it yet still find the key they know.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from firmhold.protocol.server_name import server_name
from firmhold.trust.settings.trust_settings import ServerPins


@dataclass(frozen=True, slots=True)
class Face:
    """A key that the gateway can show, and whose certificate it has for it."""

    key: bytes
    """SHA-256 of its SubjectPublicKeyInfo."""
    authority: bytes
    """The same of the authority that signed its certificate."""

    @property
    def name(self) -> str:
        """The name by which a device asks for it."""
        return server_name(self.key, self.authority)


def first_face(
    faces: Iterable[Face], pins: ServerPins, authorities: frozenset[bytes]
) -> Face | None:
    """Return what is shown to whoever asks for no key by its name; None: there is nothing.

    `faces` are in the order in which keys and authorities came. `authorities` are those that the
    settings name: of these the newest; if there is none, the oldest, which every device knows.
    """
    ordered = list(faces)

    def standing(place: int) -> tuple[int, int, int, int]:
        face = ordered[place]
        appointed = 2 if face.key in pins.current else 1 if face.key in pins.next else 0
        newest_key = max(n for n, each in enumerate(ordered) if each.key == face.key)
        named = face.authority in authorities
        return appointed, newest_key, int(named), place if named else -place

    best = max(range(len(ordered)), key=standing, default=None)
    return None if best is None else ordered[best]
