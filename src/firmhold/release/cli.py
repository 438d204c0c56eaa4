"""`firmhold release`: the desk's composition root.

Every command takes the desk's folder first. `--at` (or SOURCE_DATE_EPOCH) fixes the moment, so that
the same input gives the same bytes again.
"""

import getpass
import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.build import (
    Built,
    build,
    build_document,
    build_release,
    discard,
    renew,
)
from firmhold.release.description import MAX_BYTES as DESCRIPTION_BYTES
from firmhold.release.description import read_description
from firmhold.release.entries import counter_path
from firmhold.release.keys import ONLINE, init_domain
from firmhold.release.publish import publish
from firmhold.release.show import Line, show
from firmhold.release.sign import sign
from firmhold.signing.file import FileSigner
from firmhold.signing.uri import open_signer
from firmhold.storage.disk import read_file, why
from firmhold.trust.advice import advice_for
from firmhold.trust.errors import Code, FirmholdError, Misuse, Refused, UsageFault
from firmhold.trust.faults import PlaceFault
from firmhold.trust.settings.reader import MAX_BYTES as SETTINGS_BYTES
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.schema import a_date
from firmhold.trust.tuf.wire import MAX_BYTES
from firmhold.update.security import ProductCounter
from firmhold.update.version import SecurityCounter

_NAME = "firmhold release"
app = typer.Typer(
    name=_NAME,
    help="Build, sign and publish releases.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Make the keys of a staging domain.", no_args_is_help=True)
app.add_typer(keys, name="keys")

DeskPath = Annotated[Path, typer.Argument(help="The desk's folder.")]
At = Annotated[str | None, typer.Option(help="The moment, as 2030-01-31T12:00:00Z.")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="A file whose first line opens the keys.")
]
PinnedRoot = Annotated[
    Path | None, typer.Option("--root", help="The domain's first root, from a safe place of yours.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{1,11}")
_MAX_PASSPHRASE_BYTES = 4096


class _Passphrases:
    """From a file, from FIRMHOLD_PASSPHRASE, or from the person at the terminal."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def passphrase(self, key: str) -> str:
        """Return the passphrase of `key`."""
        if self._file is not None:
            return _first_line(self._file)
        if from_environment := os.environ.get("FIRMHOLD_PASSPHRASE"):
            return from_environment
        if sys.stdin.isatty():
            return getpass.getpass(f"Passphrase of {_shown(key)}: ")
        what = f"no passphrase for {key}: give --passphrase-file or FIRMHOLD_PASSPHRASE"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    try:
        app(list(arguments), prog_name=_NAME)
    except SystemExit as end:  # how the library ends a command, also after it reported a bad call
        return end.code if isinstance(end.code, int) else 1
    except FirmholdError as error:
        print(_shown(f"{type(error).__name__.lower()}: {error}"), file=sys.stderr)
        print(f"  {advice_for(error.code)}", file=sys.stderr)
        return 1
    return 0


@keys.command("init")
def keys_init(
    desk: DeskPath,
    holders: Annotated[
        list[str] | None, typer.Option(help="ROLE=NAME,NAME,NAME; may be repeated.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    at: At = None,
) -> None:
    """Make a staging domain: keys in encrypted files, a signed root, empty release roles."""
    folder = FolderDesk(desk)
    passphrase = _Passphrases(passphrase_file).passphrase(f"the new keys in {folder.keys}")

    def make_key(role: str, holder: str) -> FileSigner:
        # A machine's key is found by its role, a person's by the person.
        name = role if role in ONLINE else holder
        return FileSigner.create(folder.keys / f"{name}.pem", passphrase)

    init_domain(folder, _named_holders(holders or []), make_key, _moment(at))
    _say(f"staging domain made in {desk}; devices pin {desk}/metadata/1.root.json")


@app.command("build")
def build_(
    desk: DeskPath,
    files: Annotated[list[Path] | None, typer.Argument(help="Plain files to release.")] = None,
    *,
    release: Annotated[
        Path | None, typer.Option(help="A TOML file that describes a release of images.")
    ] = None,
    authority: Annotated[str | None, typer.Option(help="feature or security")] = None,
    product: Annotated[str | None, typer.Option(help="The name in target paths.")] = None,
    at: At = None,
) -> None:
    """Draft a described release of images, or FILES as they are, under an authority."""
    folder, now = FolderDesk(desk), _moment(at)
    if release is not None and not (files or authority or product):
        text = _read(release, DESCRIPTION_BYTES)
        built = build_release(folder, read_description(text, release.parent, now), now)
    elif release is None and authority is not None and product is not None:
        built = (build(folder, authority, product, files or [], now),)
    else:
        what = "give --release FILE.toml alone, or --authority and --product with FILES"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))
    for draft in built:
        _say_draft(draft)


@app.command("counter")
def counter_(
    desk: DeskPath,
    *,
    product: Annotated[str, typer.Option(help="The product.")],
    to: Annotated[int, typer.Option(min=0, help="The security counter of its releases.")],
    at: At = None,
) -> None:
    """Draft the security counter that the releases of a product must bear."""
    folder, now = FolderDesk(desk), _moment(at)
    document = ProductCounter(product, SecurityCounter(to)).to_bytes()
    _say_draft(build_document(folder, counter_path(product), document, now))


@app.command("settings")
def settings_(
    desk: DeskPath,
    file: Annotated[Path, typer.Argument(help="The trust settings, as JSON.")],
    at: At = None,
) -> None:
    """Draft trust settings; the holders of `targets` sign them."""
    data = _read(file, SETTINGS_BYTES)
    _say_draft(build_document(FolderDesk(desk), SETTINGS_PATH, data, _moment(at)))


@app.command("renew")
def renew_(
    desk: DeskPath,
    *,
    role: Annotated[str, typer.Option(help="targets, feature or security")],
    at: At = None,
) -> None:
    """Draft a role anew with a later date and nothing else."""
    _say_draft(renew(FolderDesk(desk), role, _moment(at)))


@app.command("sign")
def sign_(
    desk: DeskPath,
    *,
    role: Annotated[str, typer.Option(help="The role whose draft to sign.")],
    key: Annotated[str, typer.Option(help="The holder's key, as file:PATH.")],
    root: PinnedRoot = None,
    passphrase_file: PassphraseFile = None,
    at: At = None,
) -> None:
    """Add one holder's signature to a role's draft, after checking the draft again."""
    signer = open_signer(key, _Passphrases(passphrase_file))
    signed = sign(FolderDesk(desk), role, signer, _moment(at), pinned=_pinned(root))
    _say(f"{role} version {signed.version}, good until {_date(signed.expires)}")
    for path, sha256 in signed.added.items():
        _say(f"  {path} sha256:{sha256}")
    holders = ", ".join(signed.tally.signed)
    _say(f"signed by {holders}; {signed.tally.needed} more needed")


@app.command("discard")
def discard_(
    desk: DeskPath, *, role: Annotated[str, typer.Option(help="The role whose draft to drop.")]
) -> None:
    """Throw away a role's open draft."""
    discard(FolderDesk(desk), role)
    _say(f"draft of {role} discarded")


@app.command("publish")
def publish_(
    desk: DeskPath,
    *,
    to: Annotated[Path, typer.Option(help="The folder that a static server serves.")],
    root: PinnedRoot = None,
    passphrase_file: PassphraseFile = None,
    at: At = None,
) -> None:
    """Publish what enough holders have signed, at one stroke."""
    folder = FolderDesk(desk)
    _require_apart(desk, to)
    passphrases = _Passphrases(passphrase_file)
    online = {
        role: open_signer(f"file:{folder.keys / f'{role}.pem'}", passphrases) for role in ONLINE
    }
    published = publish(folder, FolderSite(to), online, _moment(at), pinned=_pinned(root))
    _say("published " + ", ".join(f"{r} v{v}" for r, v in published.versions.items()))
    for role, tally in published.waiting.items():
        _say(f"draft of {role} stays behind: {tally.needed} more of {', '.join(tally.missing)}")


@app.command("show")
def show_(desk: DeskPath, *, as_json: AsJson = False) -> None:
    """Show what lies on the desk, and whose signatures are missing."""
    lines = show(FolderDesk(desk))
    if as_json:
        print(json.dumps([_as_json(line) for line in lines], indent=1))
    else:
        Console().print(_table(lines))


def _say_draft(built: Built) -> None:
    _say(f"draft of {built.role} version {built.version}")
    for path in built.added:
        _say(f"  {path}")


def _as_json(line: Line) -> dict[str, object]:
    return {
        "role": line.role,
        "state": line.state,
        "version": line.version,
        "expires": _date(line.expires),
        "threshold": line.tally.threshold,
        "signed": list(line.tally.signed),
        "missing": list(line.tally.missing),
        "needed": line.tally.needed,
        "files": dict(line.files),
    }


def _table(lines: Sequence[Line]) -> Table:
    table = Table()
    for heading in ("role", "state", "version", "expires", "signed by", "still needed", "files"):
        table.add_column(heading, overflow="fold")  # a holder's name is never cut short
    for line in lines:
        cells = (
            line.role,
            line.state,
            str(line.version),
            f"{line.expires:%Y-%m-%d}",
            ", ".join(line.tally.signed),
            f"{line.tally.needed} of {', '.join(line.tally.missing)}" if line.tally.needed else "",
            str(len(line.files) or ""),
        )
        table.add_row(*(Text(_shown(cell)) for cell in cells))  # as it is: a name is no markup
    return table


def _pinned(root: Path | None) -> bytes | None:
    return None if root is None else _read(root, MAX_BYTES["root"])


def _require_apart(desk: Path, site: Path) -> None:
    """Pass if the site lies outside the desk: whoever serves it would serve the key files too."""
    ours, theirs = Path(os.path.realpath(desk)), Path(os.path.realpath(site))
    if ours in (theirs, *theirs.parents) or theirs in ours.parents:
        what = (
            "desk and site must be two folders, neither in the other: a server would serve the keys"
        )
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(at: str | None) -> datetime:
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
        if (moment := a_date(at, "--at")) < _LAST_MOMENT:
            return moment
    what = f"--at takes a moment as 2030-01-31T12:00:00Z, not {at}"
    raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def _named_holders(options: Sequence[str]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for option in options:
        role, _, names = option.partition("=")
        if role in named:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"--holders names {role} twice"))
        named[role] = [name.strip() for name in names.split(",")]
    return named


def _first_line(file: Path) -> str:
    data = _read(file, _MAX_PASSPHRASE_BYTES)
    return os.fsdecode(data.partition(b"\n")[0].removesuffix(b"\r"))


def _read(file: Path, max_bytes: int) -> bytes:
    try:
        return read_file(file, max_bytes)
    except OSError as error:
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(file), detail=why(error))) from error


def _shown(text: str) -> str:
    """Text that may be hostile, with no character that would steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _say(line: str) -> None:
    print(_shown(line))
