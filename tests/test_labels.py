from facecore.labels import COLORS, EXPRESSIONS, SHOWN_LABELS, display_answer, to_rgb


def test_expression_order_is_that_of_the_fer2013_csv():
    assert EXPRESSIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_each_label_has_its_own_colour_within_its_task():
    for labels in SHOWN_LABELS.values():
        assert len({COLORS[label] for label in labels}) == len(labels)
    assert to_rgb("#D55E00") == (213, 94, 0)


def test_undecided_gender_is_told_from_an_undecided_expression():
    assert display_answer("expression", "undecided") == "Undecided"
    assert display_answer("gender", "undecided") == "Gender undecided"
    assert display_answer("gender", "woman") == "Woman"
