"""How long work tells how far it is, the same everywhere."""

from collections.abc import Callable

OnProgress = Callable[[int, int | None], None]
"""Called with the units done and their total, if known; raising from it cancels the work."""
