"""`firmhold release`: each command, as a person or a script calls it."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.release.adapters.folder import FolderSite
from firmhold.release.documents import ROLES
from firmhold.sim.clock import SimClock
from firmhold.sim.vendor import SimReader
from firmhold.trust.advice import advice_for
from firmhold.trust.errors import Code

MakeFile = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]
SHA256 = hashlib.sha256(b"firmware").hexdigest()


def sign(desk: Path, role: str, holder: str) -> tuple[str | Path, ...]:
    """The command by which a holder signs."""
    return ("sign", desk, "--role", role, "--key", f"file:{desk / 'keys' / holder}.pem")


def build(desk: Path, *files: Path) -> tuple[str | Path, ...]:
    """The command that drafts a feature release."""
    return ("build", desk, *files, "--authority", "feature", "--product", "thing")


def refused(code: Code, family: str, answer: tuple[int, str, str]) -> bool:
    """Tell whether an answer is a refusal: status 1, one line with the code, one of advice."""
    status, out, err = answer
    lines = err.splitlines()
    return (
        (status, out, len(lines)) == (1, "", 2)
        and lines[0].startswith(f"{family}: {code}: ")
        and lines[1] == f"  {advice_for(code)}"
    )


def test_a_release_goes_from_keys_to_clients(
    run: Run, desk_folder: Path, make_file: MakeFile, tmp_path: Path
) -> None:
    """Build, sign twice, publish: each command says what it did, and a device reads the file."""
    site = tmp_path / "site"
    assert run(*build(desk_folder, make_file())) == (
        0,
        "draft of feature version 2\n  feature/thing/a.bin\n",
        "",
    )
    status, out, _ = run(*sign(desk_folder, "feature", "feature-3"))
    assert status == 0
    assert out.splitlines() == [
        "feature version 2, good until 2030-04-02T00:00:00Z",
        f"  feature/thing/a.bin sha256:{SHA256}",
        "signed by feature-3; 1 more needed",
    ]
    status, out, _ = run("publish", desk_folder, "--to", site)
    assert status == 0
    assert out.splitlines() == [
        "published root v1, targets v1, feature v1, security v1, snapshot v1, timestamp v1",
        "draft of feature stays behind: 1 more of feature-1, feature-2",
    ]
    _, out, _ = run(*sign(desk_folder, "feature", "feature-1"))
    assert out.endswith("\nsigned by feature-1, feature-3; 0 more needed\n")
    assert run("publish", desk_folder, "--to", site) == (
        0,
        "published root v1, targets v1, feature v2, security v1, snapshot v2, timestamp v2\n",
        "",
    )
    root = (desk_folder / "metadata/1.root.json").read_bytes()
    reader = SimReader(FolderSite(site), root, SimClock())
    assert reader.read("feature/thing/a.bin") == b"firmware"


def test_a_draft_is_discarded(run: Run, desk_folder: Path, make_file: MakeFile) -> None:
    """After a discard nothing is left to discard."""
    run(*build(desk_folder, make_file()))
    assert run("discard", desk_folder, "--role", "feature") == (
        0,
        "draft of feature discarded\n",
        "",
    )
    answer = run("discard", desk_folder, "--role", "feature")
    assert refused(Code.RELEASE_NOTHING_TO_SIGN, "misuse", answer)


def test_a_holder_brings_the_root_of_the_domain(
    run: Run, desk_folder: Path, tmp_path: Path
) -> None:
    """With a root of the holder's own the desk must be the one that begins with it."""
    run(*build(desk_folder))
    root = desk_folder / "metadata/1.root.json"
    assert run(*sign(desk_folder, "feature", "feature-1"), "--root", root)[0] == 0
    answer = run(
        *sign(desk_folder, "feature", "feature-1"),
        *("--root", desk_folder / "metadata/1.targets.json"),
    )
    assert refused(Code.RELEASE_DESK, "refused", answer)
    answer = run(*sign(desk_folder, "feature", "feature-1"), "--root", tmp_path / "missing")
    assert refused(Code.STORE_IO, "misuse", answer)


def test_scripts_read_the_desk_as_json(
    run: Run, desk_folder: Path, make_file: MakeFile, tmp_path: Path
) -> None:
    """One object a document: role, state, version, date, tally and files."""
    run(*build(desk_folder, make_file()))
    run(*sign(desk_folder, "feature", "feature-2"))
    run("publish", desk_folder, "--to", tmp_path / "site")
    status, out, err = run("show", desk_folder, "--json")
    assert (status, err) == (0, "")
    lines = json.loads(out)
    assert [line["role"] for line in lines] == [*ROLES, "feature"]
    assert lines[-1] == {
        "role": "feature",
        "state": "draft",
        "version": 2,
        "expires": "2030-04-02T00:00:00Z",
        "threshold": 2,
        "signed": ["feature-2"],
        "missing": ["feature-1", "feature-3"],
        "needed": 1,
        "files": {"feature/thing/a.bin": SHA256},
    }
    assert lines[-2]["expires"] == "2030-01-09T00:00:00Z"


def test_people_read_the_desk_as_a_table(run: Run, desk_folder: Path, make_file: MakeFile) -> None:
    """A row a document, with who signed, and how many of whom are still needed."""
    run(*build(desk_folder, make_file()))
    run(*sign(desk_folder, "feature", "feature-2"))
    status, out, _ = run("show", desk_folder)
    assert status == 0
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in out.splitlines()]
    shown = [row for row in rows if row]
    assert [
        "feature",
        "draft",
        "2",
        "2030-04-02",
        "feature-2",
        "1 of feature-1, feature-3",
        "1",
    ] in shown
    assert ["root", "signed", "1", "2031-01-01", "root-1, root-2", "", ""] in shown


def test_a_domain_is_made_for_named_people(run: Run, tmp_path: Path, make_file: MakeFile) -> None:
    """Keys are named after people, those of machines after their role whatever the machine is."""
    desk = tmp_path / "desk"
    status, out, _ = run(
        "keys",
        "init",
        desk,
        *("--holders", "feature=Ann, Bob,Cy"),
        *("--holders", "snapshot=machine-1"),
    )
    assert (status, out) == (
        0,
        f"staging domain made in {desk}; devices pin {desk}/metadata/1.root.json\n",
    )
    names = {path.stem for path in (desk / "keys").iterdir()}
    assert {"Ann", "Bob", "Cy", "snapshot", "timestamp", "root-1"} <= names
    assert not {"machine-1", "feature-1"} & names
    run(*build(desk, make_file()))
    run(*sign(desk, "feature", "Ann"))
    _, out, _ = run(*sign(desk, "feature", "Bob"))
    assert out.endswith("\nsigned by Ann, Bob; 0 more needed\n")
    assert run("publish", desk, "--to", tmp_path / "site")[0] == 0


class TestMoment:
    """When a command believes to run."""

    def test_the_moment_of_the_call_wins(
        self, run: Run, desk_folder: Path, make_file: MakeFile
    ) -> None:
        """`--at` comes before SOURCE_DATE_EPOCH."""
        run(*build(desk_folder, make_file()), "--at", "2030-01-11T00:00:00Z")
        lines = json.loads(run("show", desk_folder, "--json")[1])
        assert lines[-1]["expires"] == "2030-04-11T00:00:00Z"

    def test_without_a_moment_it_is_now(
        self, run: Run, tmp_path: Path, desk_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The clock of the machine is read if nothing else is said: in 2030 the desk was made."""
        monkeypatch.delenv("SOURCE_DATE_EPOCH")
        run("publish", desk_folder, "--to", tmp_path / "site")
        lines = json.loads(run("show", desk_folder, "--json")[1])
        assert lines[-1]["role"] == "timestamp"
        assert not lines[-1]["expires"].startswith("2030-01-0")

    @pytest.mark.parametrize(
        "at",
        [
            "",
            "now",
            "2030-01-31",
            "2030-01-31T12:00:00",
            "2030-01-31T12:00:00+00:00",
            "2030-02-30T00:00:00Z",
            "2030-1-1T00:00:00Z",
            "9000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ],
    )
    def test_no_moment_is_guessed(self, run: Run, desk_folder: Path, at: str) -> None:
        """There is one spelling of a moment, and it exists."""
        assert refused(Code.MISUSE, "misuse", run(*build(desk_folder), "--at", at))

    @pytest.mark.parametrize("epoch", ["", " ", "-1", "1.5", "\u00b2", "1e9", "9" * 12, "9" * 5000])
    def test_no_epoch_is_guessed(
        self, run: Run, desk_folder: Path, monkeypatch: pytest.MonkeyPatch, epoch: str
    ) -> None:
        """SOURCE_DATE_EPOCH is a number of seconds that a calendar has."""
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        assert refused(Code.MISUSE, "misuse", run(*build(desk_folder)))


class TestPassphrase:
    """Where the passphrase of a key comes from."""

    @pytest.mark.parametrize(
        "content",
        [b"a passphrase\n", b"a passphrase", b"a passphrase\r\n", b"a passphrase\nand a note\n"],
        ids=["line", "no line end", "other line end", "more lines"],
    )
    def test_the_first_line_of_a_file_opens_the_key(
        self,
        run: Run,
        desk_folder: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        content: bytes,
    ) -> None:
        """A file comes before the environment."""
        run(*build(desk_folder))
        monkeypatch.setenv("FIRMHOLD_PASSPHRASE", "sesame")
        (tmp_path / "passphrase").write_bytes(content)
        answer = run(
            *sign(desk_folder, "feature", "feature-1"), "--passphrase-file", tmp_path / "passphrase"
        )
        assert answer[0] == 0

    @pytest.mark.parametrize("content", [b"", b"\n", b"wrong\n", b"\xff\xfe\n", b" a passphrase\n"])
    def test_another_line_opens_nothing(
        self, run: Run, desk_folder: Path, tmp_path: Path, content: bytes
    ) -> None:
        """Nothing is stripped, nothing is guessed, and bytes of no alphabet are no crash."""
        run(*build(desk_folder))
        (tmp_path / "passphrase").write_bytes(content)
        answer = run(
            *sign(desk_folder, "feature", "feature-1"), "--passphrase-file", tmp_path / "passphrase"
        )
        assert refused(Code.KEY_PASSPHRASE, "misuse", answer)
        assert "passphrase: a pass" not in answer[2]

    @pytest.mark.parametrize("what", ["missing", "folder"])
    def test_a_passphrase_file_that_is_none_is_named(
        self, run: Run, desk_folder: Path, tmp_path: Path, what: str
    ) -> None:
        """A wrong path is the caller's mistake."""
        if what == "folder":
            (tmp_path / what).mkdir()
        command = sign(desk_folder, "feature", "feature-1")
        answer = run(*command, "--passphrase-file", tmp_path / what)
        assert refused(Code.STORE_IO, "misuse", answer)

    def test_a_wrong_one_in_the_environment_opens_nothing(
        self, run: Run, desk_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The refusal names the key, not the passphrase."""
        monkeypatch.setenv("FIRMHOLD_PASSPHRASE", "sesame")
        run(*build(desk_folder))
        answer = run(*sign(desk_folder, "feature", "feature-1"))
        assert refused(Code.KEY_PASSPHRASE, "misuse", answer)
        assert "feature-1.pem" in answer[2]
        assert "sesame" not in answer[2]

    @pytest.mark.parametrize("environment", [None, ""])
    def test_nobody_is_asked_where_nobody_is(
        self,
        run: Run,
        desk_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        environment: str | None,
    ) -> None:
        """A script without a passphrase is told how to give one."""
        monkeypatch.delenv("FIRMHOLD_PASSPHRASE")
        if environment is not None:
            monkeypatch.setenv("FIRMHOLD_PASSPHRASE", environment)
        answer = run(*sign(desk_folder, "feature", "feature-1"))
        assert refused(Code.MISUSE, "misuse", answer)
        assert "--passphrase-file" in answer[2]

    def test_a_person_at_a_terminal_is_asked(self, run: Run, desk_folder: Path) -> None:
        """The passphrase is typed at the terminal, and the terminal does not show it."""
        run(*build(desk_folder))
        terminal, its_end = os.openpty()
        command = sign(desk_folder, "feature", "feature-1")
        environment = {k: v for k, v in os.environ.items() if k != "FIRMHOLD_PASSPHRASE"}
        with subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "firmhold", "release", *map(str, command)],
            stdin=its_end,
            stdout=subprocess.PIPE,
            stderr=its_end,
            start_new_session=True,
            env=environment,
        ) as process:
            os.close(its_end)
            prompt = os.read(terminal, 1000)
            os.write(terminal, b"a passphrase\n")
            output, _ = process.communicate(timeout=60)
        os.close(terminal)
        assert prompt.decode() == f"Passphrase of file:{desk_folder}/keys/feature-1.pem: "
        assert output.endswith(b"\nsigned by feature-1; 1 more needed\n")
        assert process.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["build"],
        ["sign", "desk", "--role", "feature"],
        ["sign", "desk", "--rol", "feature"],
        ["publish", "desk"],
        ["discard", "desk"],
        ["show", "desk", "--yaml"],
        ["show", "desk", "another"],
        ["keys", "nonsense"],
        ["keys", "init"],
    ],
    ids=" ".join,
)
def test_a_bad_call_is_explained(run: Run, arguments: list[str]) -> None:
    """A command that is called wrongly says what it takes, and does nothing."""
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "Usage: firmhold release" in err
    assert not Path("desk").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["build", "-h"], ["keys", "--help"]])
def test_help_is_given(run: Run, arguments: list[str]) -> None:
    """Asking for help succeeds."""
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert "Usage" in out


def test_without_a_command_help_is_given(run: Run) -> None:
    """Saying nothing shows what can be said."""
    status, out, _ = run()
    assert status == 2
    assert "publish" in out
