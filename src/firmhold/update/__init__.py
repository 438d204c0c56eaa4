"""What an update is, and what it does to a device. Pure: no I/O, no clock, no chance."""
