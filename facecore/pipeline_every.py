"""What searching faces less often saves and loses, in words for whoever chooses it."""

from dataclasses import dataclass

DETECT_EVERY = (1, 2, 3)
"""The choices whose loss is known."""


@dataclass(frozen=True, slots=True)
class SearchLoss:
    """What ``benchmarks/detect_every.py`` measured on filmed clips, against every frame.

    Args:
        time: share of the time that an analysis still takes.
        people: share of the people that were still found.
        frames: share of frames with the same faces at the same places (overlap of a half or more).
        labels: share of these faces' words that were the same.
    """

    time: float
    people: float
    frames: float
    labels: float


MEASURED = {
    2: SearchLoss(time=0.83, people=1.0, frames=1.0, labels=1.0),
    3: SearchLoss(time=0.78, people=1.0, frames=1.0, labels=0.986),
}


def name_search(every: int) -> str:
    """Return how often faces are searched, in a word or two."""
    endings = {2: "nd", 3: "rd"}
    return "every frame" if every == 1 else f"every {every}{endings.get(every, 'th')} frame"


def describe_search(every: int) -> str:
    """Return one sentence on what a choice of ``DETECT_EVERY`` saves and loses."""
    if every == 1:
        return "Faces are searched in every frame: this takes longest and misses least."
    loss = MEASURED[every]
    return (
        f"Faces are searched in {name_search(every)}, at least four times a second, and move on "
        f"straight lines in between. On our test clips an analysis then took {loss.time:.0%} of "
        f"the time, found {loss.people:.0%} of the people, had the same faces in {loss.frames:.0%} "
        f"of the frames and the same words for {loss.labels:.0%} of them; quick movements and "
        "short appearances suffer most."
    )
