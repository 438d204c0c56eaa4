"""A certificate's name says who and of which class, in one form and no other."""

import pytest

from firmhold.protocol.identity import CertificateClass, Identity, device_id, read_identity
from firmhold.protocol.paths import quoted, unquoted
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused


@pytest.mark.parametrize("kind", CertificateClass)
@pytest.mark.parametrize("name", ["a", "camera-7", "A.b_c-9", "x" * 64])
def test_what_a_certificate_bears_is_read_back(kind: CertificateClass, name: str) -> None:
    """Both classes, and every name that a device may have."""
    identity = Identity(DeviceId(name), kind)
    assert read_identity(identity.uri) == identity


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "urn:firmhold",
        "urn:firmhold:",
        "urn:firmhold:full",
        "urn:firmhold:full:",
        "urn:firmhold:root:camera-7",
        "urn:firmhold:FULL:camera-7",
        "URN:FIRMHOLD:full:camera-7",
        " urn:firmhold:full:camera-7",
        "urn:firmhold:full:camera-7 ",
        "urn:firmhold:full:camera-7\n",
        "urn:firmhold:full:camera-7:camera-8",
        "urn:firmhold:full:urn:firmhold:full:camera-8",
        "urn:firmhold:full:../camera-8",
        "https://urn:firmhold:full:camera-7",
        "urn:firmhold:full:" + "x" * 65,
        "urn:firmhold:full:caméra",
    ],
)
def test_no_other_form_is_a_name(uri: str) -> None:
    """Nothing that only looks like a name is one: it could be taken for another device's."""
    with pytest.raises(Refused) as caught:
        read_identity(uri)
    assert caught.value.code is Code.PROTOCOL_IDENTITY


@pytest.mark.parametrize("name", ["", ".", "-a", "_a", "a/b", "a b", "a%2fb", "a\0b", "x" * 65])
def test_a_device_has_a_name_that_is_one_step_of_a_path(name: str) -> None:
    """A name that could lead elsewhere, or that nobody can read, is no device's."""
    with pytest.raises(Refused) as caught:
        device_id(name, "here")
    assert caught.value.code is Code.PROTOCOL_IDENTITY
    assert "here" in str(caught.value)


@pytest.mark.parametrize("path", ["1.root.json", "feature/camera/7.json", "a b/%2e?#", "é/ü"])
def test_any_name_of_a_repository_is_part_of_a_path(path: str) -> None:
    """What a name has in it, it still has at the other end; its slashes are slashes."""
    assert unquoted(quoted(path)) == path
    assert quoted(path).count("/") == path.count("/")
    assert not set(quoted(path)) & set("?# ")
