"""Which key a gateway shows to whom, while keys and authorities change in any order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from ssl import DER_cert_to_PEM_cert

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.device.fetch.tls import MOST_NAMES, Pinned
from firmhold.fleet.ca.authority import make_authority
from firmhold.fleet.gateway.shown import Face, first_face
from firmhold.pkix.public import spki_sha256
from firmhold.sim.signer import sim_signer
from firmhold.trust.settings.trust_settings import ServerPins

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOST = "updates.example"
A, B, C, D = (bytes([letter]) * 32 for letter in b"ABCD")
CERTIFICATES = [make_authority(sim_signer(name), name, NOW) for name in ("ca", "ca-2")]
FIRST, SECOND = (spki_sha256(each.public_key()) for each in CERTIFICATES)
PEM = {
    spki_sha256(each.public_key()): DER_cert_to_PEM_cert(each.public_bytes(Encoding.DER))
    for each in CERTIFICATES
}


@dataclass(frozen=True)
class Settings:
    """What settings say of the server."""

    pins: ServerPins
    authorities: tuple[bytes, ...] = ()


def pins(current: bytes, *coming: bytes) -> ServerPins:
    """Pins of one key in use and those to come."""
    return ServerPins(frozenset({current}), frozenset(coming))


@dataclass(frozen=True)
class Server:
    """A gateway: the faces it has, in the order in which they came, and the settings in force."""

    keys: tuple[bytes, ...]
    issuing: tuple[bytes, ...]
    """Authorities whose keys the ca has."""
    faces: tuple[Face, ...]
    settings: Settings

    def certified(self) -> "Server":
        """With a certificate for each key under each authority that can sign."""
        made = [Face(key, authority) for authority in self.issuing for key in self.keys]
        kept = [face for face in self.faces if face not in made and face.key in self.keys]
        return replace(self, faces=tuple(sorted((*kept, *made), key=self._came)))

    def _came(self, face: Face) -> tuple[int, int]:
        return (FIRST, SECOND).index(face.authority), self.keys.index(face.key)

    def shows(self, name: str) -> Face | None:
        """What is shown to who asks for a name."""
        named = next((face for face in self.faces if face.name == name), None)
        return named or first_face(
            self.faces, self.settings.pins, frozenset(self.settings.authorities)
        )


def reached(folder: Path, settings: Settings, server: Server) -> list[str]:
    """The names by which a device that believes these settings finds this server.

    As in the handshake: its authority is known, the name is in its certificate, its key is pinned.
    """
    authority = folder / "authority.pem"
    if not authority.exists():
        authority.write_text(PEM[FIRST])
    current, coming = settings.pins.current, settings.pins.next
    meant = Pinned(
        authority,
        None,
        (*sorted(current), *sorted(coming)),
        NOW,
        [PEM[each] for each in settings.authorities],
    )
    found = []
    for name in meant.names(HOST):
        face = server.shows(name)
        if face is not None and name in {HOST, face.name}:
            known = face.authority in {FIRST, *settings.authorities}
            found += [name] if known and face.key in current | coming else []
    return found


WALK = [Settings(pins(A)), Settings(pins(A, B)), Settings(pins(B, C)), Settings(pins(C, D))]
BOTH = (FIRST, SECOND)


def published(server: Server, number: int) -> Server:
    """The server when the next settings of the walk are in force."""
    named = BOTH if SECOND in server.issuing else ()
    return replace(server, settings=replace(WALK[number], authorities=named))


def orders() -> Iterator[Sequence[str]]:
    """Every order of: three settings one after another, three keys, and a new authority.

    A key is there before settings call it current: until then nobody could show it.
    """
    events = ("B", "C", "1", "2", "3", "authority", "end")
    for order in permutations(events):
        place = {event: n for n, event in enumerate(order)}
        in_turn = place["1"] < place["2"] < place["3"] and place["authority"] < place["end"]
        if in_turn and place["B"] < place["2"] and place["C"] < place["3"]:
            yield order


def after(server: Server, event: str) -> Server:
    """The server after something happened."""
    match event:
        case "B" | "C":
            server = replace(server, keys=(*server.keys, event.encode() * 32))
        case "authority":
            server = replace(server, issuing=BOTH)
        case "end":  # the first authority's key is gone
            server = replace(server, issuing=(SECOND,))
        case number:
            return published(server, int(number))
    return server.certified()


def test_no_order_of_events_locks_a_device_out(tmp_path: Path) -> None:
    """Whichever settings a device has heard of last, it finds the server after each event."""
    tried = 0
    for order in orders():
        server = Server((A,), (FIRST,), (), WALK[0]).certified()
        heard = [server.settings]
        for event in order:
            server = after(server, event)
            heard.append(server.settings)
            for settings in dict.fromkeys(heard):
                tried += 1
                assert reached(tmp_path, settings, server), (order, event, settings)
    assert tried > 1000


def test_only_settings_that_leave_the_new_authority_out_come_too_late(tmp_path: Path) -> None:
    """The one way to be locked out that is left, and `fleet settings` never goes it."""
    late = Settings(pins(B, C))
    gone = Server((A, B), (SECOND,), (Face(A, FIRST),), late).certified()
    assert not reached(tmp_path, late, gone)
    assert reached(tmp_path, replace(late, authorities=BOTH), gone)


def test_a_device_that_is_up_to_date_finds_it_by_its_host(tmp_path: Path) -> None:
    """One handshake, in every state of the walk."""
    for order in orders():
        server = Server((A,), (FIRST,), (), WALK[0]).certified()
        for event in order:
            server = after(server, event)
            names = reached(tmp_path, server.settings, server)
            assert names[0] == HOST, (order, event)


def test_a_device_asks_for_so_many_names_and_no_more(tmp_path: Path) -> None:
    """A server that shows nothing that is meant does not keep a device busy without end."""
    authority = tmp_path / "authority.pem"
    authority.write_text(PEM[FIRST] + PEM[SECOND])
    many = [bytes([n]) * 32 for n in range(100)]
    meant = Pinned(authority, None, many, NOW)
    assert len(meant.names(HOST)) == MOST_NAMES
    assert meant.names(HOST)[:3] == [HOST, Face(many[0], SECOND).name, Face(many[0], FIRST).name]


def test_a_device_asks_first_by_the_name_that_was_answered_last(tmp_path: Path) -> None:
    """What was found once is not looked for again."""
    authority = tmp_path / "authority.pem"
    authority.write_text(PEM[FIRST])
    meant = Pinned(authority, None, [A, B], NOW)
    meant.answered(Face(B, FIRST).name)
    assert meant.names(HOST) == [Face(B, FIRST).name, HOST, Face(A, FIRST).name]


def test_an_authority_that_is_no_certificate_has_no_name_of_its_own(tmp_path: Path) -> None:
    """A spoilt file costs the names, not the process."""
    authority = tmp_path / "authority.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert len(Pinned(authority, None, [A], NOW).names(HOST)) == 2


FACES = [Face(A, FIRST), Face(B, FIRST), Face(A, SECOND), Face(B, SECOND)]
CASES: Mapping[str, tuple[ServerPins, frozenset[bytes], Face]] = {
    "current before next": (pins(A, B), frozenset(), Face(A, FIRST)),
    "next before any other": (pins(D, A), frozenset(), Face(A, FIRST)),
    "else the one named last": (pins(D), frozenset(), Face(B, FIRST)),
    "the newest authority that is named": (pins(A), frozenset({FIRST, SECOND}), Face(A, SECOND)),
    "the one that is named": (pins(A), frozenset({FIRST}), Face(A, FIRST)),
    "the oldest, if none is named": (pins(A), frozenset({C}), Face(A, FIRST)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_shown_to_whoever_asks_for_no_key(case: str) -> None:
    """By the settings; and by what everybody knows, where they say nothing."""
    wanted, named, expected = CASES[case]
    assert first_face(FACES, wanted, named) == expected


def test_where_there_is_nothing_nothing_is_shown() -> None:
    """A gateway without a certificate waits for one."""
    assert first_face([], pins(A), frozenset()) is None
