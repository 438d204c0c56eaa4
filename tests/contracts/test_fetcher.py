"""What every `Fetcher` promises, whatever it speaks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmhold.interop.adapters.http import HttpFetcher
from firmhold.interop.ports import Fetcher
from firmhold.sim.network import (
    Answer,
    Drop,
    Endless,
    InterimFlood,
    Line,
    Respond,
    SimNetwork,
    Trickle,
)
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import OverLimit
from firmhold.trust.outer_faults import FetchFault
from firmhold.wire.sockets import Patience


class FetcherContract:
    """A subclass gives `fetcher`, and `network` serves it a folder."""

    @pytest.fixture
    def fetcher(self) -> Fetcher:
        """The adapter under test, with little patience."""
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """What is served."""
        (tmp_path / "file").write_bytes(b"0123456789")
        (tmp_path / "empty").write_bytes(b"")
        (tmp_path / "large").write_bytes(bytes(300_000))
        return tmp_path

    @pytest.fixture
    def network(self, folder: Path) -> Iterator[SimNetwork]:
        """The wire to it."""
        with SimNetwork(folder) as network:
            yield network

    def fetch(self, fetcher: Fetcher, url: str, max_bytes: int = 1_000_000) -> bytes:
        """All bytes of a URL."""
        with fetcher.fetch(url, max_bytes) as pieces:
            return b"".join(pieces)

    @pytest.mark.parametrize("name", ["file", "empty", "large"])
    def test_it_brings_the_bytes(
        self, fetcher: Fetcher, network: SimNetwork, folder: Path, name: str
    ) -> None:
        """Every byte comes, in order, and none besides."""
        assert self.fetch(fetcher, f"{network.url}/{name}") == (folder / name).read_bytes()

    def test_a_large_file_comes_in_pieces(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """No piece is as large as the file, so that memory does not depend on it."""
        with fetcher.fetch(f"{network.url}/large", 300_000) as pieces:
            sizes = [len(piece) for piece in pieces]
        assert sum(sizes) == 300_000
        assert max(sizes) <= 65_536

    def test_the_bound_is_exact(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """As many bytes as allowed come through; one more is refused."""
        url = f"{network.url}/file"
        assert self.fetch(fetcher, url, 10) == b"0123456789"
        with pytest.raises(Refused) as error:
            self.fetch(fetcher, url, 9)
        assert error.value.fault == OverLimit(code=Code.FETCH_TOO_LONG, what=url, limit=9)

    def test_an_endless_answer_ends(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """Of an answer without an end no more is read than the bound and a little."""
        network.on("*", Endless())
        with pytest.raises(Refused) as error:
            self.fetch(fetcher, f"{network.url}/file", 100_000)
        assert error.value.code is Code.FETCH_TOO_LONG

    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_what_is_not_there_is_said_not_to_be_there(
        self, fetcher: Fetcher, network: SimNetwork, status: int
    ) -> None:
        """The one failure that a client may take for an answer has a code of its own."""
        network.on("*", Respond(status))
        url = f"{network.url}/file"
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, url)
        assert error.value.fault == FetchFault(
            code=Code.FETCH_NOT_FOUND, url=url, detail=str(status)
        )

    @pytest.mark.parametrize("status", [201, 400, 500, 503])
    def test_a_server_in_trouble_is_a_reason_to_try_later(
        self, fetcher: Fetcher, network: SimNetwork, status: int
    ) -> None:
        """Any other status is neither an answer nor an absence."""
        network.on("*", Respond(status))
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, f"{network.url}/file")
        assert error.value.code is Code.FETCH_STATUS

    def test_nobody_there_is_a_reason_to_try_later(
        self, fetcher: Fetcher, network: SimNetwork
    ) -> None:
        """A connection that ends before an answer is no answer."""
        network.on("*", Drop())
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, f"{network.url}/file")
        assert error.value.code is Code.FETCH_UNREACHABLE

    @pytest.mark.parametrize("after_bytes", [0, 5])
    def test_an_answer_that_was_cut_is_a_reason_to_try_later(
        self, fetcher: Fetcher, network: SimNetwork, after_bytes: int
    ) -> None:
        """Fewer bytes than promised are not taken for the file."""
        network.on("*", Drop(after_bytes))
        url = f"{network.url}/file"
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, url)
        detail = f"{10 - after_bytes} bytes missing"
        assert error.value.fault == FetchFault(code=Code.FETCH_CUT, url=url, detail=detail)

    def test_a_trickle_is_given_up(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """Waiting has an end that does not depend on the server."""
        network.on("*", Trickle(pause_seconds=0.8))
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, f"{network.url}/file")
        assert error.value.code is Code.FETCH_TOO_SLOW

    def test_a_redirect_is_not_followed(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """Another place is not the one that was asked for."""
        network.on("/file", Respond(301, {"Location": "/empty"}))
        with pytest.raises(Refused) as error:
            self.fetch(fetcher, f"{network.url}/file")
        assert error.value.code is Code.FETCH_REDIRECTED
        assert network.requests == ["/file"]

    def test_nothing_is_unpacked(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """An answer in another form than the file's own is refused."""
        network.on("*", Respond(200, {"Content-Encoding": "gzip"}))
        with pytest.raises(Refused) as error:
            self.fetch(fetcher, f"{network.url}/file")
        assert error.value.code is Code.FETCH_ENCODED

    @pytest.mark.parametrize("url", ["", "file:///etc", "http://", "http://h/ä", "http://h/#x"])
    def test_a_url_that_cannot_be_meant_is_refused(self, fetcher: Fetcher, url: str) -> None:
        """What is no address of this kind is not opened."""
        with pytest.raises(Refused) as error:
            self.fetch(fetcher, url)
        assert error.value.code is Code.FETCH_URL

    def test_a_reader_may_leave_early(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """Whoever has seen enough leaves, and the connection is closed behind him."""
        with fetcher.fetch(f"{network.url}/large", 300_000) as pieces:
            assert next(pieces)
        assert self.fetch(fetcher, f"{network.url}/file") == b"0123456789"

    def test_a_query_belongs_to_the_address(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """What stands behind a question mark is sent as it is."""
        assert self.fetch(fetcher, f"{network.url}/file?signature=a%2Fb") == b"0123456789"
        assert self.fetch(fetcher, f"{network.url}/file") == b"0123456789"
        assert network.requests == ["/file?signature=a%2Fb", "/file"]


class TestHttpFetcher(FetcherContract):
    """Plain HTTP."""

    @pytest.fixture
    def fetcher(self) -> Fetcher:
        """The adapter under test, with little patience."""
        return HttpFetcher(Patience(grace_seconds=2.0, minimum_bytes_per_second=4096))

    def test_a_host_alone_has_a_root(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """An address without a path asks for `/`."""
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, network.url)
        assert error.value.code is Code.FETCH_NOT_FOUND
        assert network.requests == ["/"]

    def test_chunks_are_put_together(self, fetcher: Fetcher, network: SimNetwork) -> None:
        """A body in chunks that ends in the middle is cut, not short."""
        network.on("*", Respond(200, {"Transfer-Encoding": "chunked"}))
        with pytest.raises(Unavailable) as error:
            self.fetch(fetcher, f"{network.url}/file")
        assert error.value.code is Code.FETCH_CUT


@dataclass(frozen=True, slots=True)
class Head:
    """Sends these lines as its head, and a body of ten bytes."""

    lines: bytes

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send what no honest server would."""
        send.raw(b"HTTP/1.1 200 OK\r\n" + self.lines + b"Content-Length: 10\r\n\r\n0123456789")


MULTIPART = b"Content-Type: multipart/mixed; "
HEADS = {
    "a parameter in parts and whole": MULTIPART + b"boundary*0=a; boundary*=b\r\n",
    "a part of a huge number": MULTIPART + b"boundary*" + b"9" * 5000 + b"*=a\r\n",
    "a charset with a NUL": MULTIPART + b"boundary*=a\0b'y'%ff\r\n",
    "lines that end where HTTP ends none": b"A: b\r" + b"Content-Type: message/rfc822\r\r" * 2000,
    "parts within parts": b"A: b\r"
    + b"".join(MULTIPART + b"boundary=%d\r\r--%d\r" % (n, n) for n in range(400))
    + b"\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_that_is_made_for_a_mail_parser_ends_in_a_fault(tmp_path: Path, head: bytes) -> None:
    """Whatever stands in the head of an answer, a caller meets a fault or an answer in time."""
    (tmp_path / "file").touch()
    with SimNetwork(tmp_path) as network:
        network.on("*", Head(head))
        with pytest.raises(Unavailable) as error, HttpFetcher().fetch(f"{network.url}/file", 10):
            pass
    assert error.value.code is Code.FETCH_UNREACHABLE


def test_interim_answers_buy_no_time(tmp_path: Path) -> None:
    """A server cannot hold a device by talking before it answers."""
    (tmp_path / "file").touch()
    with SimNetwork(tmp_path) as network:
        network.on("*", InterimFlood())
        with pytest.raises(Refused) as error, HttpFetcher().fetch(f"{network.url}/file", 10**9):
            pass
    assert error.value.fault == OverLimit(code=Code.FETCH_TOO_LONG, what="answer", limit=65_536)
