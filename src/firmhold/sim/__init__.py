"""The whole world in one process: a repository that lies, a network that fails, a hostile hand.

It ships, so that others can test their own clients and repositories against it. An attack here
changes bytes on disk or on the wire and nothing else: the code under attack is the code that ships.
"""
