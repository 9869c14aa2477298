"""The compared networks in one table, with marks only where a test gives them, and in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from facecore.comparison_bootstrap import METRICS, MetricDraws, compute_draws
from facecore.comparison_tests import Agreement, PairTest, best_models
from facecore.comparison_types import ComparedModel, Comparison
from facecore.evaluation_metrics import Scores


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One network of the table.

    Args:
        name: of the bundle.
        title: short.
        scores: on the images of the comparison, fractions 0-1.
        num_parameters: weights and biases in all.
        ms_per_face: of the evaluation, loading included; None where it was not measured.
        training_minutes: None where the card does not say.
        best: the metrics in whose column the network deserves a mark.
    """

    name: str
    title: str
    scores: Scores
    num_parameters: int
    ms_per_face: float | None
    training_minutes: float | None
    best: frozenset[str]


def compute_overview(
    comparison: Comparison, draws: MetricDraws | None = None
) -> tuple[ModelRow, ...]:
    """Return one row per network, in their order.

    Args:
        comparison: of any number of networks.
        draws: of this comparison, to save drawing them again.
    """
    draws = draws or compute_draws(comparison)
    best = {metric: best_models(comparison, metric, draws) for metric in METRICS}
    return tuple(
        ModelRow(
            name=model.name,
            title=model.title,
            scores=model.scores,
            num_parameters=model.card.num_parameters,
            ms_per_face=1000 / model.images_per_s if model.images_per_s else None,
            training_minutes=_to_minutes(model.card.training.get("duration_s")),
            best=frozenset(metric for metric, names in best.items() if model.name in names),
        )
        for model in comparison.models
    )


def describe_comparison(comparison: Comparison, pairs: Sequence[PairTest]) -> str:
    """Say in one or two sentences which network is right most often and whether that is real.

    Titles come from the cards: a page has to escape the text.

    Args:
        comparison: of any number of networks.
        pairs: its paired tests.
    """
    models = sorted(comparison.models, key=lambda model: -model.scores.accuracy)
    top, others = models[0], models[1:]
    where = f"On {len(comparison.y_true):,} images, {top.title} gives the labelled {top.card.task}"
    if not others:
        low, high = top.scores.accuracy_interval
        return f"{where} in {top.scores.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})."
    what = f"{where} most often ({top.scores.accuracy:.1%})"
    told = {frozenset((test.name_a, test.name_b)) for test in pairs if test.significant}
    worse = [model for model in others if frozenset((top.name, model.name)) in told]
    level = [model for model in others if model not in worse]
    if not worse:
        return f"{what}, but the paired tests cannot tell it from {_list(level)}: it may be chance."
    if not level:
        return f"{what}; that it is ahead of {_list(worse)} is more than chance."
    return (
        f"{what}. The paired tests cannot tell it from {_list(level)}; that it is ahead of "
        f"{_list(worse)} is more than chance."
    )


def describe_agreement(agreement: Agreement) -> str:
    """Say in one sentence how often all networks are right, all wrong, and of one mind."""
    n = agreement.num_images
    return (
        f"All are right on {agreement.all_right / n:.1%} of the images and all wrong on "
        f"{agreement.all_wrong / n:.1%}; on {agreement.same_wrong_answer / n:.1%} they give the "
        "same answer, which is not the label."
    )


def _list(models: Sequence[ComparedModel]) -> str:
    words = [f"{model.title} ({model.scores.accuracy:.1%})" for model in models]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _to_minutes(duration_s: float | None) -> float | None:
    return None if duration_s is None else duration_s / 60
