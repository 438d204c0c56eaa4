"""The half that decides asks the process with the network, whatever becomes of that one."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from firmhold.device.fetch.ask import FetchClient
from firmhold.device.fetch.lines import MAX_LINE_BYTES, Lines
from firmhold.trust.errors import Code, FirmholdError, Refused, Unavailable

YES = b'{"ok": true}\n'
GOOD = b'{"ok": true, "there": true}\n'


class Other:
    """The other side: what it says on each connection, one answer a line that it is asked."""

    def __init__(self, *connections: list[bytes | None]) -> None:
        self._folder = TemporaryDirectory(prefix="fh-")
        self.path = Path(self._folder.name) / "socket"
        self.asked: list[int] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = Thread(target=self._attend, args=(connections,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nobody any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self._folder.cleanup()

    def _attend(self, connections: tuple[list[bytes | None], ...]) -> None:
        for number, answers in enumerate(connections):
            try:
                asker, _ = self._listener.accept()
            except OSError:
                return
            with asker, asker.makefile("rb") as lines:
                for said in answers:
                    if said is not None and lines.readline():
                        self.asked.append(number)
                        with suppress(OSError):  # an answer without end is left unread
                            asker.sendall(said)


@pytest.fixture(name="made")
def _made() -> Iterator[Callable[..., tuple[FetchClient, Other]]]:
    """Makes another side, and who asks it; both are closed in the end."""
    opened: list[tuple[FetchClient, Other]] = []

    def make(*connections: list[bytes | None]) -> tuple[FetchClient, Other]:
        other = Other(*connections)
        opened.append((FetchClient(other.path), other))
        return opened[-1]

    yield make
    for client, other in opened:
        with closing(other), closing(client):
            pass


def test_who_was_left_for_asking_nothing_asks_anew(
    made: Callable[..., tuple[FetchClient, Other]],
) -> None:
    """The other side has hung up in the meantime: the next question has a new connection."""
    client, other = made([GOOD], [GOOD, GOOD])

    assert [client.target("a.json", 9) for _ in range(3)] == [True, True, True]
    assert other.asked == [0, 1, 1]


def test_who_is_left_at_once_does_not_ask_for_ever(
    made: Callable[..., tuple[FetchClient, Other]],
) -> None:
    """A first question without an answer is a failure, a later one is asked once more only."""
    client, other = made([None], [YES], [None], [YES])

    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            client.forget()
        assert caught.value.code is Code.FETCH_CUT
        client.forget()
    assert other.asked == [1, 3]


@pytest.mark.parametrize(
    ("said", "family"),
    [
        (b"[]\n", Refused),
        (b"no json\n", Refused),
        (b"x" * (2 * MAX_LINE_BYTES), Unavailable),
    ],
    ids=["a list", "no JSON", "no end"],
)
def test_an_answer_without_sense_ends_its_connection(
    made: Callable[..., tuple[FetchClient, Other]], said: bytes, family: type[FirmholdError]
) -> None:
    """What may follow it there is nobody's answer: the next question has a new connection."""
    client, other = made([said, None], [GOOD])

    with pytest.raises(family):
        client.target("a.json", 9)

    assert client.target("a.json", 9)
    assert other.asked == [0, 1]


def test_lines_are_told_apart_however_they_arrive() -> None:
    """In parts, or several at once: each is one, in its order, and what it was."""
    near, far = socket.socketpair()
    with near, far:
        for part in (b'{"a": ', b"1}\n[2]", b'\n"3"\n'):
            near.sendall(part)
        reader = Lines(far)
        assert [reader.read() for _ in range(3)] == [b'{"a": 1}', b"[2]", b'"3"']
        Lines(far).write({"b": "\n"})
        assert near.recv(99) == b'{"b": "\\n"}\n'
        near.close()
        assert reader.read() is None


def test_a_line_without_end_is_left_at_its_bound() -> None:
    """A line of the greatest length is read, a longer one is not."""
    near, far = socket.socketpair()
    with near, far:
        long = b"x" * MAX_LINE_BYTES
        sender = Thread(target=lambda: near.sendall(long + b"\n" + long + b"xx"), daemon=True)
        sender.start()
        reader = Lines(far)
        assert reader.read() == long
        with pytest.raises(Unavailable) as caught:
            reader.read()
        assert caught.value.code is Code.FETCH_CUT
        assert "no end" in str(caught.value)
