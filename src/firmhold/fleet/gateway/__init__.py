"""The gateway: the ports that devices reach. It signs nothing that a device believes."""
