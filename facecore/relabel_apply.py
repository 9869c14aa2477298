"""A data set with the labels that people decided on; its pixels stay as they are."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facecore.datasets_common import FaceDataset
from facecore.errors import CorrectionsError
from facecore.relabel_decisions import NOT_A_FACE, Decision


@dataclass(frozen=True, slots=True)
class AppliedCorrections:
    """What decisions did to a data set.

    Args:
        relabelled: (old, new) -> number of pictures with another label now.
        num_left_out: pictures that are no faces.
        num_kept: pictures whose label was confirmed.
        num_elsewhere: decisions on pictures that stand in another part of the data set.
    """

    relabelled: dict[tuple[str, str], int]
    num_left_out: int
    num_kept: int
    num_elsewhere: int = 0

    @property
    def num_relabelled(self) -> int:
        """How many pictures have another label now."""
        return sum(self.relabelled.values())


def apply_decisions(
    dataset: FaceDataset, decisions: Sequence[Decision], elsewhere: Collection[str] = ()
) -> tuple[FaceDataset, AppliedCorrections]:
    """Return the data set with other labels and without what is no face.

    Args:
        dataset: the pictures to correct.
        decisions: one per picture; several that say the same are one.
        elsewhere: ids of pictures that may be decided on but are not to be corrected, such as
            those that were held out.

    Raises:
        CorrectionsError: if a decision is about an unknown picture, a label that the picture has
            not, a label that the data set has not, or contradicts another.
    """
    rows = {sample_id: row for row, sample_id in enumerate(dataset.sample_ids.tolist())}
    chosen = _choose_one_each(decisions)
    y_true = dataset.y_true.copy()
    kept = np.ones(len(dataset), dtype=np.bool_)
    relabelled: Counter[tuple[str, str]] = Counter()
    num_kept = num_elsewhere = 0
    for decision in chosen.values():
        if decision.new not in (*dataset.labels, NOT_A_FACE):
            raise CorrectionsError(
                f"The corrections call picture '{decision.image}' '{decision.new}', which is no "
                f"label of {dataset.name}; use one of {', '.join(dataset.labels)} or {NOT_A_FACE}."
            )
        row = rows.get(decision.image)
        if row is None:
            if decision.image not in elsewhere:
                raise CorrectionsError(
                    f"The corrections name a picture '{decision.image}', which {dataset.name} "
                    f"{dataset.split} does not have; they must be of this data set and split."
                )
            num_elsewhere += 1
            continue
        label = dataset.labels[dataset.y_true[row]]
        if decision.old != label:
            raise CorrectionsError(
                f"The corrections say that picture '{decision.image}' is labelled "
                f"'{decision.old}', but {dataset.name} {dataset.split} labels it '{label}'; they "
                "were made for other data, so none of them is used."
            )
        if decision.new == NOT_A_FACE:
            kept[row] = False
        elif decision.is_change:
            y_true[row] = dataset.labels.index(decision.new)
            relabelled[decision.old, decision.new] += 1
        else:
            num_kept += 1
    corrected = replace(dataset, y_true=y_true).select(np.flatnonzero(kept))
    applied = AppliedCorrections(
        relabelled=dict(sorted(relabelled.items())),
        num_left_out=int((~kept).sum()),
        num_kept=num_kept,
        num_elsewhere=num_elsewhere,
    )
    return corrected, applied


def _choose_one_each(decisions: Sequence[Decision]) -> dict[str, Decision]:
    chosen: dict[str, Decision] = {}
    for decision in decisions:
        first = chosen.setdefault(decision.image, decision)
        if (first.old, first.new) != (decision.old, decision.new):
            raise CorrectionsError(
                f"The corrections say two things about picture '{decision.image}' "
                f"({first.old} to {first.new}, {decision.old} to {decision.new}); merge them "
                "first: python -m facecore relabel --merge, or the page Relabel."
            )
    return chosen
