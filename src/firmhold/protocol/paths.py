"""Where a device asks. The device port demands a client certificate; the enrolment port has none.

Every path of the device port is about the device that the certificate names, and about no other:
none of them has a device's name in it.
"""

from urllib.parse import quote, unquote

# The device port.
CHECK_IN = "/v1/check-in"
REPORT = "/v1/report"
CERTIFICATE = "/v1/certificate"
IMAGE_METADATA = "/v1/image/metadata/"
IMAGE_TARGETS = "/v1/image/targets/"
DIRECTOR_METADATA = "/v1/director/"
PAYLOADS = "/v1/payloads/"

# The enrolment port.
ENROL = "/v1/enrol"
ACTIVATION = "/v1/activation"
CHALLENGE = "/v1/challenge"
RECOVERY = "/v1/recovery"


def quoted(path: str) -> str:
    """Return a name of a repository as a part of a path, its slashes kept."""
    return quote(path, safe="/")


def unquoted(path: str) -> str:
    """Return the name that `quoted` wrote."""
    return unquote(path)
