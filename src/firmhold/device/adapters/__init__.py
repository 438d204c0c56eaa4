"""The device's ports on a real machine: files, block devices, a boot record, checks of health."""
