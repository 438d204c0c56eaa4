"""How an operator's command talks to the parts of a server: over their sockets, on this machine."""

import os
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from firmhold.fleet.home import Home
from firmhold.protocol.problem import parse_problem
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code, Misuse, Refused, Unavailable
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.shape import Shape

MAX_BYTES = 256 * 1024 * 1024
MOST_ROWS = 10_000_000
PATIENCE_SECONDS = 60
NO_QUERY: Mapping[str, str] = {}

_SHAPE = Shape(Code.PROTOCOL_SHAPE)


class Part:
    """One part of the server, asked over its operators' socket."""

    def __init__(self, home: Home, name: str) -> None:
        self._name = name
        self._path = path = str(home.socket(f"{name}-admin"))
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=path),
            base_url="http://firmhold",
            timeout=PATIENCE_SECONDS,
        )

    def __enter__(self) -> Self:
        """Begin, if the part answers at all: the library loses a socket that does not connect."""
        with socket.socket(socket.AF_UNIX) as probe:
            number = probe.connect_ex(self._path)
        if number != 0:
            raise _unreachable(self._name, os.strerror(number))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._client.close()

    def read(self, path: str, query: Mapping[str, str] = NO_QUERY) -> JsonObject:
        """Return the object at a path."""
        return _object(self._get(path, query), path)

    def rows(self, path: str) -> list[JsonObject]:
        """Return the list of objects at a path."""
        found = self._get(path, NO_QUERY)
        return [*_SHAPE.a_list(found, path, MOST_ROWS, _object)]

    def post(self, path: str, body: JsonObject) -> JsonObject:
        """Tell the part something; return its answer, empty where there is none."""
        return self.send(path, pretty_json(body))

    def send(self, path: str, body: bytes) -> JsonObject:
        """Send a document as it is; return the answer, empty where there is none."""
        found = self._answered(self._client.build_request("POST", path, content=body))
        return {} if found is None else _object(found, path)

    def _get(self, path: str, query: Mapping[str, str]) -> JsonValue:
        return self._answered(self._client.build_request("GET", path, params=query))

    def _answered(self, request: httpx.Request) -> JsonValue:
        try:
            found = self._client.send(request)
        except httpx.HTTPError as error:
            raise _unreachable(self._name, type(error).__name__) from error
        if found.is_success:
            return parse_json(found.content, max_bytes=MAX_BYTES) if found.content else None
        raise Misuse(_fault(self._name, found))


def _object(value: JsonValue, where: str) -> JsonObject:
    return _SHAPE.an_object(value, where)


def _unreachable(name: str, detail: str) -> Unavailable:
    return Unavailable(FleetFault(code=Code.FLEET_UNREACHABLE, what=name, detail=detail))


def _fault(name: str, found: httpx.Response) -> FleetFault:
    """What the part refused, under its own code where it is one of those that name a thing."""
    try:
        code = parse_problem(found.content).code
    except Refused:
        code = str(found.status_code)
    if code in {str(each) for each in FleetFault.codes}:
        return FleetFault(code=Code(code), what=name, detail=f"status {found.status_code}")
    return FleetFault(code=Code.FLEET_REFUSED, what=name, detail=code)
