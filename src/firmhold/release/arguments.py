"""What a person's arguments at the desk mean: moments, passphrases, files, holders."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firmhold.release.documents import ONLINE
from firmhold.storage.atomic import make_folder, replace_file
from firmhold.storage.disk import own_disk, read_file, why
from firmhold.trust.errors import Code, Misuse, Refused, UsageFault
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.schema import a_date
from firmhold.trust.tuf.wire import MAX_BYTES

_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{1,11}")


def pinned_root(root: Path | None) -> bytes | None:
    """Return the first root that a person brought from a safe place."""
    return None if root is None else read_argument(root, MAX_BYTES["root"])


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet, and the folders above it."""
    if path.exists():
        fault = PlaceFault(code=Code.STORE_IO, path=str(path), detail="it is there already")
        raise Misuse(fault)
    with own_disk(path):
        make_folder(path.parent)
        replace_file(path, data)


def require_apart(desk: Path, site: Path) -> None:
    """Pass if the site lies outside the desk: whoever serves it would serve the key files too."""
    ours, theirs = Path(os.path.realpath(desk)), Path(os.path.realpath(site))
    if ours in (theirs, *theirs.parents) or theirs in ours.parents:
        what = (
            "desk and site must be two folders, neither in the other: a server would serve the keys"
        )
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def date_text(moment: datetime) -> str:
    """Return a moment as it is written everywhere here."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(at: str | None) -> datetime:
    """The moment that the person names, else the one of the environment, else the present."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if at is not None:
        return _parsed(at)
    if epoch is None:
        return datetime.now(UTC)  # noqa: TID251 - the composition root reads the clock
    if not _SECONDS.fullmatch(epoch):
        what = f"SOURCE_DATE_EPOCH is seconds since 1970, not {epoch}"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))
    return _FIRST_MOMENT + timedelta(seconds=int(epoch))


def _parsed(at: str) -> datetime:
    with suppress(Refused):
        if (found := a_date(at, "--at")) < _LAST_MOMENT:
            return found
    what = f"--at takes a moment as 2030-01-31T12:00:00Z, not {at}"
    raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def named_holders(options: Sequence[str]) -> dict[str, list[str]]:
    """Return holders by role, from options of the form `ROLE=NAME,NAME`."""
    named: dict[str, list[str]] = {}
    for option in options:
        role, _, names = option.partition("=")
        if role in named:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"--holders names {role} twice"))
        named[role] = [name.strip() for name in names.split(",")]
    return named


def online_keys(options: Sequence[str], folder: Path) -> dict[str, str]:
    """Return the URI of each machine's key: as `ROLE=KEY` says, else a file of the desk's."""
    uris = {role: f"file:{folder / f'{role}.pem'}" for role in ONLINE}
    for option in options:
        role, _, uri = option.partition("=")
        if role not in uris or not uri:
            what = f"--key takes ROLE=KEY, with ROLE one of {', '.join(ONLINE)}, not {option}"
            raise Misuse(UsageFault(code=Code.MISUSE, what=what))
        uris[role] = uri
    return uris


def read_argument(file: Path, max_bytes: int) -> bytes:
    """Return the bytes of a file that a person named, bounded."""
    try:
        return read_file(file, max_bytes)
    except OSError as error:
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(file), detail=why(error))) from error


def shown(text: str) -> str:
    """Text that may be hostile, with no character that would steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(line: str) -> None:
    """Print a line, with nothing in it that would steer a terminal."""
    print(shown(line))
