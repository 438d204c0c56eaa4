"""Row 68: passwords and keys that are the same everywhere, or that anybody can sign up with."""

import json
from pathlib import Path

import pytest

from firmhold.fleet.cli import main
from firmhold.sim.fleet import SimFleet
from firmhold.trust.errors import Code, Unavailable


def secrets_of(invitation: Path) -> str:
    """What only one device may have."""
    return str(json.loads(invitation.read_text())["token"])


def invited(fleet: SimFleet, name: str, out: Path) -> Path:
    """An invitation made by the operator's command."""
    words = ["enrol", str(fleet.home.folder), name, "--product", "camera", "--component", "main"]
    assert main([*words, "--model", "camera-1", "--revision", "1", "--out", str(out)]) == 0
    return out


def test_each_device_is_invited_by_a_secret_of_its_own(fleet: SimFleet, tmp_path: Path) -> None:
    """No two tokens are alike, they are long, and only the owner reads the file."""
    made = [invited(fleet, f"camera-{n}", tmp_path / f"{n}.json") for n in range(3)]
    tokens = {secrets_of(each) for each in made}
    assert len(tokens) == 3
    assert all(len(token) >= 32 for token in tokens)
    assert {each.stat().st_mode & 0o777 for each in made} == {0o600}
    stored = b"".join(place.read_bytes() for place in fleet.folder.glob("fleet.db*"))
    assert not [token for token in tokens if token.encode() in stored]


def test_nobody_signs_up_by_himself(fleet: SimFleet) -> None:
    """Without a token of the server's no device is let in, whatever it calls itself."""
    known = fleet.invite("camera-1")
    for token in ("", "0" * 43, "admin", known.token[:-1]):
        device = fleet.new_device(f"guess-{len(token)}")
        guess = type(known)(**{**_fields(known), "token": token})  # type: ignore[arg-type]
        with pytest.raises(Unavailable) as caught:
            device.enrol(guess)
        assert caught.value.code is Code.FETCH_REFUSED
    fleet.new_device("honest").enrol(known)


def _fields(known: object) -> dict[str, object]:
    return {name: getattr(known, name) for name in type(known).__slots__}  # type: ignore[attr-defined]


def test_no_server_begins_without_a_passphrase(
    fleet: SimFleet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There is no default: without one, nothing is made."""
    monkeypatch.delenv("FIRMHOLD_PASSPHRASE", raising=False)
    empty = tmp_path / "empty"
    empty.write_text("\n")
    words = ["init", str(tmp_path / "home"), "--desk", str(fleet.folder / "desk")]
    words += ["--site", str(fleet.home.site), "--passphrase-file", str(empty)]
    assert main(words) == 1
    assert "misuse: " in capsys.readouterr().err
    assert not (tmp_path / "home" / "fleet.json").exists()
