"""Row 71: a token is misused: its key taken out, used for something else, its PIN guessed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass
from pkcs11 import exceptions as failures
from pkcs11.types import DeriveMixin, PrivateKey, Session

from firmhold.pkix.public import Algorithm
from firmhold.signing.pkcs11_signer import Pkcs11Signer
from firmhold.signing.token import let_go
from firmhold.sim.token import SimTokens, softhsm_module
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import parse_public_key

HOLDER = "feature-1"
PAYLOAD = b"what the holder signs"


class Pin:
    """Somebody with a PIN, who counts how often he is asked."""

    def __init__(self, number: str) -> None:
        self.number, self.asked = number, 0

    def passphrase(self, key: str) -> str:
        """There is no file."""
        raise NotImplementedError(key)

    def pin(self, _key: str) -> str:
        """Return the PIN."""
        self.asked += 1
        return self.number


OWN = "161803"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTokens]:
    """A holder's token."""
    module = softhsm_module()
    assert module is not None, "softhsm2 is missing: run `make deps`"
    with SimTokens.make(tmp_path_factory.mktemp("hsm"), module) as made:
        made.add(HOLDER, OWN)
        yield made


@pytest.fixture(params=[*Algorithm])
def uri(request: pytest.FixtureRequest, tokens: SimTokens) -> Iterator[str]:
    """A key of the holder's, with which he has signed."""
    tokens.enter()
    named = tokens.uri(HOLDER, f"{request.param}-{request.node.name}")
    signer = Pkcs11Signer.create(named, Pin(OWN), request.param)
    assert_signs(signer)
    let_go()
    yield named
    let_go()
    assert_signs(Pkcs11Signer.load(named, Pin(OWN)))  # it held: the key is as it was
    let_go()


def assert_signs(signer: Pkcs11Signer) -> None:
    """The legitimate step: the key signs."""
    key = parse_public_key(signer.entry)
    assert key is not None
    assert key.verifies(signer.sign(PAYLOAD), PAYLOAD)


def thief(tokens: SimTokens, label: str) -> tuple[Session, PrivateKey]:
    """Somebody with the token, its PIN and the maker's library, and the key in his hands."""
    token = pkcs11.lib(str(tokens.module)).get_token(token_label=HOLDER)
    session = token.open(rw=True, user_pin=OWN)
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    assert isinstance(key, PrivateKey)
    return session, key


def label_of(uri: str) -> str:
    """The name of a key, from its URI."""
    return uri.partition("object=")[2].partition("?")[0].replace("%20", " ")


def test_the_key_does_not_leave_the_token(tokens: SimTokens, uri: str) -> None:
    """Neither read, nor wrapped, nor made readable, nor copied to where it would be."""
    session, key = thief(tokens, label_of(uri))
    with session:
        wrapper = session.generate_key(KeyType.AES, 256, capabilities=MechanismFlag.WRAP)
        deeds: list[Callable[[], object]] = [
            lambda: key[Attribute.VALUE],
            lambda: wrapper.wrap_key(key),  # type: ignore[attr-defined]  # of its class for AES
            lambda: key.copy({Attribute.EXTRACTABLE: True}),
        ]
        for deed in deeds:
            with pytest.raises(failures.PKCS11Error):
                deed()
        for attribute, value in ((Attribute.SENSITIVE, False), (Attribute.EXTRACTABLE, True)):
            with pytest.raises(failures.PKCS11Error):
                key[attribute] = value


def test_the_key_does_nothing_but_sign(tokens: SimTokens, uri: str) -> None:
    """One purpose a key: no secret is agreed with it, nothing deciphered, nor can it be allowed."""
    session, key = thief(tokens, label_of(uri))
    with session:
        assert not isinstance(key, DeriveMixin)
        for attribute in (Attribute.DERIVE, Attribute.DECRYPT, Attribute.UNWRAP):
            assert not key[attribute]
            with pytest.raises(failures.PKCS11Error):
                key[attribute] = True


def test_our_commands_guess_no_pin(uri: str) -> None:
    """A wrong PIN is tried once, whatever the command would like."""
    guess = Pin("000000")
    with pytest.raises(Misuse) as error:
        Pkcs11Signer.load(uri, guess)
    assert error.value.code is Code.KEY_PIN
    assert guess.asked == 1


def test_a_session_is_open_to_its_own_process_alone(tokens: SimTokens, uri: str) -> None:
    """While one process is logged in, another one without the PIN sees no private key."""
    held = Pkcs11Signer.load(uri, Pin(OWN))
    program = (
        "import pkcs11, sys\n"
        "session = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2]).open()\n"
        "kind = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}\n"
        "print(len(list(session.get_objects(kind))))\n"
    )
    words = [sys.executable, "-c", program, str(tokens.module), HOLDER]
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - own words
    assert done.stdout.strip() == "0"
    assert_signs(held)


def test_a_pin_stands_in_no_process_list(uri: str, tmp_path: Path) -> None:
    """A PIN on a command line is refused before anything is opened, and not repeated."""
    words = [sys.executable, "-m", "firmhold", "keys", "audit", f"{uri}&pin-value={OWN}"]
    done = subprocess.run(  # noqa: S603 - own words
        words, check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "key.uri" in done.stderr
    assert OWN not in done.stdout + done.stderr
