"""Sets a fleet server up: its folder, its authority, its keys and first roots, its tables."""

from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.fleet.database import make_database
from firmhold.fleet.home import SETUP, SOCKETS, Home
from firmhold.pkix.borrowed import public_half
from firmhold.signing.file import FileSigner
from firmhold.storage.atomic import make_folder, replace_file
from firmhold.storage.disk import own_disk, read_file, why
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES

KEYS = ("director", "freshness-1", "gateway")
"""What is taken over from the staging desk; the authority's key is made here."""

MOST_SOCKET_BYTES = 107
_MAX_KEY_BYTES = 65_536
_OWNER_ONLY = 0o700


def set_up(home: Home, desk: Path, passphrase: str, now: datetime) -> None:
    """Make the server in its folder; `fleet.json` is written last. Raises `Misuse`."""
    if (home.folder / SETUP).exists():
        raise _misuse(Code.FLEET_HOME, home.folder, "a server is here already")
    _require_short(home)
    roots = {
        "image": _read(desk / "metadata" / "1.root.json", MAX_BYTES["root"]),
        "director": _read(desk / "fleet" / "director.root.json", MAX_BYTES["root"]),
    }
    for root in roots.values():
        TrustedSet.pin(root, FIRMHOLD)
    keys = {name: _read(desk / "keys" / f"{name}.pem", _MAX_KEY_BYTES) for name in KEYS}
    gateway = FileSigner.load(desk / "keys" / "gateway.pem", passphrase)
    with own_disk(home.folder):
        _make_folders(home)
        for name, data in keys.items():
            replace_file(home.key(name), data)
            home.key(name).chmod(0o600)
        for name, data in roots.items():
            replace_file(home.root(name), data)
    _certify(home, gateway, passphrase, now)
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


def _certify(home: Home, gateway: FileSigner, passphrase: str, now: datetime) -> None:
    """Make the authority, and the certificate of the key that the settings pin."""
    place = home.key("ca")
    key = (
        FileSigner.load(place, passphrase)
        if place.exists()
        else FileSigner.create(place, passphrase)
    )
    own = make_authority(key, f"Firmhold devices of {home.host}", now)
    server = Authority(key, own).for_server(home.host, public_half(gateway), now)
    with own_disk(home.folder):
        replace_file(home.authority, own.public_bytes(Encoding.PEM))
        replace_file(home.server_certificate, server.public_bytes(Encoding.PEM))


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        return read_file(path, max_bytes)
    except OSError as error:
        raise _misuse(Code.STORE_IO, path, why(error)) from error


def _misuse(code: Code, path: Path, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=code, path=str(path), detail=detail))
