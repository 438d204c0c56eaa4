"""The keys of a server: where they live, and the Director's roots that say which of them count.

A part opens its keys when it starts. So a key that is to come is named before it counts, and the
part started anew; when the root or the settings that appoint it arrive, the part goes over to it by
itself, while the one before is still there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from firmhold.fleet.authorities import read_authorities
from firmhold.fleet.director.appointed import Roots, root_file
from firmhold.fleet.home import OFFICES, SETUP, Home
from firmhold.pkix.borrowed import public_half
from firmhold.signing.ports import Secrets, Signer, Tier
from firmhold.signing.tpm_uri import SCHEME as TPM_SCHEME
from firmhold.signing.uri import FILE_SCHEME, open_signer
from firmhold.storage.atomic import replace_file
from firmhold.storage.disk import own_disk, read_file, why
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import FleetFault, PlaceFault
from firmhold.trust.tuf.wire import MAX_BYTES as METADATA_BYTES


def absolute(uri: str) -> str:
    """A URI that names the same file from any folder."""
    for scheme in (FILE_SCHEME, TPM_SCHEME):
        if uri.startswith(scheme):
            path, asked, query = uri.removeprefix(scheme).partition("?")
            return f"{scheme}{Path(path).absolute()}{asked}{query}"
    return uri


def named_keys(options: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return key URIs by office, from options of the form `OFFICE=KEY`. Raises `Misuse`."""
    found: dict[str, tuple[str, ...]] = {}
    for option in options:
        office, _, uri = option.partition("=")
        if office not in OFFICES or not uri:
            raise _misuse(office, f"--key takes OFFICE=KEY, with one of {', '.join(OFFICES)}")
        found[office] = (*found.get(office, ()), absolute(uri))
    return MappingProxyType(found)


def name_key(home: Home, office: str, uri: str, secrets: Secrets, *, alone: bool) -> Signer:
    """Have an office use the key at a URI, beside those it has or alone. Raises `Misuse`.

    1. it is an office of this server;
    2. the key opens;
    3. the CA's, alone, is the one of its certificate; the gateway's is a file, since TLS reads it.
    """
    # 1. an office
    if office not in OFFICES:
        raise _misuse(office, f"no such office: {', '.join(OFFICES)}")
    # 2. the key
    uri = absolute(uri)
    signer = open_signer(uri, secrets)
    # 3. the right one
    if office == "ca" and alone:
        _require_of_certificate(home, signer)
    if office == "gateway" and signer.tier is not Tier.FILE:
        raise _misuse(office, "TLS reads this key: it is a file")
    kept = () if alone else home.uris(office)
    uris = (*(each for each in kept if each != uri), uri)
    changed = replace(home, keys=MappingProxyType({**home.keys, office: uris}))
    with own_disk(home.folder):
        replace_file(home.folder / SETUP, changed.to_bytes())
    return signer


def take_roots(home: Home, desk: Path) -> list[int]:
    """Take the Director's roots that a desk has and this server does not; return their versions.

    Each must follow the one before. Raises `Refused`.
    """
    roots, taken = Roots(home.folder / "roots"), []
    for version, data in _newer(desk, roots.version):
        roots.trusted = roots.trusted.accept_root(data)
        place = home.folder / "roots" / root_file(version)
        with own_disk(place):
            replace_file(place, data)
            place.chmod(0o644)
        taken.append(version)
    return taken


def _newer(desk: Path, version: int) -> Iterator[tuple[int, bytes]]:
    folder = desk / "metadata"
    if not folder.is_dir():
        raise Misuse(PlaceFault(code=Code.RELEASE_DESK, path=str(desk), detail="no desk is here"))
    while True:
        version += 1
        place = folder / f"{version}.director.root.json"
        try:
            yield version, read_file(place, METADATA_BYTES["root"])
        except FileNotFoundError:
            return
        except OSError as error:
            fault = PlaceFault(code=Code.STORE_IO, path=str(place), detail=why(error))
            raise Misuse(fault) from error


def _require_of_certificate(home: Home, signer: Signer) -> None:
    if read_authorities(home).issuing.public_key() != public_half(signer):
        raise _misuse("ca", f"not the key of {home.authority}")


def _misuse(what: str, detail: str) -> Misuse:
    return Misuse(FleetFault(code=Code.FLEET_KEY, what=what, detail=detail))
