"""`firmhold keys`: keys where they live, and the ceremonies that say whose signatures count.

Every command that reads a ceremony takes `--root`, the domain's first root from a safe place of
one's own; only the ceremony of a first root has none.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from firmhold.pkix.public import Algorithm
from firmhold.release.adapters.folder import FolderDesk
from firmhold.release.arguments import moment, pinned_root, read_argument, say, write_new
from firmhold.release.ceremony.adopt import adopt
from firmhold.release.ceremony.assemble import assemble
from firmhold.release.ceremony.cards import MAX_BYTES as CARD_BYTES
from firmhold.release.ceremony.cards import Card, make_card, parse_card
from firmhold.release.ceremony.choose import Said, changes_of
from firmhold.release.ceremony.folder import CeremonyFolder
from firmhold.release.ceremony.outcome import Outcome, work_out
from firmhold.release.ceremony.partial import sign_plan
from firmhold.release.ceremony.plan import CeremonyKind, Plan, RepositoryName
from firmhold.release.ceremony.propose import Wish, propose, propose_first
from firmhold.release.ceremony.revoke_cli import revoke_
from firmhold.release.ceremony.revoke_cli import show_ as show_seats
from firmhold.release.ceremony.standing import next_epoch, standing
from firmhold.release.ceremony.transcript import verify
from firmhold.release.ceremony.words import words_of
from firmhold.release.domain import first_settings
from firmhold.release.options import At, PassphraseFile, PinFd, PinnedRoot, run
from firmhold.signing.passphrases import Passphrases
from firmhold.signing.ports import Tier
from firmhold.signing.uri import create_signer, open_signer
from firmhold.trust.encoding import pretty_json
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.quorum import Holder
from firmhold.trust.tuf.root_fields import Domain

_NAME = "firmhold keys"
app = typer.Typer(
    name=_NAME,
    help="Make keys, examine them, and say in ceremonies whose signatures count.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("show")(show_seats)
app.command("revoke")(revoke_)
ceremony = typer.Typer(help="Change who may sign: plan, sign apart, verify.", no_args_is_help=True)
app.add_typer(ceremony, name="ceremony")

KeyUri = Annotated[str, typer.Argument(help="file:PATH, pkcs11:… or tpm:PATH")]
Place = Annotated[Path, typer.Argument(help="The ceremony's folder.")]
DeskOption = Annotated[Path | None, typer.Option("--desk", help="The desk's folder.")]
To = Annotated[Path, typer.Option("--to", help="The ceremony's folder, which is made.")]
Appoint = Annotated[list[str] | None, typer.Option(help="ROLE=CARD; may be repeated.")]
DismissOption = Annotated[
    list[str] | None, typer.Option("--dismiss", help="ROLE=HOLDER or ROLE=KEYID.")
]
ThresholdOption = Annotated[list[str] | None, typer.Option("--threshold", help="ROLE=NUMBER")]
RetireOption = Annotated[
    list[str] | None, typer.Option("--retire", help="HOLDER=DATE or KEYID=DATE")
]


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    return run(app, _NAME, arguments)


@app.command("make")
def make_(
    uri: KeyUri,
    *,
    holder: Annotated[str, typer.Option(help="Whose key it is: a person, or a machine's office.")],
    card: Annotated[Path, typer.Option(help="Where to write the key card, which is public.")],
    algorithm: Annotated[Algorithm, typer.Option(help="What kind of key.")] = Algorithm.ED25519,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
) -> None:
    """Make a key where it is to live, and a card with its public half."""
    signer = create_signer(uri, Passphrases(passphrase_file, pin_fd), algorithm)
    write_new(card, make_card(holder, signer))
    _say_key(uri, signer.key_id, signer.tier)
    say(f"card of {holder}: {card}")


@app.command("card")
def card_(
    uri: KeyUri,
    *,
    holder: Annotated[str, typer.Option(help="Whose key it is.")],
    to: Annotated[Path, typer.Option(help="Where to write the key card, which is public.")],
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
) -> None:
    """Write the card of a key that is there already."""
    signer = open_signer(uri, Passphrases(passphrase_file, pin_fd))
    write_new(to, make_card(holder, signer))
    _say_key(uri, signer.key_id, signer.tier)


@app.command("audit")
def audit_(
    uris: Annotated[list[str], typer.Argument(help="Keys, each by its URI.")],
    *,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine whether keys were made where they live, cannot leave, and only sign."""
    secrets, told, bad = Passphrases(passphrase_file, pin_fd), [], False
    for uri in uris:
        signer = open_signer(uri, secrets)
        findings = signer.findings()
        bad = bad or bool(findings)
        told.append(
            {
                "uri": uri,
                "key": str(signer.key_id),
                "tier": signer.tier.value,
                "findings": [
                    {"what": each.what, "expected": each.expected, "found": each.found}
                    for each in findings
                ],
            }
        )
        if not as_json:
            _say_key(uri, signer.key_id, signer.tier)
            for each in findings:
                say(f"  {each.what}: must be {each.expected}, is {each.found}")
    if as_json:
        say(json.dumps(told))
    if bad:
        raise typer.Exit(1)


@app.command("settings")
def settings_(
    cards: Annotated[list[Path], typer.Argument(help="Key cards, each of an office's holder.")],
    *,
    to: Annotated[Path, typer.Option("--to", help="Where to write the settings.")],
    at: At = None,
) -> None:
    """Write first trust settings of a staging domain from the cards of its offices, to review.

    Needed are the cards of holders named freshness-1, operator-1, offline-1 to -3 and gateway.
    """
    found = {
        card.holder: card for card in (parse_card(read_argument(c, CARD_BYTES)) for c in cards)
    }

    def key(name: str) -> Card:
        if Holder(name) not in found:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"no card of {name} was given"))
        return found[Holder(name)]

    write_new(to, pretty_json(first_settings(key, moment(at))))
    say(f"{to}: review it, then `firmhold release settings`")


@ceremony.command("root")
def root_(
    *,
    to: To,
    desk: DeskOption = None,
    first: Annotated[Domain | None, typer.Option(help="Plan the first root of a domain.")] = None,
    repository: Annotated[
        RepositoryName, typer.Option(help="Whose root: of images, or of the Director.")
    ] = RepositoryName.IMAGE,
    appoint: Appoint = None,
    dismiss: DismissOption = None,
    threshold: ThresholdOption = None,
    retire: RetireOption = None,
    at: At = None,
) -> None:
    """Plan the next root: who holds root and targets; or the first one, with all its roles."""
    said = Said(appoint or (), dismiss or (), threshold or (), retire or ())
    if first is not None:
        _begin(to, propose_first(repository, first, changes_of(said, {}, None), moment(at)))
        return
    _plan_next(to, desk, CeremonyKind.ROOT, repository, said, at, epoch=False)


@ceremony.command("online")
def online_(
    *,
    to: To,
    desk: DeskOption = None,
    repository: Annotated[RepositoryName, typer.Option(help="Whose machines.")],
    epoch: Annotated[bool, typer.Option("--epoch", help="Begin a new freshness epoch.")] = False,
    appoint: Appoint = None,
    dismiss: DismissOption = None,
    retire: RetireOption = None,
    at: At = None,
) -> None:
    """Plan the next root: which keys machines hold, and whose time is believed."""
    said = Said(appoint or (), dismiss or (), (), retire or ())
    _plan_next(to, desk, CeremonyKind.ONLINE, repository, said, at, epoch=epoch)


@ceremony.command("authority")
def authority_(
    *,
    to: To,
    desk: DeskOption = None,
    appoint: Appoint = None,
    dismiss: DismissOption = None,
    threshold: ThresholdOption = None,
    retire: RetireOption = None,
    at: At = None,
) -> None:
    """Plan the next targets: who holds feature and security."""
    said = Said(appoint or (), dismiss or (), threshold or (), retire or ())
    _plan_next(to, desk, CeremonyKind.AUTHORITY, RepositoryName.IMAGE, said, at, epoch=False)


@ceremony.command("show")
def show_(place: Place, *, root: PinnedRoot = None) -> None:
    """Say in words what a plan comes to, and who has signed it."""
    folder = CeremonyFolder(place)
    plan, outcome = folder.outcome(pinned_root(root))
    _say_plan(plan, outcome)
    for partial in folder.partials():
        say(f"signed by {partial.holder}")


@ceremony.command("sign")
def sign_(
    place: Annotated[Path, typer.Argument(help="The ceremony's folder, or a copy of its plan.")],
    *,
    key: Annotated[str, typer.Option(help="The holder's key.")],
    to: Annotated[Path | None, typer.Option(help="Where to write the signature.")] = None,
    root: PinnedRoot = None,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    at: At = None,
) -> None:
    """Sign what a plan comes to, after working it out again from its bytes."""
    folder = CeremonyFolder(place if place.is_dir() else place.parent)
    plan = folder.plan() if place.is_dir() else CeremonyFolder.read_plan(place)
    outcome = work_out(plan, pinned_root(root))
    plan.require_of_today(moment(at))
    _say_plan(plan, outcome)
    partial = sign_plan(plan, outcome, open_signer(key, Passphrases(passphrase_file, pin_fd)))
    say(f"signed by {partial.holder}: {folder.put_signature(partial, to)}")


@ceremony.command("assemble")
def assemble_(place: Place, *, root: PinnedRoot = None) -> None:
    """Put the signatures together, once enough holders have signed."""
    folder = CeremonyFolder(place)
    plan, outcome = folder.outcome(pinned_root(root))
    document = assemble(plan, outcome, folder.partials())
    say(f"{outcome.role} version {outcome.version}: {folder.put_document(document)}")


@ceremony.command("verify")
def verify_(
    place: Place,
    *,
    key: Annotated[str, typer.Option(help="A key of yours, which did not sign.")],
    name: Annotated[str, typer.Option(help="Your name.")],
    root: PinnedRoot = None,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    at: At = None,
) -> None:
    """Look at all of it again, as somebody who did not sign, and vouch for it in a transcript."""
    folder = CeremonyFolder(place)
    files = folder.files(pinned_root(root))
    _say_plan(files.plan, files.outcome)
    signer = open_signer(key, Passphrases(passphrase_file, pin_fd))
    transcript = verify(files, name, signer, moment(at))
    say(f"verified by {name}: {folder.put_transcript(transcript)}")


@ceremony.command("adopt")
def adopt_(
    place: Place,
    *,
    desk: Annotated[Path, typer.Option("--desk", help="The desk's folder.")],
    root: PinnedRoot = None,
) -> None:
    """Have the desk take what was signed and verified."""
    folder = CeremonyFolder(place)
    files = folder.files(pinned_root(root))
    version = adopt(FolderDesk(desk), files, folder.transcript())
    say(f"{desk}: {files.outcome.role} version {version}; publish it to have it reach devices")


def _plan_next(
    to: Path,
    desk: Path | None,
    kind: CeremonyKind,
    repository: RepositoryName,
    said: Said,
    at: str | None,
    *,
    epoch: bool,
) -> None:
    if desk is None:
        what = "give --desk, whose documents the plan builds on, or --first for a first root"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))
    folder, now = FolderDesk(desk), moment(at)
    roles = standing(folder, kind, repository)
    begins = next_epoch(folder, repository, now) if epoch else None
    plan = propose(folder, Wish(kind, repository, changes_of(said, roles, begins)), now)
    _begin(to, plan)


def _begin(to: Path, plan: Plan) -> None:
    """Lay a plan down that comes to something."""
    pinned = plan.roots[0].encode() if plan.roots else None
    outcome = work_out(plan, pinned)
    CeremonyFolder(to).begin(plan)
    _say_plan(plan, outcome)
    say(f"plan: {to / 'plan.json'}")


def _say_plan(plan: Plan, outcome: Outcome) -> None:
    for sentence in words_of(plan, outcome):
        say(sentence)
    say(f"plan sha256:{plan.sha256}")


def _say_key(uri: str, key_id: str, tier: Tier) -> None:
    place = {
        Tier.FILE: "in a file: for staging only, whoever copies it has the key",
        Tier.TOKEN: "in a token",
        Tier.TPM: "in a TPM",
        Tier.SERVICE: "in a key service",
    }[tier]
    say(f"{uri}: key {key_id}, {place}")
