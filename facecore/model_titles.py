"""What models are called: no two alike, since people choose by that."""

from collections import Counter
from collections.abc import Mapping

from facecore.label_sets import compose
from facecore.registry import list_cards


def is_title_taken(title: str, except_for: str = "") -> bool:
    """Tell whether a model is called so already, but for spaces, capitals and how accents are made.

    Args:
        title: as a user wrote it.
        except_for: name of a bundle that may be called so.
    """
    wanted = _fold(title)
    return any(_fold(card.title) == wanted for card in list_cards() if card.name != except_for)


def tell_apart(titles: Mapping[str, str]) -> dict[str, str]:
    """Return bundle name -> title, with the name behind titles that several have.

    Bundles that were copied in by hand may be called like others.
    """
    counts = Counter(titles.values())
    return {n: title if counts[title] == 1 else f"{title} ({n})" for n, title in titles.items()}


def _fold(title: str) -> str:
    return " ".join(compose(title).casefold().split())
