"""How much of the processor a live session takes."""

# More analyses than so many a second nobody sees, and the pictures of all users need the same
# processors.
_SHORTEST_STEP_S = 1 / 15
_REST_SHARE = 0.5  # of the time that the analysis took
_LONGEST_REST_S = 0.05


def compute_rest(took_s: float) -> float:
    """Return how many seconds to rest after an analysis that took so long."""
    return min(max(_SHORTEST_STEP_S - took_s, _REST_SHARE * took_s), _LONGEST_REST_S)
