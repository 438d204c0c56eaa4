"""`firmhold fleet`: set a server up, run it, and direct devices from the machine that it runs on.

Operators' commands talk to the parts over their sockets. What goes out to devices is decided by an
act that an operator's own key signs here; the server verifies it by the trust settings.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from firmhold.fleet import authority_cli
from firmhold.fleet import show as drawn
from firmhold.fleet.ask import Part
from firmhold.fleet.divide import OPERATORS, divide, is_divided, users_of_this_machine
from firmhold.fleet.home import MOST_HOURS, OFFICES, PARTS, Home, open_home
from firmhold.fleet.invite import invitation
from firmhold.fleet.keys import name_key, named_keys, take_roots
from firmhold.fleet.operate import following, planned, send
from firmhold.fleet.options import AsJson, HomePath, PassphraseFile, PinFd, require_new
from firmhold.fleet.parts import run_part
from firmhold.fleet.set_up import set_up
from firmhold.fleet.supervise import Supervisor, pins_of
from firmhold.fleet.waves import expiry, read_waves
from firmhold.signing.passphrases import Passphrases
from firmhold.signing.uri import FILE_SCHEME, open_signer
from firmhold.storage.atomic import make_folder
from firmhold.storage.disk import own_disk
from firmhold.terminal import run, say, shown
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.governance.rollout_act import Action, RolloutAct

app = typer.Typer(
    help="Set a fleet server up, run it, and direct devices.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

Key = Annotated[str, typer.Option(help="The operator's key: file:PATH, pkcs11:… or tpm:PATH.")]

app.add_typer(authority_cli.app, name="authority")
app.command("settings")(authority_cli.settings_)


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    return run(lambda: _called(arguments))


def _called(arguments: Sequence[str]) -> None:
    try:
        app([*arguments], prog_name="firmhold fleet")
    except SystemExit as end:  # how the library ends a command, also after it reported a bad call
        if end.code:
            raise


@app.command("init")
def init(
    home: HomePath,
    *,
    desk: Annotated[Path, typer.Option(help="The staging desk whose domain it serves.")],
    site: Annotated[Path, typer.Option(help="The folder that releases are published to.")],
    host: Annotated[str, typer.Option(help="The name or address of this machine.")] = "127.0.0.1",
    device_port: Annotated[int, typer.Option(min=1, max=65535)] = 8443,
    enrolment_port: Annotated[int, typer.Option(min=1, max=65535)] = 8444,
    wait: Annotated[int, typer.Option(min=1, help="Seconds between check-ins.")] = 3600,
    database: Annotated[str | None, typer.Option(help="SQLAlchemy URL; else SQLite.")] = None,
    certificate_hours: Annotated[
        int, typer.Option(min=1, max=MOST_HOURS, help="How long devices' certificates live.")
    ] = 168,
    keys: Annotated[
        list[str] | None, typer.Option("--key", help="OFFICE=KEY that lives elsewhere.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
) -> None:
    """Make a server's folder: its authority, its certificates, its tables."""
    folder = home.absolute()
    url = database or f"sqlite:///{folder / 'fleet.db'}"
    made = Home(
        folder,
        host,
        device_port,
        enrolment_port,
        site.absolute(),
        url,
        wait,
        certificate_hours,
        named_keys(keys or []),
    )
    set_up(made, desk, Passphrases(passphrase_file, pin_fd), _now())
    say(f"fleet server made in {folder}")
    in_files = [office for office in OFFICES if made.uris(office)[0].startswith(FILE_SCHEME)]
    say(f"keys in files, under one passphrase: {', '.join(in_files)}")


@app.command("key")
def key_(
    home: HomePath,
    office: Annotated[str, typer.Argument(help=f"One of {', '.join(OFFICES)}.")],
    uri: Annotated[str, typer.Argument(help="file:PATH, pkcs11:… or tpm:PATH")],
    *,
    alone: Annotated[bool, typer.Option("--alone", help="Forget the keys named before.")] = False,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
) -> None:
    """Name a key of the server, beside the one in use or alone."""
    found = open_home(home.absolute())
    secrets = Passphrases(passphrase_file, pin_fd)
    signer = name_key(found, office, uri, secrets, alone=alone)
    say(f"{office}: key {signer.key_id} ({signer.tier}); start the part anew to have it opened")


@app.command("roots")
def roots_(
    home: HomePath,
    *,
    desk: Annotated[Path, typer.Option(help="The desk that has the Director's next root.")],
) -> None:
    """Take the Director's roots that came since; the director goes over to them by itself."""
    taken = take_roots(open_home(home.absolute()), desk)
    versions = ", ".join(str(version) for version in taken)
    say(f"roots taken: {versions}" if taken else "no newer root there")


@app.command("divide")
def divide_(home: HomePath) -> None:
    """Give each part of the server a user of its own; as root, on PostgreSQL with a role each."""
    found = open_home(home.absolute())
    divide(found, users_of_this_machine())
    say(f"each part of {found.folder} is a user of its own; operators are in {OPERATORS}")


@app.command("serve")
def serve(home: HomePath, passphrase_file: PassphraseFile = None, pin_fd: PinFd = None) -> None:
    """Run all parts of the server on this machine, until told to end."""
    found = open_home(home.absolute())
    secrets = Passphrases(passphrase_file, pin_fd)
    passphrase = secrets.passphrase(f"the keys in {found.folder / 'keys'}")
    say(f"devices at {found.host}:{found.device_port}, new ones at :{found.enrolment_port}")
    if not is_divided(found):
        say("one user, one machine: the walls between the parts are their sockets only")
    Supervisor(found.folder, passphrase, pins_of(found, secrets)).run()


@app.command("run")
def run_(
    home: HomePath,
    part: Annotated[str, typer.Argument(help=f"One of {', '.join(PARTS)}.")],
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
) -> None:
    """Run one part of the server as a process of its own."""
    if part not in PARTS:
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"no part {part}: {', '.join(PARTS)}"))
    run_part(open_home(home.absolute()), part, Passphrases(passphrase_file, pin_fd))


@app.command("enrol")
def enrol(
    home: HomePath,
    device: Annotated[str, typer.Argument(help="The device's name.")],
    *,
    product: Annotated[str, typer.Option(help="The product whose releases it takes.")],
    component: Annotated[str, typer.Option(help="The component in its slots.")],
    model: Annotated[str, typer.Option(help="Its hardware model.")],
    revision: Annotated[int, typer.Option(min=0, help="Its hardware revision.")],
    out: Annotated[Path, typer.Option(help="Where to write the invitation.")],
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How long it is good for.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Add a device, and write the invitation by which it enrols itself, once."""
    found = open_home(home.absolute())
    about: JsonObject = {
        "device": device,
        "product": product,
        "component": component,
        "model": model,
        "revision": revision,
    }
    require_new(out)
    data = invitation(found, about, timedelta(hours=hours))
    _write(out, data)
    told = f"invitation of {device} in {out}; it is good once, for {hours} hours, and it is secret"
    say(json.dumps({"device": device, "invitation": str(out), "hours": hours}) if as_json else told)


@app.command("devices")
def devices(home: HomePath, *, as_json: AsJson = False) -> None:
    """List the devices."""
    found = _rows(home, "/devices")
    if as_json:
        say(json.dumps(found, indent=1))
        return
    drawn.write(drawn.devices(found))


@app.command("show")
def show(home: HomePath, device: str, *, as_json: AsJson = False) -> None:
    """Show all there is about one device."""
    with Part(open_home(home.absolute()), "director") as director:
        found = director.read(f"/devices/{device}")
    if as_json:
        say(json.dumps(found, indent=1))
        return
    for line in drawn.one(found):
        say(line)


@app.command("acknowledge")
def acknowledge(home: HomePath, device: str, *, as_json: AsJson = False) -> None:
    """End the alarms of a device; its next report counts, whatever its number."""
    with Part(open_home(home.absolute()), "director") as director:
        director.post(f"/devices/{device}/acknowledge", {})
    told = f"the alarms of {device} are acknowledged; its next report counts"
    say(json.dumps({"device": device, "acknowledged": True}) if as_json else shown(told))


@app.command("state")
def state(
    home: HomePath,
    device: str,
    to: Annotated[str, typer.Argument(help="active, quarantined or revoked")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a device in, put it in quarantine, or end its certificates; at the next request."""
    with Part(open_home(home.absolute()), "ca") as ca:
        ca.post(f"/devices/{device}/state", {"state": to})
    say(json.dumps({"device": device, "state": to}) if as_json else shown(f"{device} is {to}"))


@app.command("status")
def status(
    home: HomePath,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, until interrupted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the rollouts, how far each is, and which devices want looking after."""
    if as_json:
        say(json.dumps(_rows(home, "/rollouts"), indent=1))
    elif watch:
        drawn.watch(lambda: _status(home))
    else:
        drawn.write(_status(home))


@app.command("rollout")
def rollout(
    home: HomePath,
    *,
    release: Annotated[str, typer.Option(help="The release's path, as feature/camera/7.json.")],
    name: Annotated[str, typer.Option(help="The rollout's name.")],
    key: Key,
    waves: Annotated[str, typer.Option(help="Shares of the devices in percent.")] = "1,10,100",
    soak: Annotated[int, typer.Option(min=0, help="Seconds before the next wave.")] = 3600,
    confirmed: Annotated[int, typer.Option(min=0, max=100, help="Percent that must have it.")] = 90,
    failed: Annotated[int, typer.Option(min=0, max=100, help="Percent that may fail.")] = 5,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it may go on.")] = 30,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, sign nothing.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    as_json: AsJson = False,
) -> None:
    """Plan a rollout, look it over, sign its act, and begin."""
    now, shares = _now(), read_waves(waves, soak, confirmed, failed)
    with Part(open_home(home.absolute()), "director") as director:
        plan = planned(director, name, release, shares, now, expiry(now, days))
        if not as_json:
            for line in plan.told():
                say(shown(line))
        plan.require_sound()
        if not dry_run:
            signer = open_signer(key, Passphrases(passphrase_file, pin_fd))
            _say_act(plan.act, send(director, plan.act, signer), as_json=as_json)
        elif as_json:
            say(json.dumps({"plan": list(plan.told())}, indent=1))


@app.command("halt")
def halt(
    home: HomePath,
    name: str,
    *,
    key: Key,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    as_json: AsJson = False,
) -> None:
    """Stop a rollout: nothing further goes out; who has the release keeps it."""
    _say_act(
        *_followed(home, name, Action.HALT, key, Passphrases(passphrase_file, pin_fd)),
        as_json=as_json,
    )


@app.command("resume")
def resume(
    home: HomePath,
    name: str,
    *,
    key: Key,
    passphrase_file: PassphraseFile = None,
    pin_fd: PinFd = None,
    as_json: AsJson = False,
) -> None:
    """Let a halted rollout go on; the failures of today are forgiven, new ones are not."""
    _say_act(
        *_followed(home, name, Action.RESUME, key, Passphrases(passphrase_file, pin_fd)),
        as_json=as_json,
    )


def _followed(
    home: Path, name: str, action: Action, key: str, secrets: Passphrases
) -> tuple[RolloutAct, JsonObject]:
    with Part(open_home(home.absolute()), "director") as director:
        act = following(director, name, action, _now())
        return act, send(director, act, open_signer(key, secrets))


def _say_act(act: RolloutAct, found: JsonObject, *, as_json: bool) -> None:
    halted = f", halted {found['halted']}" if found["halted"] else ""
    told = shown(f"{act.action} of {act.rollout} signed{halted}")
    say(json.dumps(found, indent=1) if as_json else told)


def _status(home: Path) -> RenderableType:
    return drawn.rollouts(_rows(home, "/rollouts"), _rows(home, "/devices"))


def _rows(home: Path, path: str) -> list[JsonObject]:
    with Part(open_home(home.absolute()), "director") as director:
        return director.rows(path)


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads."""
    with own_disk(path):
        make_folder(path.absolute().parent)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the composition root reads the clock
