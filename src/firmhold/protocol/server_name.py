"""The name by which a device asks for one key of the server, and for no other.

The gateway may hold the key of today, the one before and the one to come, each with a certificate
under the authority of today and under earlier ones. A device that was away knows some of them. It
says in the handshake which it means (SNI, RFC 6066 3); the name ends in `.invalid`, so that nothing
ever looks it up (RFC 6761 6.4).
"""

ENDING = "firmhold.invalid"
_BYTES = 16
"""Of each digest: a label has room for 63 characters. What decides is the whole pin, afterwards."""


def server_name(key_sha256: bytes, authority_sha256: bytes) -> str:
    """Return the name of a key under an authority, by the SHA-256 of both SubjectPublicKeyInfo."""
    return f"{key_sha256[:_BYTES].hex()}.{authority_sha256[:_BYTES].hex()}.{ENDING}"
