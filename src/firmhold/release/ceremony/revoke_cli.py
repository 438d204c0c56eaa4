"""`firmhold keys show` and `firmhold keys revoke`: who sits where, and one who must go."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.arguments import moment, online_keys, read_argument, require_apart, say
from firmhold.release.ceremony.cards import MAX_BYTES, Card, parse_card
from firmhold.release.ceremony.folder import CeremonyFolder
from firmhold.release.ceremony.impact import impact
from firmhold.release.ceremony.offices import offices
from firmhold.release.ceremony.plan import RepositoryName
from firmhold.release.ceremony.revoke import Hands, Revocation
from firmhold.release.ceremony.seats import seats
from firmhold.release.options import AsJson, At, DeskPath, PassphraseFile, PinFd
from firmhold.release.publish import publish
from firmhold.signing.passphrases import Passphrases
from firmhold.signing.uri import open_signer
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.tuf.wire import MAX_BYTES as METADATA_BYTES

Roots = Annotated[
    Path | None,
    typer.Option("--root", help="The image repository's first root, from a safe place."),
]
DirectorRoots = Annotated[
    Path | None, typer.Option(help="The Director's first root, from a safe place.")
]


def show_(desk: DeskPath, *, as_json: AsJson = False) -> None:
    """Show who sits where at a desk, with which key, and until when."""
    found = [*seats(FolderDesk(desk))]
    held = offices(FolderDesk(desk))
    if as_json:
        rows = [seat.to_json() for seat in found]
        rows += [
            {"document": "settings", "role": each.name, "holder": each.holder, "key": each.key_id}
            for each in held
        ]
        say(json.dumps(rows))
        return
    for seat in found:
        say(seat.words())
    for office in held:
        say(next(office.words()))


def revoke_(
    who: Annotated[str, typer.Argument(help="A holder, or the first digits of a key's id.")],
    *,
    desk: Annotated[Path, typer.Option("--desk", help="The desk's folder.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="Plan it: a ceremony's folder for each document.")
    ] = None,
    appoint: Annotated[
        list[str] | None, typer.Option(help="ROLE=CARD of who takes over; may be repeated.")
    ] = None,
    sign: Annotated[
        list[str] | None, typer.Option(help="The key of a holder who is here; may be repeated.")
    ] = None,
    verifier: Annotated[
        str | None, typer.Option("--verify", help="NAME=KEY of somebody here who signs none of it.")
    ] = None,
    site: Annotated[Path | None, typer.Option("--publish", help="Publish there at once.")] = None,
    keys: Annotated[
        list[str] | None, typer.Option("--key", help="ROLE=KEY of a machine's key, to publish.")
    ] = None,
    root: Roots = None,
    director_root: DirectorRoots = None,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    at: At = None,
) -> None:
    """Take a key out of every place that it has: shown first, then planned, or done at once.

    Without --to and --sign nothing is changed. With --to there is a plan for each document, which
    holders sign apart. With --sign, --verify and --root it is done with those who are here.
    """
    folder, now, began = FolderDesk(desk), moment(at), time.monotonic()
    found = impact(folder, who)
    for sentence in found.words():
        say(sentence)
    if to is None and not sign:
        return
    revocation = Revocation(folder, found, _cards(appoint or []), now)
    plans = revocation.plan()
    if to is not None:
        for document, plan in plans.items():
            CeremonyFolder(to / document).begin(plan)
            say(f"plan: {to / document / 'plan.json'}")
        return
    secrets = Passphrases(passphrase_file, pin_fd)
    name, key = _verifier(verifier)
    signers = [open_signer(uri, secrets) for uri in sign or []]
    hands = Hands(signers, name, open_signer(key, secrets))
    revocation.carry_out(_pins(root, director_root), hands, say)
    if site is not None:
        require_apart(desk, site)
        uris = online_keys(keys or [], folder.keys)
        online = {role: open_signer(uri, secrets) for role, uri in uris.items()}
        published = publish(folder, FolderSite(site), online, now)
        say("published " + ", ".join(f"{r} v{v}" for r, v in published.versions.items()))
        say("devices refuse the key from their next check-in on")
    elif plans or found.offices:
        say("devices go on with what was published: publish, or hand the fleet server its new root")
    say(f"took {time.monotonic() - began:.1f} s")


def _cards(options: list[str]) -> dict[str, Card]:
    found = {}
    for option in options:
        role, equals, file = option.partition("=")
        if not equals:
            what = f"--appoint ROLE=CARD, not {option}"
            raise Misuse(UsageFault(code=Code.MISUSE, what=what))
        found[role] = parse_card(read_argument(Path(file), MAX_BYTES))
    return found


def _verifier(option: str | None) -> tuple[str, str]:
    name, equals, key = (option or "").partition("=")
    if not equals or not name:
        what = "--sign needs --verify NAME=KEY: somebody who signs none of it looks at all of it"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))
    return name, key


def _pins(root: Path | None, director: Path | None) -> dict[RepositoryName, bytes]:
    given = {RepositoryName.IMAGE: root, RepositoryName.DIRECTOR: director}
    return {
        name: b"" if path is None else read_argument(path, METADATA_BYTES["root"])
        for name, path in given.items()
    }
