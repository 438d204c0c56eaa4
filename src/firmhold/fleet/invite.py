"""An invitation for one device: it is in the inventory, has a token, and is told all it needs."""

from datetime import timedelta

from firmhold.fleet.ask import Part
from firmhold.fleet.home import Home
from firmhold.protocol.identity import device_id
from firmhold.protocol.invitation import Invitation
from firmhold.storage.disk import own_disk, read_file
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.tuf.schema import a_number, a_text
from firmhold.trust.tuf.wire import MAX_BYTES

_MAX_PEM_BYTES = 65_536


def invitation(home: Home, about: JsonObject, lifetime: timedelta) -> bytes:
    """Return the invitation of the device that `about` describes. Raises `Misuse`.

    A device that is in the inventory already, and not enrolled yet, gets another token.
    """
    device = device_id(a_text(about["device"], "device"), "device")
    with Part(home, "director") as director:
        try:
            director.post("/devices", about)
        except Misuse as error:
            if error.code is not Code.FLEET_DEVICE_THERE:
                raise
        settings = director.read("/settings")
    with Part(home, "ca") as ca:
        seconds = int(lifetime.total_seconds())
        token = ca.post("/tokens", {"device": device, "seconds": seconds})
    return Invitation(
        device=device,
        product=a_text(about["product"], "product"),
        component=a_text(about["component"], "component"),
        model=a_text(about["model"], "model"),
        revision=a_number(about["revision"], "revision", 0),
        host=home.host,
        device_port=home.device_port,
        enrolment_port=home.enrolment_port,
        authority=_read(home, "ca/authority.pem", _MAX_PEM_BYTES).decode(),
        token=a_text(token["token"], "token"),
        image_root=_read(home, "roots/image.root.json", MAX_BYTES["root"]),
        director_root=_read(home, "roots/director.root.json", MAX_BYTES["root"]),
        settings=a_text(settings["settings"], "settings").encode(),
    ).to_bytes()


def _read(home: Home, path: str, max_bytes: int) -> bytes:
    with own_disk(home.folder / path):
        return read_file(home.folder / path, max_bytes)
