"""The fleet server: what each device is to install, and what devices say that they did."""
