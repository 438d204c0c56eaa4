"""The name of one device, as it was enrolled: reports, statements and orders are bound to it."""

from typing import NewType

DeviceId = NewType("DeviceId", str)
"""The one name of a device, in every document that is about it."""
