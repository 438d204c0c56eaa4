"""`pkcs11:` URIs (RFC 7512), as far as they name a signing key.

    pkcs11:token=Firmhold%20root;object=alice;id=%A1?module-path=/usr/lib/softhsm/libsofthsm2.so

Path attributes: `token`, `serial`, `manufacturer`, `model` choose the token; `object` and `id`
choose the key; `type`, if it is there, is `private`. Query: `module-path`; without it the
environment's PKCS11_MODULE_PATH says which library speaks to the token. Any other attribute is
refused, and so is a PIN: a URI stands in histories, process lists and logs.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault

SCHEME = "pkcs11:"
MODULE = "PKCS11_MODULE_PATH"
"""The variable of the environment that names the library where a URI does not."""

_PATH = ("token", "serial", "manufacturer", "model", "object", "id", "type")
_PINS = ("pin-value", "pin-source")
_ESCAPED = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&/?]|%[0-9A-Fa-f]{2})*")
_MAX_CHARACTERS = 2048
_UNQUOTED = b"-._~:[]@!$'()*+,="


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key in a token. None is a property that the URI leaves open."""

    module: str
    token: str | None
    serial: str | None
    manufacturer: str | None
    model: str | None
    label: str | None
    id: bytes | None

    def __str__(self) -> str:
        """The token for people."""
        return self.token or self.serial or self.model or self.manufacturer or "token"


def parse_token_key(uri: str) -> TokenKey:
    """Read a URI. Raises `Misuse` (`key.uri`)."""
    if not uri.startswith(SCHEME) or len(uri) > _MAX_CHARACTERS:
        raise _misuse(uri, "pkcs11:token=TOKEN;object=NAME")
    path, _, query = uri.removeprefix(SCHEME).partition("?")
    found = dict(_attributes(uri, path, ";", _PATH))
    asked = dict(_attributes(uri, query, "&", ("module-path",)))
    module = _text(uri, asked.get("module-path")) or os.environ.get(MODULE)
    if module is None:
        raise _misuse(uri, f"?module-path=LIBRARY, or {MODULE}")
    if found.get("type", b"private") != b"private":
        raise _misuse(uri, "type=private, or no type")
    if not ("token" in found or "serial" in found) or not ("object" in found or "id" in found):
        raise _misuse(uri, "token= or serial=, and object= or id=")
    said = {name: _text(uri, found.get(name)) for name in _PATH if name != "id"}
    return TokenKey(
        module,
        said["token"],
        said["serial"],
        said["manufacturer"],
        said["model"],
        said["object"],
        found.get("id"),
    )


def token_uri(module: str, token: str, label: str) -> str:
    """Return the URI of the key with a label in the token with a name."""
    names = (quote_from_bytes(text.encode(), _UNQUOTED) for text in (token, label))
    return "{}token={};object={}?module-path={}".format(SCHEME, *names, module)


def _attributes(
    uri: str, text: str, between: str, known: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for part in filter(None, text.split(between)):
        name, equals, value = part.partition("=")
        if name in _PINS:
            raise _misuse(_without_pin(uri), "no PIN: it is asked for, or read (--pin-fd)")
        if name not in known or name in seen or not equals or not _ESCAPED.fullmatch(value):
            raise _misuse(uri, f"each at most once: {', '.join(known)}")
        seen.add(name)
        yield name, unquote_to_bytes(value)


def _text(uri: str, value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError as error:
        raise _misuse(uri, "names in UTF-8") from error


def _without_pin(uri: str) -> str:
    """A URI as it may be shown: what stands behind a PIN's name is nobody's business."""
    return re.sub(r"(pin-(?:value|source)=)[^;&?]*", r"\1…", uri)


def _misuse(uri: str, expected: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.KEY_URI, path=uri, detail=f"expected {expected}"))
