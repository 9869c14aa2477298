"""The sections of the comparison page that show charts: each alone, on small made-up answers."""

import numpy as np
import pytest
from comparison_files import draw_answers, write_bundle
from streamlit.testing.v1 import AppTest

from facecore.labels import EXPRESSIONS

WITHOUT_DISGUST = tuple(label for label in EXPRESSIONS if label != "disgust")
SECTIONS = ("matrices", "classes", "curves", "paper")


def show_section(name, bundles, view, orientation, show_paper, dataset="fer2013") -> None:
    from importlib import import_module

    from facecore.comparison import load_comparison
    from pages._compare_choices import Choices

    comparison = load_comparison(bundles, dataset, "validation", view)
    show = getattr(import_module(f"pages._compare_{name}"), f"show_{name}")
    show(comparison, Choices(view, orientation, show_paper))


def open_section(name, bundles, view="all", orientation="truth", show_paper=False) -> AppTest:
    args = (name, bundles, view, orientation, show_paper)
    app = AppTest.from_function(show_section, default_timeout=120, args=args).run()
    assert not app.exception, app.exception
    return app


def write_models(root, num=3):
    y_true = np.tile(np.arange(7), 20)
    bundles = []
    for number in range(1, num + 1):
        columns = EXPRESSIONS if number == 1 else WITHOUT_DISGUST
        kept = [EXPRESSIONS.index(label) for label in columns]
        probs = draw_answers(y_true, 7, 1.5, seed=number)[:, kept]
        bundles.append(
            write_bundle(
                root,
                f"model {number}",  # its title is "Model <number>"
                y_true,
                probs / probs.sum(axis=1, keepdims=True),
                columns=columns,
                labels=EXPRESSIONS,
                dataset="fer2013",
                split="validation",
                training={"best_epoch": 2},
            )
        )
    return bundles


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"))


def captions(app):
    return " ".join(caption.value for caption in app.caption)


def count_charts(app):
    return len(app.get("plotly_chart"))


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("view", ["all", "known"])
def test_sections_explain_their_charts_and_give_their_numbers(bundles, name, view):
    app = open_section(name, bundles, view, show_paper=True)
    assert "How to read it" in captions(app)
    assert count_charts(app) > 0
    assert app.get("download_button")


def test_matrices_stand_side_by_side_with_the_papers(bundles):
    ours = open_section("matrices", bundles)
    assert count_charts(ours) == 4  # three matrices and a difference
    assert "not like with like" not in captions(ours)
    both = open_section("matrices", bundles, orientation="predicted", show_paper=True)
    assert count_charts(both) == 7
    titles = [text.value for text in both.markdown if "Model" in text.value]
    assert titles[:3] == ["**Model 1**", "**Model 2**", "**Model 3**"]
    assert all("Paper" in title for title in titles[3:6])
    assert "not like with like" in captions(both)
    assert "21.87 %, rebuilt 10.57 %" in captions(both)


@pytest.mark.parametrize("measure", ["labelled", "predicted", "counts"])
def test_matrices_have_three_measures(bundles, measure):
    app = open_section("matrices", bundles)
    app.segmented_control(key="compare_measure").set_value(measure).run()
    assert not app.exception
    assert count_charts(app) == 4


def test_difference_is_of_two_different_models(bundles):
    app = open_section("matrices", bundles)
    first = app.selectbox(key="compare_difference_first")
    second = app.selectbox(key="compare_difference_second")
    assert (first.value, second.value) == ("model 1", "model 2")
    first.set_value("model 2").run()
    assert not app.exception
    second = app.selectbox(key="compare_difference_second")
    assert second.value != "model 2"
    assert len(second.options) == 2


def test_one_model_has_no_difference(bundles):
    app = open_section("matrices", bundles[:1])
    assert count_charts(app) == 1
    assert "at least two models" in app.info[0].value


def test_more_than_three_models(tmp_path):
    bundles = write_models(tmp_path, num=5)
    assert count_charts(open_section("matrices", bundles)) == 6
    assert count_charts(open_section("classes", bundles, show_paper=True)) == 9
    open_section("curves", bundles)


def test_classes_begin_with_disgust(bundles):
    app = open_section("classes", bundles)
    headings = [t.value for t in app.markdown if t.value.startswith("**Labelled")]
    assert headings[0].startswith("**Labelled Disgust**")
    assert len(headings) == 7
    fair = open_section("classes", bundles, "known")
    assert len([t for t in fair.markdown if t.value.startswith("**Labelled")]) == 6


def test_totals_table_has_the_papers_printed_columns_and_sums(bundles):
    table = open_section("classes", bundles, show_paper=True).table[0].value
    assert [name for name in table.columns if "actual" in name.lower()] == [
        "Actual",
        "Paper: actual",
    ]
    sums = [value.strip("*") for value in table.iloc[-1].tolist()]
    assert sums[-3:] == ["14.97", "13.11", "10.14"]
    assert table.loc["Disgust"].tolist()[-3:] == ["0.84", "0.00", "0.00"]


def test_fair_totals_of_the_paper_come_from_its_rebuilt_counts(bundles):
    app = open_section("classes", bundles[1:], "known", show_paper=True)
    table = app.table[0].value
    assert table.loc["Disgust"].tolist()[:3] == ["–", "–", "–"]  # our two lack the class
    assert "14.97" not in table.iloc[-1].tolist()
    assert "columns are as printed" not in captions(app)


def test_class_that_a_model_lacks_has_no_areas(bundles):
    app = open_section("curves", bundles)
    areas = app.table[0].value
    assert areas.loc["Disgust"].tolist()[1:] == ["–", "–"]
    app.selectbox(key="compare_curve_class").set_value("disgust").run()
    assert not app.exception


def test_paper_section_states_sums_totals_and_misprints(bundles):
    app = open_section("paper", bundles)
    headline, totals, counts = (table.value for table in app.table)
    assert headline.loc["Paper: held-out images"].tolist() == [
        "60.1% (7 classes)",
        "61.3% (6 classes)",
        "57.2% (6 classes)",
    ]
    assert headline.loc["Paper: whole data set"].tolist() == ["75.5%", "71.9%", "67.3%"]
    assert headline.loc["Ours: kept epoch"].tolist() == ["2 of 2"] * 3
    assert [v.strip("*") for v in totals.loc["Total difference"]] == [
        "–",
        "14.97",
        "13.11",
        "10.14",
    ]
    assert totals.iloc[-1].tolist() == ["–", "14.95", "13.12", "10.15"]
    assert counts.loc["Neutral"].tolist()[1:3] == ["**7,420**", "**5,714**"]
    assert counts.loc["Disgust"].iloc[1] == "**303**"
    assert counts.loc["Sad"].iloc[2] == "**8,468**"
    assert "rounded to two decimals" in captions(app)
    text = " ".join(element.value for element in app.markdown)
    assert "not like with like" in text
    assert "112" in text
