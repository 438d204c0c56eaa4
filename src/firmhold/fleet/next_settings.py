"""Trust settings to review and to sign: those in force, with what this server shows from now on.

A server cannot say itself which of its keys devices take: the holders of `targets` sign that. This
writes down for them what the server has, so that nobody copies digests by hand.
"""

from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.fleet.authorities import Authorities
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.settings.reader import parse_settings


def next_settings(
    in_force: bytes,
    document: JsonObject,
    held: Sequence[bytes],
    current: bytes | None,
    authorities: Authorities,
) -> JsonObject:
    """Return settings in which `current`, if it is given, is the pin of the server's key.

    `held` are the pins of the gateway's keys, in the order in which they were named: those after
    the current one come next, and those before it are no longer pinned. `document` is the JSON of
    `in_force`. Raises `Misuse` if the server does not have that key.
    """
    pins = parse_settings(in_force).server_pins
    now = pins.current if current is None else frozenset({current})
    places = [place for place, pin in enumerate(held) if pin in now]
    if not places:
        detail = "the gateway has none of the keys that would be current: `fleet key` names one"
        raise Misuse(FleetFault(code=Code.FLEET_KEY, what="gateway", detail=detail))
    coming = held[max(places) + 1 :]
    named: list[JsonValue] = [
        each.public_bytes(Encoding.PEM).decode() for each in reversed(authorities.accepted)
    ]
    return {
        **document,
        "server_pins": {"current": _hex(sorted(now)), "next": _hex(coming)},
        "server_authorities": named,
    }


def _hex(pins: Sequence[bytes]) -> list[JsonValue]:
    return [pin.hex() for pin in pins]
