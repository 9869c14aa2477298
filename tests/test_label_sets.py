"""Labels of one's own: what they may be, their order, their colours."""

import pytest

from facecore.label_sets import check_labels, compute_colors, is_known, order_labels
from facecore.labels import COLORS, EXPRESSIONS


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["happy"], "two or more"),
        (["happy", "happy"], "two or more"),
        (["happy", ""], "empty"),
        (["happy", " sad"], "spaces"),
        (["happy", "a\nb"], "spaces"),
        (["happy", "x" * 31], "longer"),
        (["happy", "undecided"], "not sure"),
        (["happy", "Tired"], "small letters"),
        (["happy", "<b>x</b>"], "< > in it, which pages and charts could take for markup"),
        (["happy", "**x**"], "markup"),
        (["happy", "[x](http://y)"], "markup"),
        (["happy", ":material/home:"], "markup"),
        (["happy", "$x$"], "markup"),
        (["happy", "&lt;"], "markup"),
    ],
)
def test_labels_that_cannot_be(labels, words):
    with pytest.raises(ValueError, match=words):
        check_labels(labels)


def test_own_labels_stand_behind_the_known_ones():
    check_labels(["tired", "happy", "très-à l'aise (2)", "眠い", "😀", "sad/angry", "हँसना"])
    assert order_labels(["undecided", "tired", "happy", "bored", "angry", "happy"]) == (
        "angry",
        "happy",
        "tired",
        "bored",
        "undecided",
    )
    assert is_known("expression", ["happy", "undecided"])
    assert not is_known("gender", ["man", "happy"])


def test_own_labels_take_colours_that_are_free():
    colors = compute_colors([*EXPRESSIONS, "tired", "bored"])
    assert {name: colors[name] for name in EXPRESSIONS} == {k: COLORS[k] for k in EXPRESSIONS}
    assert len(set(colors.values())) == 9
    many = compute_colors(f"label {i}" for i in range(30))
    assert len(set(list(many.values())[:12])) == 12
