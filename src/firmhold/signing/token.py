"""A PKCS#11 token: one login and one session for each token, kept while the process lives.

A login costs seconds on some devices, and a wrong PIN costs one of few tries: so a PIN is asked for
once, tried once, and kept nowhere. Where a session ends by itself (a token pulled and put back, a
module that restarted), the next use logs in again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pkcs11
from pkcs11 import TokenFlag
from pkcs11 import exceptions as failures
from pkcs11.types import Session
from pkcs11.types import Token as Found

from firmhold.signing.hold import keep_memory_in
from firmhold.signing.pkcs11_uri import TokenKey
from firmhold.signing.ports import Secrets
from firmhold.trust.errors import Code, FirmholdError, Misuse, Unavailable
from firmhold.trust.outer_faults import PlaceFault

T = TypeVar("T")

_ENDED = (
    failures.SessionHandleInvalid,
    failures.SessionClosed,
    failures.DeviceRemoved,
    failures.TokenNotPresent,
    failures.UserNotLoggedIn,
    failures.ObjectHandleInvalid,
    failures.KeyHandleInvalid,
)
_PIN = (failures.PinIncorrect, failures.PinInvalid, failures.PinLenRange)


@dataclass(slots=True)
class Token:
    """A token with a session that is logged in, made by `token_of`."""

    named: TokenKey
    uri: str
    secrets: Secrets
    lock: threading.RLock = field(default_factory=threading.RLock)
    _session: Session | None = None
    _writes: bool = False

    def use(self, work: Callable[[Session], T], *, writes: bool = False) -> T:
        """Return what `work` makes of the session; a session that had ended is opened once more.

        Raises `Unavailable` if the token fails, `Misuse` if its PIN does not open it.
        """
        with self.lock, told(self.uri):
            if writes and not self._writes:
                self._end()
            try:
                return work(self._opened(writes=writes))
            except _ENDED:
                self._end()
            return work(self._opened(writes=writes))

    @property
    def open(self) -> bool:
        """True while there is a session."""
        return self._session is not None

    def _opened(self, *, writes: bool) -> Session:
        if self._session is None:
            self._session, self._writes = self._log_in(writes=writes), writes
        return self._session

    def _log_in(self, *, writes: bool) -> Session:
        found = _slot_with(self.named, self.uri)
        if TokenFlag.USER_PIN_LOCKED in found.flags:
            raise pin_refused(self.uri, "locked: only the security officer opens it again")
        if TokenFlag.USER_PIN_FINAL_TRY in found.flags:
            raise pin_refused(self.uri, "one try is left: log in by the maker's tool first")
        keep_memory_in()
        return found.open(user_pin=self.secrets.pin(self.uri), rw=writes)

    def _end(self) -> None:
        """Give the session up; whatever it says to that, it is not used again."""
        session, self._session = self._session, None
        try:
            if session is not None:
                session.close()
        except failures.PKCS11Error:
            return


_TOKENS: dict[tuple[str | None, ...], Token] = {}
_LOCK = threading.Lock()


def token_of(named: TokenKey, uri: str, secrets: Secrets) -> Token:
    """Return the token in which a key lives; the same one for all keys of a token."""
    which = (named.module, named.token, named.serial, named.manufacturer, named.model)
    with _LOCK:
        return _TOKENS.setdefault(which, Token(named, uri, secrets))


def let_go() -> None:
    """End all sessions of this process."""
    with _LOCK:
        for token in _TOKENS.values():
            token._end()  # noqa: SLF001 - of this module
        _TOKENS.clear()


def begin_anew(module: str) -> None:
    """End all sessions of this process, and have a library look anew for tokens."""
    let_go()
    if module in pkcs11._loaded:  # noqa: SLF001 - there is no other way to ask
        pkcs11.lib(module).reinitialize()


def pin_refused(uri: str, detail: str) -> Misuse:
    """Return the refusal of a PIN."""
    return Misuse(PlaceFault(code=Code.KEY_PIN, path=uri, detail=detail))


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Report what a token says as what it means to whoever uses the key."""
    try:
        yield
    except FirmholdError:
        raise
    except _PIN as error:
        raise pin_refused(uri, "not the PIN of this token") from error
    except failures.PinLocked as error:
        raise pin_refused(uri, "locked: too many wrong PINs") from error
    except failures.NoSuchKey as error:
        raise _absent(uri, "no such key in this token") from error
    except failures.MultipleObjectsReturned as error:
        raise _absent(uri, "several keys: name one by id=") from error
    except failures.PKCS11Error as error:
        detail = type(error).__name__
        raise Unavailable(PlaceFault(code=Code.KEY_TOKEN, path=uri, detail=detail)) from error


def _slot_with(named: TokenKey, uri: str) -> Found:
    """Return the token that a URI means: one, by all that the URI says."""
    found = _matching(named, uri)
    if not found and not _in_use(named.module):
        # A library looks for tokens when it is loaded; this one may have come since.
        pkcs11.lib(named.module).reinitialize()
        found = _matching(named, uri)
    if len(found) != 1:
        how_many = "no such token" if not found else f"{len(found)} tokens: name one by serial="
        raise Unavailable(PlaceFault(code=Code.KEY_TOKEN, path=uri, detail=how_many))
    return found[0]


def _matching(named: TokenKey, uri: str) -> list[Found]:
    said = {
        "label": named.token,
        "manufacturer_id": named.manufacturer,
        "model": named.model,
        "serial": None if named.serial is None else named.serial.encode(),
    }
    meant = {name: value for name, value in said.items() if value is not None}
    return [
        token
        for token in _tokens(named.module, uri)
        if all(getattr(token, name) == value for name, value in meant.items())
    ]


def _tokens(module: str, uri: str) -> list[Found]:
    try:
        return [*pkcs11.lib(module).get_tokens()]
    except (RuntimeError, OSError) as error:
        if type(error) in vars(failures).values() and type(error) is not failures.PKCS11Error:
            raise  # the library's own word; a library that does not load has no such word
        detail = f"{module} is no PKCS#11 library: {error}"
        raise Misuse(PlaceFault(code=Code.KEY_TOKEN, path=uri, detail=detail)) from error


def _in_use(module: str) -> bool:
    return any(token.named.module == module and token.open for token in _TOKENS.values())


def _absent(uri: str, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.KEY_ABSENT, path=uri, detail=detail))
