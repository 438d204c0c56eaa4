"""Keys in PKCS#11 tokens: what whoever holds the token and its PIN can make of one."""

import subprocess
import sys
from collections.abc import Iterator, Mapping

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11 import exceptions as failures
from pkcs11.types import DeriveMixin, PrivateKey, Session
from tests.signing.conftest import PIN, Known

from firmhold.pkix.public import Algorithm
from firmhold.signing import token as tokens_module
from firmhold.signing.pkcs11_signer import Pkcs11Signer
from firmhold.signing.pkcs11_uri import parse_token_key
from firmhold.signing.token import Token, let_go, token_of
from firmhold.signing.uri import open_signer
from firmhold.sim.token import SimTokens
from firmhold.trust.errors import Code, Misuse, Unavailable
from firmhold.trust.outer_faults import PlaceFault

HOLDER = "holder"
P256 = bytes.fromhex("06082a8648ce3d030107")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test logs in for itself."""
    let_go()
    yield
    let_go()


def session_of(uri: str, *, writes: bool = False) -> Session:
    """A session of somebody who has the PIN, and the maker's library."""
    named = parse_token_key(uri)
    let_go()
    return pkcs11.lib(named.module).get_token(token_label=named.token).open(rw=writes, user_pin=PIN)


def private_key(session: Session, label: str | None) -> PrivateKey:
    """The private key under a label."""
    found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    assert isinstance(found, PrivateKey)
    return found


@pytest.fixture(params=[*Algorithm])
def uri(request: pytest.FixtureRequest, tokens: SimTokens) -> str:
    """A key of each algorithm, made in the token."""
    made = tokens.uri("holder", f"misused-{request.param}-{request.node.name}")
    Pkcs11Signer.create(made, Known(), request.param)
    return made


def test_with_the_pin_nobody_reads_the_key(uri: str) -> None:
    """The token gives the private half to nobody, in the clear or wrapped."""
    with session_of(uri, writes=True) as session:
        key = private_key(session, parse_token_key(uri).label)
        with pytest.raises(failures.AttributeSensitive):
            key[Attribute.VALUE]
        wrapper = session.generate_key(KeyType.AES, 256, capabilities=MechanismFlag.WRAP)
        with pytest.raises(failures.PKCS11Error):
            wrapper.wrap_key(key)  # type: ignore[attr-defined]  # of its class for AES


@pytest.mark.parametrize(
    "changed",
    [
        {Attribute.SENSITIVE: False},
        {Attribute.EXTRACTABLE: True},
        {Attribute.DERIVE: True},
        {Attribute.UNWRAP: True},
    ],
    ids=["sensitive", "extractable", "derive", "unwrap"],
)
def test_with_the_pin_nobody_changes_what_the_key_is(
    uri: str, changed: Mapping[Attribute, bool]
) -> None:
    """A key stays what it was made: neither it nor a copy of it becomes one that can leave."""
    with session_of(uri, writes=True) as session:
        key = private_key(session, parse_token_key(uri).label)
        for attribute, value in changed.items():
            with pytest.raises(failures.PKCS11Error):
                key[attribute] = value
        with pytest.raises(failures.PKCS11Error):
            key.copy(dict(changed))


def test_a_signing_key_does_nothing_else(tokens: SimTokens) -> None:
    """One purpose a key: a key that signs derives no secret with another party's key."""
    uri = tokens.uri("holder", "one-purpose")
    signer = Pkcs11Signer.create(uri, Known(), Algorithm.P256)
    assert signer.findings() == ()
    with session_of(uri) as session:
        key = private_key(session, "one-purpose")
        assert not key[Attribute.DERIVE]
        assert not isinstance(key, DeriveMixin)


BAD = {
    "CKA_EXTRACTABLE": {Attribute.EXTRACTABLE: True},
    "CKA_SENSITIVE": {Attribute.SENSITIVE: False},
    "reading the private half": {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
    "CKA_DERIVE": {Attribute.DERIVE: True},
    "CKA_MODIFIABLE": {Attribute.MODIFIABLE: True},
    "CKA_COPYABLE": {Attribute.COPYABLE: True},
    "CKA_DECRYPT": {Attribute.DECRYPT: True},
    "CKA_UNWRAP": {Attribute.UNWRAP: True},
    "CKA_SIGN_RECOVER": {Attribute.SIGN_RECOVER: True},
}


@pytest.mark.parametrize(("what", "template"), BAD.items(), ids=BAD)
def test_an_audit_finds_a_key_that_was_made_carelessly(
    tokens: SimTokens, what: str, template: Mapping[Attribute, bool]
) -> None:
    """Each property that a key must have is looked at by itself."""
    uri = tokens.uri("holder", f"careless-{what}")
    good = {
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.MODIFIABLE: False,
        Attribute.COPYABLE: False,
        Attribute.DERIVE: False,
        Attribute.DECRYPT: False,
        Attribute.UNWRAP: False,
        Attribute.SIGN_RECOVER: False,
    }
    with session_of(uri, writes=True) as session:
        session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: P256}, local=True
        ).generate_keypair(
            label=f"careless-{what}",
            id=what.encode(),
            store=True,
            mechanism=Mechanism.EC_KEY_PAIR_GEN,
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            private_template={**good, **template},
        )
    found = {finding.what for finding in open_signer(uri, Known()).findings()}
    assert what in found
    readable = "reading the private half"
    assert (readable in found) == (what == readable)


def test_a_wrong_pin_is_tried_once(tokens: SimTokens) -> None:
    """A token counts wrong PINs and locks: nothing here ever tries one a second time."""
    tokens.add("counted", PIN)
    asked: list[str] = []

    class Wrong(Known):
        def pin(self, key: str) -> str:
            asked.append(key)
            return "000000"

    uri = tokens.uri("counted", "key")
    with pytest.raises(Misuse) as error:
        Pkcs11Signer.load(uri, Wrong())
    assert error.value.fault == PlaceFault(
        code=Code.KEY_PIN, path=uri, detail="not the PIN of this token"
    )
    assert asked == [uri]
    assert "000000" not in str(error.value)


@pytest.mark.parametrize("flag", ["USER_PIN_LOCKED", "USER_PIN_FINAL_TRY"])
def test_a_token_that_is_locked_or_about_to_be_is_not_tried(
    tokens: SimTokens, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last try is a person's, by the maker's tool: no program spends it."""
    uri = tokens.uri("holder", "key")
    found = pkcs11.lib(str(tokens.module)).get_token(token_label=HOLDER)

    class Warned:
        flags = found.flags | getattr(pkcs11.TokenFlag, flag)

        def open(self, **_: object) -> None:
            raise AssertionError

    monkeypatch.setattr(tokens_module, "_slot_with", lambda *_: Warned())
    with pytest.raises(Misuse) as error:
        Pkcs11Signer.load(uri, Known())
    assert error.value.code is Code.KEY_PIN


def test_a_token_is_asked_for_its_pin_once_for_all_its_keys(tokens: SimTokens) -> None:
    """One login serves every key of a token while the process lives."""
    asked: list[str] = []

    class Counting(Known):
        def pin(self, key: str) -> str:
            asked.append(key)
            return PIN

    uris = [tokens.uri("holder", f"shared-{n}") for n in range(3)]
    signers = [Pkcs11Signer.create(uri, Counting(), Algorithm.ED25519) for uri in uris]
    for signer in [*signers, *(Pkcs11Signer.load(uri, Counting()) for uri in uris)]:
        signer.sign(b"payload")
    assert len(asked) == 1


def test_a_session_that_ended_is_opened_again(tokens: SimTokens) -> None:
    """A token that was pulled and put back goes on, with the PIN asked for anew."""
    uri = tokens.uri("holder", "pulled")
    signer = Pkcs11Signer.create(uri, Known(), Algorithm.ED25519)
    before = signer.sign(b"payload")
    held = token_of(parse_token_key(uri), uri, Known())
    held._session.close()  # type: ignore[union-attr]  # noqa: SLF001 - as a pulled token does
    assert signer.sign(b"payload") == before


def test_a_token_that_stays_away_is_told_as_that(
    tokens: SimTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the token there is no signature, and whoever asked may come back later."""
    uri = tokens.uri("holder", "away")
    signer = Pkcs11Signer.create(uri, Known(), Algorithm.ED25519)

    def gone(_: Token, **__: bool) -> Session:
        raise failures.DeviceRemoved

    monkeypatch.setattr(Token, "_opened", gone)
    with pytest.raises(Unavailable) as error:
        signer.sign(b"payload")
    assert error.value.code is Code.KEY_TOKEN


def test_a_token_or_a_key_that_is_not_there_is_named(tokens: SimTokens) -> None:
    """No token and no key are two different things, and the library is a third."""
    cases = {
        tokens.uri("nobody", "key"): (Unavailable, Code.KEY_TOKEN),
        tokens.uri("holder", "no-such-key"): (Misuse, Code.KEY_ABSENT),
        "pkcs11:token=holder;object=key?module-path=/nowhere.so": (Misuse, Code.KEY_TOKEN),
        "pkcs11:token=holder;object=key?module-path=/etc/passwd": (Misuse, Code.KEY_TOKEN),
    }
    for uri, (family, code) in cases.items():
        with pytest.raises(family) as error:
            Pkcs11Signer.load(uri, Known())
        assert error.value.code is code


def test_two_tokens_of_one_name_are_not_guessed_between(tokens: SimTokens) -> None:
    """Whoever names a token by its label alone, and there are two, is told so."""
    tokens.add("twin", PIN)
    tokens.add("twin", PIN)
    with pytest.raises(Unavailable) as error:
        Pkcs11Signer.load(tokens.uri("twin", "key"), Known())
    assert "2 tokens" in str(error.value)


def test_a_key_needs_a_name_to_be_made(tokens: SimTokens) -> None:
    """A key without a label could not be found again."""
    uri = f"pkcs11:token=holder;id=%01?module-path={tokens.module}"
    with pytest.raises(Misuse) as error:
        Pkcs11Signer.create(uri, Known(), Algorithm.ED25519)
    assert error.value.code is Code.KEY_URI


def test_no_login_outlives_its_process(tokens: SimTokens) -> None:
    """Another process that has the library, and not the PIN, finds no open door."""
    uri = tokens.uri("holder", "left-open")
    Pkcs11Signer.create(uri, Known(), Algorithm.ED25519)
    program = (
        "import pkcs11, sys\n"
        "token = pkcs11.lib(sys.argv[1]).get_token(token_label='holder')\n"
        "session = token.open()\n"
        "found = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})\n"
        "print(len(list(found)))\n"
    )
    words = [sys.executable, "-c", program, str(tokens.module)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - own words
    assert done.stdout.strip() == "0"


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_keys_are_found_by_their_id_too(tokens: SimTokens, algorithm: Algorithm) -> None:
    """A label may stand for several keys in other people's tokens; an id does not."""
    name = f"by-id-{algorithm}"
    uri = f"{tokens.uri('holder', name).partition('?')[0]};id=%07{algorithm}"
    uri += f"?module-path={tokens.module}"
    made = Pkcs11Signer.create(uri, Known(), algorithm)
    by_id = f"pkcs11:token=holder;id=%07{algorithm}?module-path={tokens.module}"
    assert Pkcs11Signer.load(by_id, Known()).key_id == made.key_id
