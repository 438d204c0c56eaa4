"""How long to wait before the next check-in: never all devices at once, never for nothing."""

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 6 * 3600.0
JITTER = 0.2


def next_wait(wait: float, failures: int, chance: float) -> float:
    """Return seconds to wait; `chance` is a random number from 0 up to 1.

    After a success: what the server said, a fifth more or less. After failures: anything up to a
    bound that doubles with each, so that a server that comes back is not met by everybody.
    """
    if failures == 0:
        return wait * (1 + JITTER * (2 * chance - 1))
    bound = min(FIRST_SECONDS * 2.0 ** min(failures - 1, 32), LONGEST_SECONDS)
    return max(1.0, bound * chance)
