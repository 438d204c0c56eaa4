"""Sets a fleet server up: its folder, its authority, its keys and first roots, its tables."""

from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.fleet.ca.authority import make_authority
from firmhold.fleet.database import make_database
from firmhold.fleet.home import OFFICES, SETUP, SOCKETS, Home
from firmhold.pkix.public import Algorithm
from firmhold.signing.ports import Secrets, Signer
from firmhold.signing.uri import create_signer, open_signer
from firmhold.storage.atomic import make_folder, replace_file
from firmhold.storage.disk import own_disk, read_file, why
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES

COPIED = ("director", "freshness", "gateway")
"""Offices whose keys are taken over from the staging desk, where no URI names another.

The authority's key is made here, where no URI names one that is there already.
"""

MOST_SOCKET_BYTES = 107
_MAX_KEY_BYTES = 65_536
_OWNER_ONLY = 0o700


def set_up(home: Home, desk: Path, secrets: Secrets, now: datetime) -> None:
    """Make the server in its folder; `fleet.json` is written last. Raises `Misuse`.

    Keys that `home` names by URI stay where they are.
    """
    if (home.folder / SETUP).exists():
        raise _misuse(Code.FLEET_HOME, home.folder, "a server is here already")
    _require_short(home)
    roots = {
        "image": _read(desk / "metadata" / "1.root.json", MAX_BYTES["root"]),
        "director": _read(_director_root(desk), MAX_BYTES["root"]),
    }
    for root in roots.values():
        TrustedSet.pin(root, FIRMHOLD)
    copied = [OFFICES[office] for office in COPIED if office not in home.keys]
    keys = {name: _read(desk / "keys" / f"{name}.pem", _MAX_KEY_BYTES) for name in copied}
    named = [uri for office in home.keys for uri in home.uris(office)]
    for uri in (*named, *(f"file:{desk / 'keys' / name}.pem" for name in copied)):
        open_signer(uri, secrets)  # what cannot be opened now could not be later
    with own_disk(home.folder):
        _make_folders(home)
        for name, data in keys.items():
            replace_file(home.key(name), data)
            home.key(name).chmod(0o600)
        for name, data in roots.items():
            replace_file(home.root(name), data)
    _make_authority(home, secrets, now)
    make_database(home)
    with own_disk(home.folder):
        replace_file(home.folder / SETUP, home.to_bytes())


def _require_short(home: Home) -> None:
    """Pass if the sockets of this folder can have names: a kernel knows no longer ones."""
    longest = max((home.socket(name) for name in SOCKETS), key=lambda path: len(str(path)))
    if len(str(longest).encode()) > MOST_SOCKET_BYTES:
        detail = f"too long a path for sockets: at most {MOST_SOCKET_BYTES} bytes"
        raise _misuse(Code.FLEET_HOME, longest, detail)


def _make_folders(home: Home) -> None:
    make_folder(home.folder)
    home.folder.chmod(_OWNER_ONLY)
    for name in ("keys", "roots", "ca", "gateway", "sockets"):
        make_folder(home.folder / name)
    for name in SOCKETS:
        make_folder(home.socket(name).parent)


def _make_authority(home: Home, secrets: Secrets, now: datetime) -> None:
    """Make the authority; the gateway asks it for its certificates when it starts."""
    key = _authority_key(home, secrets)
    own = make_authority(key, f"Firmhold devices of {home.host}", now)
    with own_disk(home.folder):
        replace_file(home.authority, own.public_bytes(Encoding.PEM))


def _authority_key(home: Home, secrets: Secrets) -> Signer:
    """The authority's key: the one that is named, or a file, made if it is not there."""
    uri, place = home.uris("ca")[0], home.key("ca")
    if "ca" in home.keys or place.exists():
        return open_signer(uri, secrets)
    return create_signer(uri, secrets, Algorithm.ED25519)


def _director_root(desk: Path) -> Path:
    """The Director's first root: of a ceremony, or as `release keys fleet` made it."""
    held = desk / "metadata" / "1.director.root.json"
    return held if held.exists() else desk / "fleet" / "director.root.json"


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        return read_file(path, max_bytes)
    except OSError as error:
        raise _misuse(Code.STORE_IO, path, why(error)) from error


def _misuse(code: Code, path: Path, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=code, path=str(path), detail=detail))
