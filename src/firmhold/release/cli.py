"""`firmhold release`: the desk's composition root.

Every command takes the desk's folder first. `--at` (or SOURCE_DATE_EPOCH) fixes the moment, so that
the same input gives the same bytes again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.arguments import (
    date_text,
    moment,
    named_holders,
    online_keys,
    pinned_root,
    read_argument,
    require_apart,
    say,
    shown,
    write_new,
)
from firmhold.release.build import (
    Built,
    build,
    build_document,
    build_release,
    discard,
    renew,
)
from firmhold.release.bundle import Order, bundle
from firmhold.release.ceremony.propose import DIRECTOR_ROOT
from firmhold.release.description import MAX_BYTES as DESCRIPTION_BYTES
from firmhold.release.description import read_description
from firmhold.release.documents import ONLINE
from firmhold.release.domain import make_domain
from firmhold.release.entries import counter_path
from firmhold.release.keys import default_holders, init_domain
from firmhold.release.options import (
    AsJson,
    At,
    DeskPath,
    PassphraseFile,
    PinFd,
    PinnedRoot,
    run,
)
from firmhold.release.publish import publish
from firmhold.release.show import Line, show
from firmhold.release.sign import sign
from firmhold.signing.file import FileSigner
from firmhold.signing.passphrases import Passphrases
from firmhold.signing.uri import open_signer
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.settings.reader import MAX_BYTES as SETTINGS_BYTES
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
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


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    return run(app, _NAME, arguments)


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
    passphrase = Passphrases(passphrase_file).passphrase(f"the new keys in {folder.keys}")

    def make_key(role: str, holder: str) -> FileSigner:
        # A machine's key is found by its role, a person's by the person.
        name = role if role in ONLINE else holder
        return FileSigner.create(folder.keys / f"{name}.pem", passphrase)

    init_domain(folder, named_holders(holders or []), make_key, moment(at))
    say(f"staging domain made in {desk}; devices pin {desk}/metadata/1.root.json")


@keys.command("fleet")
def keys_fleet(desk: DeskPath, passphrase_file: PassphraseFile = None, at: At = None) -> None:
    """Make what a staging domain needs for devices: the Director's root, settings, their keys."""
    folder = FolderDesk(desk)
    passphrase = Passphrases(passphrase_file).passphrase(f"the keys in {folder.keys}")

    def key(name: str) -> FileSigner:
        path = folder.keys / f"{name}.pem"
        return (
            FileSigner.load(path, passphrase)
            if path.exists()
            else (FileSigner.create(path, passphrase))
        )

    holders = {name: key(name) for name in default_holders("root")}
    made = make_domain(holders, key, moment(at))
    folder.keep(DIRECTOR_ROOT, 1, made.director_root)
    for name, data in (
        ("director.root.json", made.director_root),
        ("settings.json", made.settings),
    ):
        write_new(desk / "fleet" / name, data)
        say(f"{desk / 'fleet' / name}")


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
    folder, now = FolderDesk(desk), moment(at)
    if release is not None and not (files or authority or product):
        text = read_argument(release, DESCRIPTION_BYTES)
        built = build_release(folder, read_description(text, release.parent), now)
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
    folder, now = FolderDesk(desk), moment(at)
    document = ProductCounter(product, SecurityCounter(to)).to_bytes()
    _say_draft(build_document(folder, counter_path(product), document, now))


@app.command("settings")
def settings_(
    desk: DeskPath,
    file: Annotated[Path, typer.Argument(help="The trust settings, as JSON.")],
    at: At = None,
) -> None:
    """Draft trust settings; the holders of `targets` sign them."""
    data = read_argument(file, SETTINGS_BYTES)
    _say_draft(build_document(FolderDesk(desk), SETTINGS_PATH, data, moment(at)))


@app.command("renew")
def renew_(
    desk: DeskPath,
    *,
    role: Annotated[str, typer.Option(help="targets, feature or security")],
    at: At = None,
) -> None:
    """Draft a role anew with a later date and nothing else."""
    _say_draft(renew(FolderDesk(desk), role, moment(at)))


@app.command("sign")
def sign_(
    desk: DeskPath,
    *,
    role: Annotated[str, typer.Option(help="The role whose draft to sign.")],
    key: Annotated[str, typer.Option(help="The holder's key: file:PATH, pkcs11:… or tpm:PATH.")],
    root: PinnedRoot = None,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    at: At = None,
) -> None:
    """Add one holder's signature to a role's draft, after checking the draft again."""
    signer = open_signer(key, Passphrases(passphrase_file, pin_fd))
    signed = sign(FolderDesk(desk), role, signer, moment(at), pinned=pinned_root(root))
    say(f"{role} version {signed.version}, good until {date_text(signed.expires)}")
    for path, sha256 in signed.added.items():
        say(f"  {path} sha256:{sha256}")
    holders = ", ".join(signed.tally.signed)
    say(f"signed by {holders}; {signed.tally.needed} more needed")
    if signed.warning is not None:
        say(f"warning: {signed.warning}")


@app.command("discard")
def discard_(
    desk: DeskPath, *, role: Annotated[str, typer.Option(help="The role whose draft to drop.")]
) -> None:
    """Throw away a role's open draft."""
    discard(FolderDesk(desk), role)
    say(f"draft of {role} discarded")


@app.command("publish")
def publish_(
    desk: DeskPath,
    *,
    to: Annotated[Path, typer.Option(help="The folder that a static server serves.")],
    root: PinnedRoot = None,
    keys: Annotated[
        list[str] | None, typer.Option("--key", help="ROLE=KEY of a machine's key; else a file.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    at: At = None,
) -> None:
    """Publish what enough holders have signed, at one stroke."""
    folder = FolderDesk(desk)
    require_apart(desk, to)
    passphrases = Passphrases(passphrase_file, pin_fd)
    uris = online_keys(keys or [], folder.keys)
    online = {role: open_signer(uri, passphrases) for role, uri in uris.items()}
    published = publish(folder, FolderSite(to), online, moment(at), pinned=pinned_root(root))
    say("published " + ", ".join(f"{r} v{v}" for r, v in published.versions.items()))
    for role, tally in published.waiting.items():
        say(f"draft of {role} stays behind: {tally.needed} more of {', '.join(tally.missing)}")


@app.command("bundle")
def bundle_(
    desk: DeskPath,
    *,
    release: Annotated[str, typer.Option(help="The release's path, as feature/camera/7.json.")],
    devices: Annotated[list[str], typer.Option("--for", help="A device; may be repeated.")],
    keys: Annotated[list[str], typer.Option("--key", help="A holder's offline-update key.")],
    to: Annotated[Path, typer.Option(help="The medium's folder.")],
    days: Annotated[int, typer.Option(min=1, max=30, help="How long it may be used.")] = 7,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    at: At = None,
) -> None:
    """Lay a published release out on a medium, with an order for devices without a network."""
    require_apart(desk, to)
    passphrases = Passphrases(passphrase_file, pin_fd)
    signers = [open_signer(key, passphrases) for key in keys]
    order = Order(release, tuple(devices), days)
    found = bundle(FolderDesk(desk), FolderSite(to), order, signers, moment(at))
    say(f"release {found.counter} ({found.version}) of {found.product} for {', '.join(devices)}")


@app.command("show")
def show_(desk: DeskPath, *, as_json: AsJson = False) -> None:
    """Show what lies on the desk, and whose signatures are missing."""
    lines = show(FolderDesk(desk))
    if as_json:
        print(json.dumps([_as_json(line) for line in lines], indent=1))
    else:
        Console().print(_table(lines))


def _say_draft(built: Built) -> None:
    say(f"draft of {built.role} version {built.version}")
    for path in built.added:
        say(f"  {path}")


def _as_json(line: Line) -> dict[str, object]:
    return {
        "role": line.role,
        "state": line.state,
        "version": line.version,
        "expires": date_text(line.expires),
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
        table.add_row(*(Text(shown(cell)) for cell in cells))  # as it is: a name is no markup
    return table
