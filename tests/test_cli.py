"""`firmhold`: one word that hands each command to its place."""

import subprocess
import sys
from importlib import import_module

import pytest

import firmhold
from firmhold.cli import COMMANDS, main


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` says which Firmhold this is."""
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"firmhold {firmhold.__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"], ["--help", "release"]])
def test_help_lists_every_command(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Whoever asks, or says nothing, sees each command with what it is for."""
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, (_, purpose) in COMMANDS.items():
        assert f"  {name:<14} {purpose}\n" in out


@pytest.mark.parametrize("word", ["relase", "", "--release", "Release", "release "])
def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str], word: str) -> None:
    """A slip is told on standard error, with the commands that there are."""
    assert main([word]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"misuse: no command {word!r}\n")
    assert all(name in err for name in COMMANDS)


def test_the_arguments_of_the_process_are_taken_by_themselves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installed script calls without arguments, and the process's own are meant."""
    monkeypatch.setattr(sys, "argv", ["firmhold", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"firmhold {firmhold.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_module_that_runs_it(command: str) -> None:
    """No command is listed that is not there."""
    assert callable(import_module(COMMANDS[command][0]).main)


def test_a_command_gets_what_stands_behind_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """What follows the command is the command's own, and its status is the answer."""
    assert main(["release", "show", "no such desk"]) == 1
    assert capsys.readouterr().err.startswith("misuse: release.desk: ")
    assert main(["release", "--help"]) == 0
    assert "publish" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        ("--help", {"release", "interop", "drill", "signing", "storage", "trust", "sim"}),
        ("tuf-client", {"release", "drill", "signing", "sim"}),
        ("release", {"interop", "drill", "sim"}),
    ],
)
def test_a_command_loads_no_other_place(command: str, absent: set[str]) -> None:
    """What runs on a device's side loads nothing of the release desk, nor the desk the device's."""
    program = (
        "import atexit, sys\n"
        "from firmhold.cli import main\n"
        "atexit.register(lambda: print(*(m for m in sys.modules if m.startswith('firmhold.'))))\n"
        f"main([{command!r}, '--help'])\n"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = {module.split(".")[1] for module in done.stdout.splitlines()[-1].split()}
    assert "cli" in loaded
    assert loaded & absent == set()


def test_the_module_is_a_program() -> None:
    """`python -m firmhold` is the same program, and its exit status is the command's."""
    for arguments, status in ((["--version"], 0), (["nonsense"], 1), (["release", "nonsense"], 2)):
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "firmhold", *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_command_whose_extra_is_missing_says_how_to_get_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only what a device needs is installed, an operator is told what to install."""

    def absent(_name: str) -> None:
        raise ModuleNotFoundError(name=missing)

    monkeypatch.setattr("firmhold.cli.import_module", absent)
    assert main(["release", "--help"]) == 1
    assert "firmhold[operator]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("uri", "module", "loads", "extra"),
    [
        ("pkcs11:token=t;object=o?module-path=/l", "pkcs11", "signing.pkcs11_signer", "token"),
        ("tpm:key.tss", "tpm2_pytss", "signing.tpm", "tpm"),
    ],
)
def test_a_key_whose_extra_is_missing_says_how_to_get_it(
    uri: str,
    module: str,
    loads: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What speaks to tokens and TPMs is loaded when a key of theirs is named, and may be absent."""
    for name in [
        each for each in sys.modules if each.startswith(("firmhold.signing", "firmhold.tpm"))
    ]:
        if loads in name or name.startswith(("firmhold.signing.token", "firmhold.tpm")):
            monkeypatch.delitem(sys.modules, name)
    for name in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["keys", "audit", uri]) == 1
    assert f"firmhold[{extra}]" in capsys.readouterr().err


def test_a_module_of_our_own_that_is_missing_is_no_users_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broken installation is not passed off as a missing extra."""

    def absent(_name: str) -> None:
        raise ModuleNotFoundError(name="firmhold.release.cli")

    monkeypatch.setattr("firmhold.cli.import_module", absent)
    with pytest.raises(ModuleNotFoundError):
        main(["release", "--help"])
