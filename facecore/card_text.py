"""A model card in words, for the command line and the dashboard."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from facecore.datasets_info import describe_excluded
from facecore.errors import InvalidModelCardError
from facecore.labels import display_name
from facecore.registry import ModelCard

_MAX_GROUPS = 9


@dataclass(frozen=True, slots=True)
class CardSection:
    """A heading and its lines, plain text without markup."""

    title: str
    lines: tuple[str, ...]


def describe_card(card: ModelCard) -> tuple[CardSection, ...]:
    """Return everything that a card states, in the order in which a stranger needs it.

    Raises:
        InvalidModelCardError: if a part of the card is not as the trainer writes it.
    """
    try:
        sections = {
            "What it is": _describe_network(card),
            "Intended use": [card.intended_use],
            "Excluded uses": [card.excluded_uses],
            "Known failures": [*card.limitations, *_describe_confusions(card)],
            "Results": _describe_results(card.metrics),
            "Results by group": _describe_groups(card.metrics),
            "Undecided": _describe_threshold(card),
            "Data": [_describe_source(source) for source in card.training.get("datasets", ())],
            "Protocol": [card.training.get("protocol", ""), *_describe_training(card.training)],
            "Framing": _describe_framing(card),
            "Licence": [card.licence],
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidModelCardError(
            f"The card of model '{card.name}' cannot be shown ({error!r}); restore the folder or "
            "train the model again."
        ) from error
    told = {title: tuple(filter(None, lines)) for title, lines in sections.items()}
    return tuple(CardSection(title, lines) for title, lines in told.items() if lines)


def card_to_text(card: ModelCard) -> str:
    """Return the whole card as plain text.

    Raises:
        InvalidModelCardError: as for ``describe_card``.
    """
    parts = [f"{card.title} ({card.name})"]
    for section in describe_card(card):
        parts += ["", section.title, *(f"  {line}" for line in section.lines)]
    return "\n".join(parts)


def _describe_network(card: ModelCard) -> list[str]:
    spec = card.input
    return [
        f"Says of a face which {card.task} it looks like: {_join(card.labels)}.",
        f"{card.architecture}, {card.num_parameters:,} parameters; sees "
        f"{'grey' if spec.color == 'gray' else 'colour'} pictures of {spec.width}x{spec.height} "
        "pixels.",
        f"SHA-256 of the network: {card.sha256}",
    ]


def _describe_results(metrics: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {_describe_numbers(numbers)}" for name, numbers in sorted(metrics.items())]


def _describe_numbers(numbers: Mapping[str, Any]) -> str:
    parts = [f"accuracy {_with_interval(numbers, 'accuracy')} on {numbers['num_images']:,} images"]
    if "known_accuracy" in numbers:
        parts.append(
            f"on the {numbers['num_known_images']:,} of the classes it knows "
            f"{_with_interval(numbers, 'known_accuracy')}"
        )
    if "macro_f1" in numbers:
        parts.append(f"macro F1 {_with_interval(numbers, 'macro_f1', '.3f')}")
    if "ece" in numbers:
        parts.append(f"calibration error {numbers['ece']:.1%}")
    text = ", ".join(parts)
    if "flip_accuracy" in numbers:
        text += f"; with mirror images averaged in {_with_interval(numbers, 'flip_accuracy')}"
    if numbers.get("excluded"):
        text += f". {describe_excluded(numbers['excluded'])}"
    return text


def _with_interval(numbers: Mapping[str, Any], name: str, layout: str = ".1%") -> str:
    value = format(numbers[name], layout)
    if f"{name}_interval" not in numbers:  # cards from before it was computed
        return value
    low, high = (format(bound, layout) for bound in numbers[f"{name}_interval"])
    return f"{value} (95% interval {low} to {high})"


def _describe_groups(metrics: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, numbers in sorted(metrics.items()):
        for people, view in numbers.get("groups", {}).items():
            who = "aged 20 and older" if people == "adults" else people
            lines.append(f"{name}, {who}: accuracy {_with_interval(view, 'accuracy')}")
            for attribute, table in view["by"].items():
                rows = ", ".join(
                    f"{row['value'].replace('_', ' or ')} {_with_interval(row, 'accuracy')}"
                    for row in table["worst_first"][:_MAX_GROUPS]
                )
                lines.append(f"by {attribute}, worst first: {rows}")
    return lines


def _describe_confusions(card: ModelCard) -> list[str]:
    lines = []
    for name, numbers in sorted(card.metrics.items()):
        pairs = [
            f"{display_name(pair['truth'])} taken for {display_name(pair['answer'])} "
            f"({pair['share']:.0%} of its images)"
            for pair in numbers.get("confusions", ())
        ]
        if pairs:
            lines.append(f"Confused most often on {name}: {', '.join(pairs)}.")
        recalls = numbers.get("recalls", {})
        if len(recalls) > 1:
            rarest = min(recalls, key=lambda label: float(recalls[label]))
            lines.append(
                f"Found least often on {name}: {display_name(rarest)} ({recalls[rarest]:.0%})."
            )
    return lines


def _describe_threshold(card: ModelCard) -> list[str]:
    if not card.threshold:
        return ["Always decides."]
    told = card.threshold_choice
    lines = [f"Below {card.threshold:.0%} confidence it is shown as undecided."]
    if told:
        lines.append(
            f"On {told['dataset']} {told['split']}, {told['coverage']:.1%} of "
            f"{told['num_images']:,} images are decided, {told['accuracy']:.1%} of these rightly."
        )
    return lines


def _describe_source(source: Mapping[str, Any]) -> str:
    text = f"{source['name']} {source.get('split', '')} ({source.get('use', 'used')})"
    if "num_images" in source:
        text += f": {source['num_images']:,} images"
        if source.get("num_distinct_images", source["num_images"]) < source["num_images"]:
            text += f", {source['num_distinct_images']:,} of them distinct"
        counts = source.get("num_per_class", {})
        distinct = source.get("num_distinct_per_class", counts)
        if counts:
            text += f" ({_join(_describe_count(n, counts[n], distinct[n]) for n in counts)})"
    if source.get("licence"):
        text += f". {source['licence']}"
    return text


def _describe_count(label: str, num: int, num_distinct: int) -> str:
    repeats = f", {num_distinct:,} distinct" if num_distinct < num else ""
    return f"{label} {num:,}{repeats}"


def _describe_training(training: Mapping[str, Any]) -> list[str]:
    if "best_epoch" not in training:
        return []
    versions = ", ".join(f"{name} {text}" for name, text in training.get("versions", {}).items())
    return [
        f"Kept: epoch {training['best_epoch']} of {training['epochs']}, the one of the lowest "
        f"validation loss; seed {training['seed']}; {training['duration_s'] / 60:.0f} minutes.",
        versions,
    ]


def _describe_framing(card: ModelCard) -> list[str]:
    lines = [
        f"A live crop is {card.input.margin:+.0%} larger than the box of the search, its centre "
        f"{card.input.shift_y:.0%} of the box lower."
    ]
    if "method" in card.framing:
        lines.append(str(card.framing["method"]))
    return lines


def _join(words: Iterable[str]) -> str:
    return "; ".join(words)
