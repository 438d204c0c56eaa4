"""The half of a device that has the network: it brings bytes, and is believed in nothing."""
