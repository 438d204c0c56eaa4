"""One-time tokens: whoever brings one may enrol the device that it was made for.

Only the digest of a token is stored. One that is unknown, used, over or for another device is
refused in the same words: nobody learns by asking which of them it was.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, update

from firmhold.fleet.tables import TOKENS
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

TOKEN_BYTES = 32
LONGEST = timedelta(days=365)


def make_token(connection: Connection, device: DeviceId, now: datetime, lifetime: timedelta) -> str:
    """Return a new token; it is known nowhere else."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires = int((now + min(lifetime, LONGEST)).timestamp())
    row = {"sha256": _digest(token), "device": device, "expires": expires}
    connection.execute(insert(TOKENS), row)
    return token


def spend(connection: Connection, token: str, device: DeviceId, now: datetime) -> None:
    """Use a token up. Raises `Refused` if it is not good for `device` now."""
    moment = int(now.timestamp())
    used = connection.execute(
        update(TOKENS)
        .where(TOKENS.c.sha256 == _digest(token))
        .where(TOKENS.c.device == device)
        .where(TOKENS.c.used_at.is_(None))
        .where(TOKENS.c.expires > moment)
        .values(used_at=moment)
    )
    if used.rowcount != 1:
        raise Refused(FleetFault(code=Code.CA_TOKEN, what=device, detail="not good"))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
