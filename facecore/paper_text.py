"""What can be compared with the paper and what not, and where the paper contradicts itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from facecore.labels import display_name
from facecore.paper import CorrectedCell

Verdict = Literal["like with like", "partly", "not like with like"]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Whether one side of a comparison with the paper is fair, and why."""

    topic: str
    verdict: Verdict
    reason: str


CONTRADICTIONS: tuple[str, ...] = (
    "The abstract gives Model 1 a validation accuracy of 60.12 %, section 5.2 gives 60.10 %.",
    "Section 5.4 says that Model 2 found fewer images of every class aside from Fear and Anger. "
    "The matrices say: Angry +0.10, Sad +1.01 and Surprise +1.44 percentage points, Fear −5.68, "
    "Happy −0.76 and Neutral −13.72, which is not “minimal”.",
    "Section 5.2 finds no leaning of Model 1 towards Happy; it predicts Happy 315 times too often "
    "(9,614 instead of 9,299), though far less than Neutral (1,505 times too often).",
    "Section 5.7 says that Model 3 overpredicts Sad. It does by 1.14 percentage points, Model 2 "
    "by 6.39; what Model 3 overpredicts most is Angry (2.02).",
    "Model 3's smallest total difference holds 1.58 points that Models 2 and 3 cannot avoid, "
    "because they cannot answer Disgust; and, as the paper says itself, a small total difference "
    "does not make single answers right.",
    "The paper states 35,864 images; the columns of its matrices hold 35,867, and those of Model 3 "
    "35,868: its Happy percentages fit 9,300 images, not 9,299.",
)
"""Where the paper's prose and its own tables disagree."""

WHY_SUMS_DIFFER = (
    "The sums 14.97, 13.11 and 10.14 follow from the percentages as the paper prints them: rounded "
    "to two decimals, and divided by the 35,864 images that it states. The rebuilt counts hold "
    "35,867 images (35,868 for Model 3) and are not rounded, so that the same summing function "
    "gives 14.95, 13.12 and 10.15. Nothing else differs."
)

HOW_REBUILT = (
    "The paper prints percentages only. Each image count here is the only whole number that gives "
    "the printed percentage of its column; four totals that the text quotes (marked below) come "
    "out exactly."
)


def describe_likeness(dataset: str, split: str) -> tuple[Likeness, ...]:
    """Say for each side of the comparison whether the paper's figures and ours are alike.

    Args:
        dataset: that our models are compared on.
        split: of the data set.
    """
    return (
        _describe_images(dataset, split),
        _describe_labels(dataset),
        _describe_accuracy(dataset, split),
        Likeness(
            "Recipes",
            "like with like",
            "The same three ideas: Model 1 learns all seven classes, Model 2 leaves out Disgust, "
            "Model 3 leaves out Disgust and takes about 4,000 images of each other class.",
        ),
        Likeness(
            "Networks",
            "not like with like",
            "Ours have another architecture and training. And our training images hold no copy of "
            "an image that is judged later; the paper says nothing of the many identical pictures "
            "in FER-2013.",
        ),
    )


def describe_correction(cells: Sequence[CorrectedCell]) -> str:
    """Explain the misprinted cells in words."""
    parts = [
        f"{display_name(c.predicted)} (printed {c.printed_percent} %, rebuilt {c.percent} %, "
        f"{c.count_range[0]} to {c.count_range[1]} images)"
        for c in cells
    ]
    first = cells[0]
    return (
        f"Two cells of the paper's Model {first.model}, of the images labelled "
        f"{display_name(first.labelled)}, are misprints: {' and '.join(parts)}. The printed values "
        "are those of the Disgust column, and as printed the column adds to 112.99 %. The other "
        "five cells and the totals of Figure 5.7.1 leave only the rebuilt values."
    )


def _describe_images(dataset: str, split: str) -> Likeness:
    paper = (
        "The paper's matrices, classes and totals cover its whole data set, three quarters of "
        "which its models were trained on"
    )
    if (dataset, split) == ("fer2013", "all"):
        return Likeness(
            "Images of matrices, classes and totals",
            "partly",
            f"{paper}. Ours here cover the whole of FER-2013 too, four fifths of which our models "
            "were trained on. Neither says how a model does on faces that it has not seen.",
        )
    return Likeness(
        "Images of matrices, classes and totals",
        "not like with like",
        f"{paper}, so that they flatter it: 75.5, 71.9 and 67.3 % there against 60.1, 61.3 and "
        "57.2 % on held-out images. Ours here are another, smaller set of images. Only the whole "
        "of FER-2013 (under “Images”, where it was evaluated) comes closer.",
    )


def _describe_labels(dataset: str) -> Likeness:
    moved = (
        "The authors moved images to other classes by hand (against Kaggle's file: Happy +310, Sad "
        "+97, Disgust +20, Surprise +13, Neutral −283, Angry −145, Fear −32) and dropped 20"
    )
    if dataset == "fer2013":
        reason = f"{moved}; ours are Kaggle's labels as they are."
        return Likeness("Labels", "partly", reason)
    reason = f"{moved}; the labels of {dataset} are others altogether."
    return Likeness("Labels", "not like with like", reason)


def _describe_accuracy(dataset: str, split: str) -> Likeness:
    topic = "Validation accuracies"
    if dataset != "fer2013":
        return Likeness(
            topic,
            "not like with like",
            "The paper's 60.1, 61.3 and 57.2 % are of FER-2013's labels; choose FER-2013's "
            "held-out images above to compare with them.",
        )
    if split == "all":
        return Likeness(
            topic,
            "not like with like",
            "The paper's 60.1, 61.3 and 57.2 % are of held-out images; ours here include training "
            "images. Choose held-out images above to compare with them.",
        )
    return Likeness(
        topic,
        "partly",
        "Held-out images on both sides: a quarter of the data set in the paper, on which it also "
        "chose the kept epoch, and Kaggle's own split here. The paper's Models 2 and 3 were judged "
        "without Disgust images, so compare them with ours “without Disgust”.",
    )
