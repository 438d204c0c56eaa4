"""The folder of a fleet server: what it is set up with, its keys, its sockets.

    fleet.json              how the parts find each other; written once by `fleet init`
    keys/NAME.pem           director, freshness-1, gateway, ca: encrypted, one passphrase; where
                            `fleet.json` names a key by its URI, it lives there and not here
    roots/                  image.root.json and director.root.json, from which the rest is verified;
                            N.director.root.json that followed
    ca/authority.pem        the authority under which devices get certificates now, then those
                            before it whose certificates still count
    ca/revoked.pem          authorities whose certificates count no more
    gateway/KEY.AUTHORITY.pem
                            certificates that the device ports show, by key and authority
    sockets/NAME/socket     director and ca for the gateway; *-admin for operators
    fleet.db                everything else, where no other database is named

The parts are processes of their own. On SQLite, or as one user, the walls between them are their
sockets only; `fleet divide` puts users between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from firmhold.storage.disk import read_file, why
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.shape import Shape

FORMAT = 1
SETUP = "fleet.json"
MAX_BYTES = 65_536
MOST_TEXT = 4096
MOST_PORT = 65_535
PARTS = ("ca", "director", "gateway")
SOCKETS = ("ca", "ca-admin", "director", "director-admin")

OFFICES: Mapping[str, str] = {
    "ca": "ca",
    "director": "director",
    "freshness": "freshness-1",
    "gateway": "gateway",
}
"""What keys are for, each with the file in which it is looked for where no URI names it."""

MOST_KEYS = 16
MOST_HOURS = 90 * 24

_SHAPE = Shape(Code.FLEET_SETUP)
_MEMBERS = ("format", "host", "device_port", "enrolment_port", "site", "database", "wait")


@dataclass(frozen=True, slots=True)
class Home:
    """A fleet server as it was set up."""

    folder: Path
    host: str
    """The name or address that devices ask for, and on which both ports listen."""
    device_port: int
    enrolment_port: int
    site: Path
    """The published image repository."""
    database: str
    """SQLAlchemy URL; `{part}` in it stands for whose it is."""
    wait: int
    """Seconds between two check-ins of a device, before jitter."""
    certificate_hours: int = 168
    """How long a device's certificate lives."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Key URIs by office; of several, the one counts that is appointed now."""

    def uris(self, office: str) -> tuple[str, ...]:
        """Return the URIs of the keys of an office, one of `OFFICES`."""
        return self.keys.get(office) or (f"file:{self.key(OFFICES[office])}",)

    def key(self, name: str) -> Path:
        """The encrypted key of a part."""
        return self.folder / "keys" / f"{name}.pem"

    @property
    def tls_keys(self) -> tuple[Path, ...]:
        """The files of the keys that the gateway has: TLS reads them itself."""
        return tuple(Path(uri.removeprefix("file:")) for uri in self.uris("gateway"))

    def root(self, repository: str) -> Path:
        """The first root of a repository, `image` or `director`."""
        return self.folder / "roots" / f"{repository}.root.json"

    @property
    def authority(self) -> Path:
        """The certificates under which devices have theirs; the first is the one that issues."""
        return self.folder / "ca" / "authority.pem"

    @property
    def revoked(self) -> Path:
        """The certificates of authorities that count no more."""
        return self.folder / "ca" / "revoked.pem"

    @property
    def server_certificates(self) -> Path:
        """The folder of what the device ports show."""
        return self.folder / "gateway"

    def socket(self, name: str) -> Path:
        """The unix socket of a part, one of `SOCKETS`, in a folder of its own."""
        return self.folder / "sockets" / name / "socket"

    def database_for(self, part: str) -> str:
        """The database as a part comes to it."""
        return self.database.replace("{part}", part)

    def to_bytes(self) -> bytes:
        """Return the form in which it is stored; `open_home` reads it back."""
        keys: JsonObject = {office: [*uris] for office, uris in self.keys.items()}
        return pretty_json(
            {
                "format": FORMAT,
                "host": self.host,
                "device_port": self.device_port,
                "enrolment_port": self.enrolment_port,
                "site": str(self.site),
                "database": self.database,
                "wait": self.wait,
                "certificate_hours": self.certificate_hours,
                **({"keys": keys} if keys else {}),
            }
        )


def open_home(folder: Path) -> Home:
    """Return the server that was set up in `folder`. Raises `Misuse`."""
    path = folder / SETUP
    try:
        return _read(folder, read_file(path, MAX_BYTES))
    except OSError as error:
        raise _misuse(folder, why(error)) from error
    except Refused as error:
        raise _misuse(path, str(error)) from error


def _read(folder: Path, data: bytes) -> Home:
    value = parse_json(data, max_bytes=MAX_BYTES)
    members = _SHAPE.members(value, "fleet", _MEMBERS, optional=("keys", "certificate_hours"))
    _SHAPE.a_number(members["format"], "fleet.format", FORMAT, FORMAT)
    return Home(
        folder=folder,
        host=_SHAPE.a_name(members["host"], "fleet.host"),
        device_port=_SHAPE.a_number(members["device_port"], "fleet.device_port", 1, MOST_PORT),
        enrolment_port=_SHAPE.a_number(
            members["enrolment_port"], "fleet.enrolment_port", 1, MOST_PORT
        ),
        site=Path(_SHAPE.a_text(members["site"], "fleet.site", MOST_TEXT)),
        database=_SHAPE.a_text(members["database"], "fleet.database", MOST_TEXT),
        wait=_SHAPE.a_number(members["wait"], "fleet.wait", 1, 30 * 86_400),
        certificate_hours=_SHAPE.a_number(
            members.get("certificate_hours", 168), "fleet.certificate_hours", 1, MOST_HOURS
        ),
        keys=_keys(members.get("keys", {})),
    )


def _keys(value: JsonValue) -> Mapping[str, tuple[str, ...]]:
    found = _SHAPE.members(value, "fleet.keys", (), optional=[*OFFICES])

    def uri(entry: JsonValue, where: str) -> str:
        return _SHAPE.a_text(entry, where, MOST_TEXT)

    return MappingProxyType(
        {
            office: _SHAPE.a_list(uris, f"fleet.keys.{office}", MOST_KEYS, uri)
            for office, uris in found.items()
        }
    )


def _misuse(path: Path, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.FLEET_HOME, path=str(path), detail=detail))
