"""From one authority to the next, while devices go on.

A new one issues from now on, and what the former ones issued goes on to count until it ends. Where
a former one's key was stolen, or nobody knows where it is, it is revoked: what it issued counts no
more with the next request, and each device asks for another certificate with its own key.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from firmhold.fleet.authorities import (
    Authorities,
    Known,
    authority_id,
    keep_authorities,
    read_authorities,
)
from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.fleet.home import SETUP, Home
from firmhold.pkix.borrowed import public_half
from firmhold.signing.ports import Signer
from firmhold.storage.atomic import replace_file
from firmhold.storage.disk import own_disk
from firmhold.trust.errors import Code, Misuse, Unavailable
from firmhold.trust.outer_faults import FleetFault


def issuer(known: Known, keys: Sequence[Signer], name: str | None) -> Authority:
    """Return an authority with its key, by its id; None is the one at work. Raises `Unavailable`.

    A part that was started before the key was named does not have it.
    """
    found = known()
    wanted = authority_id(found.issuing) if name is None else name
    own = next((each for each in found.all if authority_id(each) == wanted), None)
    for key in keys:
        if own is not None and public_half(key) == own.public_key():
            return Authority(key, own)
    detail = f"none of its keys is the one of authority {wanted[:16]}"
    raise Unavailable(FleetFault(code=Code.FLEET_NO_KEY, what="ca", detail=detail))


def hand_over(home: Home, key: Signer, uri: str, now: datetime) -> Authorities:
    """Have another authority issue from now on, by the key at a URI. Raises `Misuse`.

    The key is named first, then the certificates change at one stroke.
    """
    before = read_authorities(home)
    made = make_authority(key, f"Firmhold devices of {home.host}", now)
    if authority_id(made) in {authority_id(each) for each in before.all}:
        raise _misuse(uri, "this key had its turn: make another one")
    uris = (*(each for each in home.uris("ca") if each != uri), uri)
    named = replace(home, keys=MappingProxyType({**home.keys, "ca": uris}))
    with own_disk(home.folder):
        replace_file(home.folder / SETUP, named.to_bytes())
    after = Authorities((made, *before.accepted), before.revoked)
    keep_authorities(home, after)
    return after


def revoke_former(home: Home) -> Authorities:
    """Have every authority count no more but the one that issues. Raises `Misuse`."""
    before = read_authorities(home)
    newest, *former = before.accepted
    if not former:
        detail = "there is one authority: make the next one first, `fleet authority new`"
        raise _misuse("authority", detail)
    after = Authorities((newest,), (*former, *before.revoked))
    keep_authorities(home, after)
    return after


def _misuse(what: str, detail: str) -> Misuse:
    return Misuse(FleetFault(code=Code.FLEET_KEY, what=what, detail=detail))
