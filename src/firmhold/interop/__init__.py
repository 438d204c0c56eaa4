"""Foreign tongues: the command lines and protocols by which outside suites and tools meet us."""
