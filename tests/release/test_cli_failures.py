"""`firmhold release` on a bad day: two lines of help, never a traceback."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from firmhold.release.adapters.folder import FolderDesk
from firmhold.release.documents import add_signature
from firmhold.sim.disk import full_disk
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor
from firmhold.trust.advice import advice_for
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code

MakeFile = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]
Command = Callable[[Path], Sequence[str | Path]]

COMMANDS: dict[str, Command] = {
    "build": lambda desk: ("build", desk, "--authority", "feature", "--product", "thing"),
    "sign": lambda desk: (
        *("sign", desk, "--role", "feature"),
        *("--key", f"file:{desk.parent}/feature-1.pem"),
    ),
    "discard": lambda desk: ("discard", desk, "--role", "feature"),
    "publish": lambda desk: ("publish", desk, "--to", desk.parent / "site"),
    "show": lambda desk: ("show", desk),
}


@pytest.fixture
def desk(run: Run, desk_folder: Path) -> Path:
    """A desk with an open draft, and a copy of a holder's key beside it."""
    assert run(*COMMANDS["build"](desk_folder))[0] == 0
    shutil.copy(desk_folder / "keys/feature-1.pem", desk_folder.parent)
    return desk_folder


def code_of(answer: tuple[int, str, str]) -> Code:
    """The code of a refusal in two lines: what is the matter, and what to do."""
    status, out, err = answer
    complaint, advice = err.splitlines()
    code = Code(complaint.split(": ")[1])
    assert (status, out) == (1, "")
    assert advice == f"  {advice_for(code)}"
    assert err.isprintable() or err.replace("\n", "").isprintable()
    return code


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("place", ["missing", "file", "behind a file", "empty"])
def test_a_desk_that_is_none_is_told_so(
    run: Run, desk: Path, tmp_path: Path, command: Command, place: str
) -> None:
    """No command makes a desk by mistake, or takes something else for one."""
    wrong = tmp_path / "wrong"
    if place == "empty":
        wrong.mkdir()
    elif place != "missing":
        wrong.write_bytes(b"")
        wrong = wrong / "desk" if place == "behind a file" else wrong
    before = sorted(tmp_path.rglob("*"))
    expected = {Code.RELEASE_DESK, Code.RELEASE_NOTHING_TO_SIGN, Code.KEY_UNREADABLE, Code.STORE_IO}
    assert code_of(run(*command(wrong))) in expected
    assert sorted(tmp_path.rglob("*")) == before
    assert desk.is_dir()


SPOILS: dict[str, Callable[[Path], object]] = {
    "root is not JSON": lambda desk: (desk / "metadata/1.root.json").write_bytes(b"{"),
    "root is empty": lambda desk: (desk / "metadata/1.root.json").write_bytes(b""),
    "root is binary": lambda desk: (desk / "metadata/1.root.json").write_bytes(bytes(range(256))),
    "root is another document": lambda desk: shutil.copy(
        desk / "metadata/1.targets.json", desk / "metadata/1.root.json"
    ),
    "root is a list": lambda desk: (desk / "metadata/1.root.json").write_bytes(b"[]"),
    "root is nested": lambda desk: (desk / "metadata/1.root.json").write_bytes(b"[" * 100_000),
    "root is huge": lambda desk: (desk / "metadata/1.root.json").write_bytes(b" " * 6_000_000),
    "root is a folder": lambda desk: replaced_by_folder(desk / "metadata/1.root.json"),
    "root is gone": lambda desk: (desk / "metadata/1.root.json").unlink(),
    "root is a dangling link": lambda desk: replaced_by_link(desk / "metadata/1.root.json"),
    "targets are not JSON": lambda desk: (desk / "metadata/1.targets.json").write_bytes(b"{"),
    "targets are gone": lambda desk: (desk / "metadata/1.targets.json").unlink(),
    "feature is not JSON": lambda desk: (desk / "metadata/1.feature.json").write_bytes(b"{"),
    "draft is not JSON": lambda desk: (desk / "drafts/feature.json").write_bytes(b"{"),
    "draft is no metadata": lambda desk: (desk / "drafts/feature.json").write_bytes(b"{}"),
    "draft is a folder": lambda desk: replaced_by_folder(desk / "drafts/feature.json"),
    "draft is a pipe": lambda desk: replaced_by_pipe(desk / "drafts/feature.json"),
    "metadata is a file": lambda desk: replaced_by_file(desk / "metadata"),
    "drafts is a file": lambda desk: replaced_by_file(desk / "drafts"),
}


def replaced_by_folder(path: Path) -> None:
    """Put a folder where a file was."""
    path.unlink()
    path.mkdir()


def replaced_by_pipe(path: Path) -> None:
    """Put a pipe where a file was."""
    path.unlink()
    os.mkfifo(path)


def replaced_by_link(path: Path) -> None:
    """Put a link to nowhere where a file was."""
    path.unlink()
    path.symlink_to("nowhere")


def replaced_by_file(path: Path) -> None:
    """Put a file where a folder was."""
    shutil.rmtree(path)
    path.write_bytes(b"")


HARMLESS = {("drafts is a file", "show"), ("drafts is a file", "publish")} | {
    (spoil, "discard")
    for spoil in SPOILS
    if spoil not in {"draft is a folder", "draft is a pipe", "drafts is a file"}
}
"""Spoils that do not concern a command: nothing is in the way of throwing a draft away."""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_spoilt_desk_never_ends_in_a_traceback(
    run: Run, desk: Path, spoil: str, command: str
) -> None:
    """Whatever lies on the desk, a command succeeds or says what is the matter in two lines."""
    SPOILS[spoil](desk)
    answer = run(*COMMANDS[command](desk))
    assert (answer[0] == 0) == ((spoil, command) in HARMLESS)
    assert answer[0] == 0 or code_of(answer) is not Code.MISUSE


@pytest.mark.parametrize("spoil", [spoil for spoil in SPOILS if spoil.startswith(("root", "targ"))])
@pytest.mark.parametrize("command", ["build", "sign", "publish"])
def test_nothing_is_done_on_a_desk_whose_authorities_are_spoilt(
    run: Run, desk: Path, tmp_path: Path, spoil: str, command: str
) -> None:
    """Without a root and targets that hold, nothing is drafted, signed or published."""
    SPOILS[spoil](desk)
    before = (desk / "drafts/feature.json").read_bytes()
    assert code_of(run(*COMMANDS[command](desk))) in {Code.RELEASE_DESK, Code.STORE_IO}
    assert (desk / "drafts/feature.json").read_bytes() == before
    assert not (tmp_path / "site").exists()


def test_files_of_other_names_on_the_desk_are_not_ours(run: Run, desk: Path) -> None:
    """Notes, copies and other people's numbers in the metadata folder change nothing."""
    names = ("notes.txt", "x.root.json", "01.root.json", "0.root.json", "-1.root.json")
    for name in (*names, f"{'9' * 30}.root.json", "2.root.json.part", ".hidden", "2.other.json"):
        (desk / "metadata" / name).write_bytes(b"{")
    (desk / "drafts/other.json").write_bytes(b"{")
    assert run(*COMMANDS["publish"](desk))[0] == 0


@pytest.mark.parametrize("command", ["build", "sign", "publish"])
def test_a_full_disk_is_named(run: Run, desk: Path, command: str, make_file: MakeFile) -> None:
    """What cannot be written is a failure of this machine, and the desk is as it was."""
    file = make_file()
    if command == "build":
        run(*COMMANDS["discard"](desk))
    before = {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()}
    arguments = COMMANDS[command](desk)
    with full_disk():
        answer = run(*arguments, *([file] if command == "build" else []))
    assert code_of(answer) is Code.STORE_IO
    assert {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()} == before


def test_keys_that_cannot_be_written_are_named(run: Run, tmp_path: Path) -> None:
    """A domain that could not be made is no domain."""
    with full_disk():
        answer = run("keys", "init", tmp_path / "desk")
    assert code_of(answer) is Code.STORE_IO
    assert code_of(run("show", tmp_path / "desk")) is Code.RELEASE_DESK


@pytest.mark.parametrize("place", ["file", "behind a file"])
@pytest.mark.parametrize("command", ["keys init", "publish"])
def test_a_folder_that_cannot_be_made_is_named(
    run: Run, desk: Path, tmp_path: Path, command: str, place: str
) -> None:
    """Where a file stands no desk and no site is made."""
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"kept")
    there = wrong / "folder" if place == "behind a file" else wrong
    arguments = {"keys init": ("keys", "init", there), "publish": ("publish", desk, "--to", there)}
    assert code_of(run(*arguments[command])) is Code.STORE_IO
    assert wrong.read_bytes() == b"kept"


def test_a_second_domain_is_not_made(run: Run, desk: Path) -> None:
    """`keys init` on a desk that has a domain changes nothing."""
    before = sorted(path.stat().st_mtime_ns for path in desk.rglob("*"))
    assert code_of(run("keys", "init", desk)) is Code.RELEASE_DESK
    assert sorted(path.stat().st_mtime_ns for path in desk.rglob("*")) == before


@pytest.mark.parametrize(
    "holders",
    [
        ["feature"],
        ["feature="],
        ["=Ann,Bob"],
        ["feature=Ann"],
        ["feature=Ann,Ann"],
        ["feature=Ann,,Bob"],
        ["nobody=Ann,Bob"],
        ["feature=Ann,Bob", "security=Bob,Cy"],
        ["feature=Ann,Bob", "feature=Cy,Dee"],
        ["feature=../Ann,Bob"],
        ["snapshot=a,b"],
        ["feature=snapshot,Bob", "snapshot=machine"],
    ],
    ids=" ".join,
)
def test_holders_that_cannot_be_meant_make_no_keys(
    run: Run, tmp_path: Path, holders: list[str]
) -> None:
    """A slip in `--holders` is found before anything is written."""
    options = [part for one in holders for part in ("--holders", one)]
    assert code_of(run("keys", "init", tmp_path / "desk", *options)) is Code.MISUSE
    assert not (tmp_path / "desk").exists()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("feature-1.pem", Code.KEY_URI),
        ("pkcs11:token=x", Code.KEY_URI),
        ("", Code.KEY_URI),
        ("file:", Code.KEY_UNREADABLE),
        ("file:missing.pem", Code.KEY_UNREADABLE),
        ("file:/dev/null", Code.KEY_UNREADABLE),
        ("file:/dev/zero", Code.KEY_UNREADABLE),
    ],
)
def test_a_key_that_is_none_is_named(run: Run, desk: Path, key: str, code: Code) -> None:
    """A slip in `--key` is told apart by its kind."""
    assert code_of(run("sign", desk, "--role", "feature", "--key", key)) is code


def test_a_key_of_another_role_is_refused(run: Run, desk: Path) -> None:
    """Somebody else's key does not sign."""
    key = f"file:{desk}/keys/security-1.pem"
    answer = run("sign", desk, "--role", "feature", "--key", key)
    assert code_of(answer) is Code.RELEASE_NOT_A_HOLDER


@pytest.mark.parametrize("role", ["feature ", "Feature", "root", "snapshot", "../feature", ""])
@pytest.mark.parametrize("command", ["build", "sign", "discard"])
def test_a_role_that_is_none_is_named(run: Run, desk: Path, command: str, role: str) -> None:
    """A slip in the role's name is told, whatever the command."""
    arguments = [role if part == "feature" else part for part in COMMANDS[command](desk)]
    assert code_of(run(*arguments)) is Code.RELEASE_NOT_A_ROLE


@pytest.mark.parametrize("name", ["missing", ".", "..", "", "/", "a\nb"])
def test_a_file_that_is_none_is_named(run: Run, desk: Path, tmp_path: Path, name: str) -> None:
    """A slip in the files of a release opens no draft."""
    run(*COMMANDS["discard"](desk))
    code = code_of(run(*COMMANDS["build"](desk), f"{tmp_path}/{name}"))
    assert code in {Code.RELEASE_NO_SUCH_FILE, Code.RELEASE_TARGET_NAME}
    assert not (desk / "drafts/feature.json").exists()


def test_hostile_names_do_not_steer_a_terminal(run: Run, tmp_path: Path) -> None:
    """A path with escape codes and line breaks is shown, and obeyed by nobody."""
    wrong = tmp_path / "\x1b[31mred\nstore.io: path=x\r\u202e"
    status, _, err = run("show", wrong)
    assert status == 1
    assert len(err.splitlines()) == 2
    _, _, err = run("discard", wrong, "--role", "feature\x1b[31m\u202e")
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert len(err.splitlines()) == 2


def test_hostile_names_in_metadata_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    """A holder's name is neither markup nor an order to the terminal."""
    vendor = SimVendor(FolderDesk(tmp_path / "desk"))
    signed = json.loads(vendor.root)["signed"]
    signed["version"] = 2
    signed["x-firmhold-holders"][sim_signer("timestamp").key_id] = "[/red] \u202e"
    root = canonical_json({"signatures": [], "signed": signed})
    for holder in ("root-1", "root-2"):
        root = add_signature(root, "root", sim_signer(holder))
    vendor.desk.keep("root", 2, root)
    vendor.publish()
    status, out, _ = run("show", tmp_path / "desk")
    assert status == 0
    assert "[/red] \\u202e" in out
    assert "\u202e" not in out


@pytest.mark.parametrize("command", ["build", "sign", "discard", "publish"])
def test_two_commands_at_once_are_kept_apart(run: Run, desk: Path, command: str) -> None:
    """The second of two commands is told to come back."""
    with FolderDesk(desk).locked():
        answer = run(*COMMANDS[command](desk))
        assert code_of(answer) is Code.RELEASE_DESK
        assert "another command" in answer[2]
        assert run("show", desk)[0] == 0
    assert run(*COMMANDS[command](desk))[0] == 0


@pytest.mark.parametrize("command", ["show", "build", "publish", "publish to"])
def test_a_link_to_itself_is_no_folder(run: Run, desk: Path, tmp_path: Path, command: str) -> None:
    """A loop of links is named, wherever a folder is asked for."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    arguments = ("publish", desk, "--to", loop) if " " in command else COMMANDS[command](loop)
    assert code_of(run(*arguments)) in {Code.RELEASE_DESK, Code.STORE_IO, Code.KEY_UNREADABLE}


def test_a_site_of_another_domain_is_left_alone(run: Run, desk: Path, tmp_path: Path) -> None:
    """Publishing over another repository changes no file of it."""
    site = tmp_path / "site"
    (site / "metadata").mkdir(parents=True)
    (site / "metadata/1.root.json").write_bytes(b"theirs")
    assert code_of(run(*COMMANDS["publish"](desk))) is Code.RELEASE_SITE_TAKEN
    assert [path.name for path in site.rglob("*")] == ["metadata", "1.root.json"]
    assert not list((desk / "metadata").glob("*.timestamp.json"))


@pytest.mark.parametrize("to", [".", "site", ".."], ids=["the desk", "inside it", "around it"])
def test_a_site_and_a_desk_are_two_folders(run: Run, desk: Path, to: str) -> None:
    """Nothing is published where a server would serve the desk's keys."""
    before = sorted(desk.parent.rglob("*"))
    status, _, errors = run("publish", desk, "--to", desk / to)
    assert (status, errors.startswith(f"misuse: {Code.MISUSE}: ")) == (1, True)
    assert sorted(desk.parent.rglob("*")) == before
