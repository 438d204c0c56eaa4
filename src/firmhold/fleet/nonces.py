"""Nonces that a server knows again without having kept them.

32 bytes: when it was made (8), chance (8), and half of an HMAC-SHA256 over both and what the nonce
is for, under a key that the process made for itself when it began.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

LIFETIME = timedelta(minutes=10)

_TIME, _CHANCE, _TAG = 8, 8, 16


class Nonces:
    """Makes nonces and knows its own."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, purpose: str, now: datetime) -> bytes:
        """Return a nonce for one purpose: a device, a use of it."""
        head = int(now.timestamp()).to_bytes(_TIME, "big") + secrets.token_bytes(_CHANCE)
        return head + self._tag(head, purpose)

    def good(self, nonce: bytes, purpose: str, now: datetime) -> bool:
        """Tell whether this process made a nonce for that purpose, not long ago."""
        head, tag = nonce[: _TIME + _CHANCE], nonce[_TIME + _CHANCE :]
        if not hmac.compare_digest(tag, self._tag(head, purpose)):
            return False
        made = datetime.fromtimestamp(int.from_bytes(head[:_TIME], "big"), UTC)
        return timedelta(0) <= now - made <= LIFETIME

    def _tag(self, head: bytes, purpose: str) -> bytes:
        return hmac.digest(self._key, head + purpose.encode(), hashlib.sha256)[:_TAG]
