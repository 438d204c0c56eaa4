"""`firmhold fleet authority` and `firmhold fleet settings`: under whom certificates are."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.fleet.ask import Part
from firmhold.fleet.authorities import Authorities, authority_id, read_authorities
from firmhold.fleet.ca.hand_over import hand_over, revoke_former
from firmhold.fleet.home import Home, open_home
from firmhold.fleet.keys import absolute
from firmhold.fleet.next_settings import next_settings
from firmhold.fleet.options import AsJson, HomePath, PassphraseFile, PinFd, require_new
from firmhold.pkix.borrowed import public_half
from firmhold.pkix.public import spki_sha256
from firmhold.signing.passphrases import Passphrases
from firmhold.signing.uri import open_signer
from firmhold.storage.disk import own_disk
from firmhold.terminal import say
from firmhold.trust.encoding import JsonObject, parse_json, pretty_json
from firmhold.trust.errors import Unavailable
from firmhold.trust.settings.reader import MAX_BYTES
from firmhold.trust.tuf.schema import a_text, an_object

app = typer.Typer(
    help="The authority of device certificates, the ones before it, and the end of these.",
    no_args_is_help=True,
)


@app.command("show")
def show_(home: HomePath, *, as_json: AsJson = False) -> None:
    """Show the authorities of a server, and how many certificates of each are good now."""
    found = open_home(home.absolute())
    rows = _rows(read_authorities(found), _counts(found))
    if as_json:
        say(json.dumps(rows, indent=1))
        return
    for row in rows:
        say(f"{row['authority']}  {row['state']:<8} until {row['until']}  {_certificates(row)}")


@app.command("new")
def new_(
    home: HomePath,
    *,
    key: Annotated[str, typer.Option(help="The next authority's key: file:PATH, pkcs11:…")],
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
) -> None:
    """Have another authority issue from now on; what the former one issued still counts."""
    found = open_home(home.absolute())
    signer = open_signer(absolute(key), Passphrases(passphrase_file, pin_fd))
    after = hand_over(found, signer, absolute(key), datetime.now(UTC))  # noqa: TID251 - composition root
    say(f"authority {authority_id(after.issuing)} issues from now on ({signer.tier})")
    say("start the ca anew, unless it had this key already: `fleet key HOME ca KEY` names one")
    say("then have it signed into the trust settings: `fleet settings`")


@app.command("revoke")
def revoke_(
    home: HomePath,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, and do nothing.")] = False,
) -> None:
    """Have no authority count but the one that issues; what the others issued ends at once."""
    found = open_home(home.absolute())
    known, counts = read_authorities(found), _counts(found)
    for row in _rows(known, counts)[1:]:
        if row["state"] == "counts":
            say(f"ends: authority {row['authority']}, {_certificates(row)}")
    say("each of these devices asks for another certificate with its own key, and goes on")
    if not dry_run:
        revoke_former(found)
        say(f"revoked; authority {authority_id(known.issuing)} alone counts")


def settings_(
    home: HomePath,
    *,
    out: Annotated[Path, typer.Option(help="Where to write the settings.")],
    current: Annotated[
        str | None, typer.Option(help="The gateway's key to be current: file:PATH.")
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the settings in force with this server's keys and authorities, to be signed."""
    found, secrets = open_home(home.absolute()), Passphrases(passphrase_file, None)

    def pin(uri: str) -> bytes:
        return spki_sha256(public_half(open_signer(absolute(uri), secrets)))

    with Part(found, "director") as director:
        text = a_text(director.read("/settings")["settings"], "settings").encode()
    made = next_settings(
        text,
        _object(text),
        [pin(uri) for uri in found.uris("gateway")],
        None if current is None else pin(current),
        read_authorities(found),
    )
    require_new(out)
    with own_disk(out):
        out.write_bytes(pretty_json(made))
    say(f"settings in {out}: review them, then `release settings`, sign, and publish")


def _object(data: bytes) -> JsonObject:
    return an_object(parse_json(data, max_bytes=MAX_BYTES), "settings")


def _counts(home: Home) -> JsonObject | None:
    """How many certificates of each authority are good; None while the ca does not run."""
    try:
        with Part(home, "ca") as ca:
            return ca.read("/authorities")
    except Unavailable:
        return None


def _rows(known: Authorities, counts: JsonObject | None) -> list[JsonObject]:
    rows: list[JsonObject] = []
    for certificate in known.all:
        state = "counts" if certificate in known.accepted else "revoked"
        own = authority_id(certificate)
        rows.append(
            {
                "authority": own,
                "state": "issues" if certificate == known.issuing else state,
                "until": f"{certificate.not_valid_after_utc:%Y-%m-%d}",
                "certificates": None if counts is None else counts.get(own, 0),
                "pem": certificate.public_bytes(Encoding.PEM).decode(),
            }
        )
    return rows


def _certificates(row: JsonObject) -> str:
    count = row["certificates"]
    return "the ca does not run" if count is None else f"{count} good certificates"
