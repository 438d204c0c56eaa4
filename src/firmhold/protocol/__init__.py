"""What travels between a device and its fleet server: paths, messages, names. Pure."""
