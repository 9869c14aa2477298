"""Paired tests, bootstrap and totals against tables worked out by hand, SciPy and scikit-learn."""

import numpy as np
import pytest
from comparison_files import draw_answers, write_bundle
from scipy import stats
from sklearn import metrics as sk

from facecore.comparison import ConfusionTable, load_comparison
from facecore.comparison_bootstrap import METRICS, compute_draws, compute_normal_p
from facecore.comparison_overview import (
    compute_overview,
    describe_agreement,
    describe_comparison,
)
from facecore.comparison_tests import (
    adjust_holm,
    best_models,
    compare_pairs,
    compute_agreement,
    compute_difference_table,
    compute_exact_p,
    compute_mcnemar,
)
from facecore.comparison_totals import (
    compute_classwise,
    compute_total_percentages,
    sum_differences,
)
from facecore.evaluation_metrics import compute_ece, compute_reliability_bins
from facecore.labels import EXPRESSIONS
from facecore.paper import load_paper

LABELS = ("angry", "happy", "sad")


def certain(answers):
    """Probabilities of a network that is sure of each answer."""
    return np.eye(len(LABELS))[answers] * 0.97 + 0.01


@pytest.fixture
def three(tmp_path):
    """Right: a on 0-4, b on 0-3 and 6, c on 0 and 1; 6 images of 7 are disputed or lost."""
    answers = {
        "a": [0, 0, 1, 1, 2, 0, 0],
        "b": [0, 0, 1, 1, 0, 0, 2],
        "c": [0, 0, 2, 2, 0, 0, 1],
    }
    y_true = [0, 0, 1, 1, 2, 2, 2]
    bundles = [
        write_bundle(tmp_path, name, y_true, certain(codes), labels=LABELS)
        for name, codes in answers.items()
    ]
    return load_comparison(bundles, "made", "test")


@pytest.fixture(scope="module")
def skilled(tmp_path_factory):
    """Two equally good networks and a clearly worse one that lacks "disgust"."""
    root = tmp_path_factory.mktemp("skilled")
    y_true = np.random.default_rng(7).integers(0, 7, 800)
    six = tuple(name for name in EXPRESSIONS if name != "disgust")
    worse = draw_answers(np.where(y_true > 1, y_true - 1, 0), 6, 0.7, seed=3)
    bundles = [
        write_bundle(root, "a", y_true, draw_answers(y_true, 7, 2.5, seed=7)),
        write_bundle(root, "b", y_true, draw_answers(y_true, 7, 2.5, seed=4)),
        write_bundle(root, "c", y_true, worse, columns=six),
    ]
    return load_comparison(bundles, "made", "test", "known")


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (1, 0), (0, 5), (3, 3), (12, 4), (261, 208)]
)
def test_exact_mcnemar_is_the_binomial_test(only_a, only_b):
    n = only_a + only_b
    expected = stats.binomtest(only_a, n, 0.5).pvalue if n else 1
    assert float(compute_exact_p(only_a, only_b)) == pytest.approx(expected)
    right_a = np.array([True] * only_a + [False] * only_b + [True, False])
    right_b = np.array([False] * only_a + [True] * only_b + [True, False])
    test = compute_mcnemar(right_a, right_b)
    assert (test.only_a, test.only_b) == (only_a, only_b)
    assert test.p == pytest.approx(expected)


def test_holm_by_hand():
    # 0.01 * 4; 0.02 * 3; 0.03 * 2 is less than that; 0.5 * 1.
    assert adjust_holm([0.03, 0.01, 0.5, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert adjust_holm([[0.9], [0.8]]).tolist() == [[1.0], [1.0]]
    assert adjust_holm([]).tolist() == []


def test_pairs_by_hand(three):
    ab, ac, bc = compare_pairs(three)
    assert [(t.name_a, t.name_b) for t in (ab, ac, bc)] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(t.only_a, t.only_b) for t in (ab, ac, bc)] == [(1, 1), (3, 0), (3, 0)]
    assert [t.p for t in (ab, ac, bc)] == pytest.approx([1, 0.25, 0.25])
    assert [t.p_holm for t in (ab, ac, bc)] == pytest.approx([1, 0.75, 0.75])
    assert ac.difference == pytest.approx(3 / 7)
    assert not any(t.significant for t in (ab, ac, bc))
    low, high = ac.interval
    assert 0 <= low < 3 / 7 < high


def test_bootstrap_interval_is_that_of_a_mean_difference(skilled):
    test = compare_pairs(skilled)[1]
    gaps = skilled.models[0].correct.astype(float) - skilled.models[2].correct
    error = gaps.std() / np.sqrt(len(gaps))
    assert test.difference == pytest.approx(gaps.mean())
    assert test.interval[0] == pytest.approx(gaps.mean() - 1.96 * error, abs=0.25 * error)
    assert test.interval[1] == pytest.approx(gaps.mean() + 1.96 * error, abs=0.25 * error)
    assert test.significant


def test_draws_have_the_scores_of_the_images_drawn(skilled):
    """The first draw, scored again image by image with scikit-learn."""
    n = len(skilled.y_true)
    draws = compute_draws(skilled, num_draws=3)
    rows = np.random.default_rng(0).integers(0, n, size=(3, n))[0]
    y_true = skilled.y_true[rows]
    for i, model in enumerate(skilled.models):
        probs, predicted = model.probs[rows], model.predicted[rows]
        classes = np.unique(y_true)
        f1 = sk.f1_score(y_true, predicted, labels=classes, average="macro")
        truth = np.eye(len(model.labels))[y_true]
        recall = sk.recall_score(y_true, predicted, labels=classes, average="macro")
        expected = {
            "accuracy": sk.accuracy_score(y_true, predicted),
            "balanced_accuracy": recall,
            "macro_f1": f1,
            "log_loss": -np.log(probs[np.arange(n), y_true]).mean(),
            "brier": ((probs - truth) ** 2).sum(axis=1).mean(),
            "ece": compute_ece(compute_reliability_bins(y_true, probs)),
        }
        assert {metric: draws[metric][0, i] for metric in METRICS} == pytest.approx(
            expected, abs=1e-5
        )


def test_scores_of_a_view_against_scikit_learn(skilled):
    for model in skilled.models:
        y_true, predicted = model.y_true, model.predicted
        codes = [model.labels.index(name) for name in skilled.scored_labels]
        matrix = sk.confusion_matrix(y_true, predicted, labels=range(len(model.labels)))
        assert model.scores.confusion == tuple(map(tuple, matrix.tolist()))
        assert model.scores.accuracy == pytest.approx(sk.accuracy_score(y_true, predicted))
        f1 = sk.f1_score(y_true, predicted, labels=codes, average="macro")
        assert model.scores.macro_f1 == pytest.approx(f1)
        recall = sk.recall_score(y_true, predicted, labels=codes, average="macro")
        assert model.scores.balanced_accuracy == pytest.approx(recall)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1", "brier"])
def test_best_are_marked_together_where_no_test_parts_them(skilled, metric):
    assert best_models(skilled, metric) == {"a", "b"}


def test_nobody_is_best_where_no_test_parts_anybody(three):
    assert best_models(three, "accuracy") == frozenset()


def test_networks_without_a_score_take_no_part_in_its_mark(tmp_path):
    y_true = np.random.default_rng(1).integers(0, 3, 300)
    sure = draw_answers(y_true, 3, 3, seed=1)
    bundles = [
        write_bundle(tmp_path, "a", y_true, sure, labels=LABELS),
        write_bundle(tmp_path, "b", y_true, draw_answers(y_true, 3, 1, seed=2), labels=LABELS),
        write_bundle(
            tmp_path,
            "c",
            y_true,
            sure[:, :2] / sure[:, :2].sum(axis=1, keepdims=True),
            columns=LABELS[:2],
            labels=LABELS,
        ),
    ]
    comparison = load_comparison(bundles, "made", "test")
    assert comparison.models[2].scores.log_loss is None
    draws = compute_draws(comparison, 100)
    assert np.isnan(draws["log_loss"]).all(axis=0).tolist() == [False, False, True]
    assert best_models(comparison, "log_loss", draws) == {"a"}
    alone = load_comparison(bundles[:1], "made", "test")
    assert best_models(alone, "accuracy") == frozenset()
    assert compare_pairs(alone) == []
    with pytest.raises(ValueError, match="metric must be"):
        best_models(alone, "beauty")


def test_normal_p():
    draws = np.array([-1.0, 1.0] * 500)
    spread = draws.std(ddof=1)
    assert compute_normal_p(1.96 * spread, draws) == pytest.approx(0.05, abs=0.001)
    assert compute_normal_p(0.0, np.zeros(9)) == 1
    assert compute_normal_p(0.1, np.full(9, 0.1)) == 0


def test_agreement_by_hand(three):
    agreement = compute_agreement(three)
    assert agreement.num_images == 7
    assert agreement.all_right == 2
    assert agreement.all_wrong == 1
    assert agreement.same_answer == 3  # images 0, 1, and 5, on which all say "angry"
    assert agreement.same_wrong_answer == 1
    assert agreement.only_right == {"a": 1, "b": 1, "c": 0}
    assert agreement.only_wrong == {"a": 0, "b": 0, "c": 2}


def test_difference_table_by_hand(three):
    a, _, c = three.models
    table = compute_difference_table(a, c)
    assert (table.title_a, table.title_b, table.labels) == ("A", "C", LABELS)
    assert table.counts.tolist() == [[0, 0, 0], [0, 2, -2], [0, -1, 1]]
    assert table.fractions[1].tolist() == [0, 1, -1]
    # Two happy faces fall into "happy" with a only: p = 2 * 0.5^2; "sad" for sad: one against none.
    assert table.p[1].tolist() == [1, 0.5, 0.5]
    assert table.p[2].tolist() == [1, 1, 1]
    assert not table.significant.any()


def test_difference_table_against_single_tests(skilled):
    a, _, c = skilled.models
    table = compute_difference_table(a, c)
    counts = np.array(a.scores.confusion) - np.array(c.scores.confusion)
    assert table.counts.tolist() == counts.tolist()
    for i in range(len(a.labels)):
        for j in range(len(a.labels)):
            in_a = (a.y_true == i) & (a.predicted == j)
            in_c = (c.y_true == i) & (c.predicted == j)
            assert table.p[i, j] == pytest.approx(compute_mcnemar(in_a, in_c).p)
    assert table.p_holm == pytest.approx(adjust_holm(table.p))
    happy = a.labels.index("happy")
    assert table.significant[happy, happy]


def test_totals_by_hand():
    table = ConfusionTable("A", LABELS, ((3, 1, 0), (0, 2, 0), (1, 0, 1)))
    totals = compute_total_percentages(table)
    assert totals.title == "A"
    assert totals.actual == pytest.approx({"angry": 50, "happy": 25, "sad": 25})
    assert totals.predicted == pytest.approx({"angry": 50, "happy": 37.5, "sad": 12.5})
    assert totals.summed_difference == pytest.approx(25)
    assert compute_classwise(table, "angry") == {"angry": 75, "happy": 25, "sad": 0}
    assert compute_classwise(table.without_images_of(["happy"]), "happy") is None
    with pytest.raises(ValueError, match="labels differ"):
        sum_differences({"angry": 1}, {"happy": 1})


def test_printed_sums_of_figure_5_7_1_follow_from_its_printed_percentages():
    paper = load_paper()
    actual = dict(zip(EXPRESSIONS, paper.actual_percent, strict=True))
    sums = [
        sum_differences(dict(zip(EXPRESSIONS, model.total_percent, strict=True)), actual)
        for model in paper.models
    ]
    assert sums == pytest.approx([14.97, 13.11, 10.14])
    assert sums == pytest.approx([model.total_difference for model in paper.models])


def test_rebuilt_counts_of_the_paper_give_almost_the_same_sums():
    totals = [compute_total_percentages(table) for table in load_paper().tables]
    assert [round(t.summed_difference, 2) for t in totals] == [14.95, 13.12, 10.15]


def test_predicted_totals_of_the_paper():
    one, two, _ = load_paper().tables
    assert one.predicted_totals["neutral"] == 7420
    assert one.predicted_totals["disgust"] == 303
    assert two.predicted_totals["neutral"] == 5714
    assert two.predicted_totals["sad"] == 8468


def test_overview_marks_what_tests_tell_apart(skilled):
    rows = compute_overview(skilled)
    assert [row.name for row in rows] == ["a", "b", "c"]
    assert "accuracy" in rows[0].best & rows[1].best
    assert rows[2].best == {"ece"}  # often wrong, but it says so
    assert rows[0].scores is skilled.models[0].scores
    assert rows[0].ms_per_face == pytest.approx(10)
    assert rows[0].training_minutes is None


def test_words_say_who_is_ahead_and_whether_that_is_chance(skilled, three):
    text = describe_comparison(skilled, compare_pairs(skilled))
    names = sorted(skilled.models[:2], key=lambda model: -model.scores.accuracy)
    n = len(skilled.y_true)
    assert text.startswith(f"On {n} images, {names[0].title} gives the labelled expression most")
    assert f"cannot tell it from {names[1].title} (" in text
    assert "ahead of C (" in text
    few = describe_comparison(three, compare_pairs(three))
    assert "cannot tell it from B (71.4%) or C (28.6%): it may be chance." in few


def test_words_for_one_network_and_for_a_clear_winner(tmp_path):
    y_true = np.arange(90) % 3
    bundles = [
        write_bundle(tmp_path, name, y_true, certain(codes), labels=LABELS)
        for name, codes in (("a", y_true), ("b", (y_true + 1) % 3))
    ]
    both = load_comparison(bundles, "made", "test")
    text = describe_comparison(both, compare_pairs(both))
    assert text.endswith("(100.0%); that it is ahead of B (0.0%) is more than chance.")
    alone = load_comparison(bundles[:1], "made", "test")
    assert "in 100.0% (95 % interval 95.9% to 100.0%)." in describe_comparison(alone, [])


def test_agreement_in_words(three):
    text = describe_agreement(compute_agreement(three))
    assert text.startswith("All are right on 28.6% of the images and all wrong on 14.3%; on 14.3%")
