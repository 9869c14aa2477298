"""The HTML report and the command that writes it, from stored evaluations alone."""

import re
import shutil

import numpy as np
import pytest
from comparison_files import draw_answers, write_bundle

from facecore.__main__ import main
from facecore.comparison import load_comparison
from facecore.comparison_report import build_report
from facecore.labels import EXPRESSIONS

SIX = tuple(name for name in EXPRESSIONS if name != "disgust")
N = 140


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Three networks of which one lacks disgust, as on FER-2013's test split; one own title."""
    root = tmp_path_factory.mktemp("models")
    y_true = np.arange(N) % 7
    six = draw_answers(np.where(y_true > 1, y_true - 1, 0), 6, 2, seed=3)
    for split in ("validation", "test"):
        shared = {"dataset": "fer2013", "split": split}
        write_bundle(root, "a", y_true, draw_answers(y_true, 7, 3, seed=1), **shared)
        write_bundle(root, "b", y_true, draw_answers(y_true, 7, 1, seed=2), **shared)
        write_bundle(root, "c", y_true, six, columns=SIX, labels=EXPRESSIONS, **shared)
    return root


@pytest.fixture(scope="module")
def document(models):
    comparison = load_comparison([models / n for n in "abc"], "fer2013", "test")
    steps = []
    html = build_report(comparison, lambda *step: steps.append(step))
    assert steps == [(i + 1, steps[0][1]) for i in range(len(steps))]
    return html


def test_report_is_one_file_that_asks_nobody(document):
    assert document.startswith("<!DOCTYPE html>")
    page = re.sub(r"<script.*?</script>", "", document, flags=re.S)
    assert "http" not in page
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)=", document)
    assert "<img" not in page
    assert document.count("plotly.js v") == 1
    assert document.count("Plotly.newPlot(") > 30


def test_report_says_everything(document):
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", document, flags=re.S)
    for heading in (
        "A, B, C on FER-2013 PrivateTest",
        "held-out images",
        "The models",
        "Confusion matrices",
        "Differences of the matrices",
        "Class by class",
        "Total percentages",
        "Curves",
        "Training",
        "The paper's numbers",
        "Where this comes from",
    ):
        assert heading in text.replace("&#x27;", "'")
    assert "14.97 / 13.11 / 10.14" in text
    assert "14.95 / 13.12 / 10.15" in text
    assert "Paper: Model 3" in text
    assert "A less B" in text
    assert "★" in text
    assert "--model a --model b --model c --dataset fer2013 --split test" in text


def test_fair_view_says_what_is_left_out(models):
    comparison = load_comparison([models / n for n in "ac"], "fer2013", "test", "known")
    html = build_report(comparison)
    assert "Fair view: 20 images whose class not every model has are left out." in html


def test_gender_report_goes_by_group_and_has_no_paper(tmp_path):
    y_true = np.arange(60) % 2
    probs = draw_answers(y_true, 2, 2)
    bundle = write_bundle(tmp_path, "g", y_true, probs, task="gender")
    html = build_report(load_comparison([bundle], "made", "test"))
    assert "on made test" in html
    assert "Paper: " not in html
    assert "Differences of the matrices" not in html


def test_markup_in_a_title_stays_text(tmp_path):
    y_true = np.arange(21) % 7
    probs = draw_answers(y_true, 7, 2)
    for name in "ab":
        write_bundle(tmp_path, name, y_true, probs)
        card = tmp_path / name / "card.json"
        title = f'"title": "<script>alert({name})</script> {name}"'
        card.write_text(card.read_text().replace(f'"title": "{name.upper()}"', title))
    html = build_report(load_comparison([tmp_path / n for n in "ab"], "made", "test"))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(a)" in html


@pytest.fixture
def run(models, tmp_path, monkeypatch, capsys):
    """Copy the models where a test may spoil them, and run the command there."""
    root = tmp_path / "models"
    shutil.copytree(models, root)
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(root))

    def run_command(*arguments):
        code = main(["compare", "--out", str(tmp_path / "out" / "report.html"), *arguments])
        said = capsys.readouterr()
        path = tmp_path / "out" / "report.html"
        return code, said.out, said.err, path.read_text() if path.exists() else None

    run_command.root = root
    return run_command


def test_command_prefers_held_out_images_that_all_share(run):
    code, out, _, html = run()
    assert code == 0
    assert out.startswith("On 140 images, A gives the labelled expression most often")
    assert "A, B, C on FER-2013 PrivateTest" in html


def test_command_takes_names_split_and_view(run):
    code, out, _, html = run(
        "--model", "a", "--model", "c", "--split", "validation", "--view", "known"
    )
    assert code == 0
    assert out.startswith("On 120 images")
    assert "A, C on FER-2013 PublicTest" in html


def test_command_falls_back_to_what_all_share(run):
    shutil.rmtree(run.root / "b" / "evaluations" / "fer2013_test")
    assert "on FER-2013 PublicTest" in run()[3]


def test_command_tells_how_to_evaluate_who_was_not(run):
    shutil.rmtree(run.root / "b" / "evaluations" / "fer2013_test")
    sentence = "run: python -m facecore evaluate --model b --dataset fer2013 --split test"
    code, _, err, html = run("--split", "test")
    assert code == 0
    assert sentence in err
    assert "A, C on FER-2013 PrivateTest" in html
    code, _, err, _ = run("--split", "test", "--model", "b")
    assert code == 1
    assert sentence in err


def test_command_names_what_is_damaged(run):
    (run.root / "b" / "evaluations" / "fer2013_test" / "predictions.npz").write_bytes(b"PK")
    code, _, err, html = run("--split", "test")
    assert code == 1
    assert "b/evaluations/fer2013_test/predictions.npz is missing or damaged" in err
    assert html is None
    (run.root / "b" / "card.json").write_text("{")
    code, _, err, html = run("--split", "test")
    assert code == 1
    assert "'b' cannot be used" in err
    assert "A, C on FER-2013 PrivateTest" in html


def test_command_has_nothing_to_compare(run):
    code, _, err, _ = run("--dataset", "fairface")
    assert code == 1
    assert "No model has been evaluated on fairface" in err
    code, _, err, _ = run("--split", "train")
    assert code == 1
    assert "There is nothing to compare on fer2013 train" in err
    # No command could evaluate these.
    code, _, err, _ = run("--dataset", "holiday")
    assert code == 1
    assert "There is no data set called 'holiday'; choose one of fer2013, " in err
    code, _, err, _ = run("--split", "tset")
    assert code == 1
    assert "The data set fer2013 has no split 'tset'; choose one of train, " in err
    code, _, err, _ = run("--dataset", "fairface", "--model", "a")
    assert code == 1
    assert "Model 'a' predicts expression, which FairFace does not label" in err


def test_own_data_set_needs_no_description(run):
    y_true = np.arange(70) % 7
    write_bundle(run.root, "d", y_true, draw_answers(y_true, 7, 2), dataset="holiday", split="all")
    code, out, _, html = run("--dataset", "holiday")
    assert code == 0
    assert out.startswith("On 70 images, D gives")
    assert "D on holiday all" in html


def test_command_compares_what_runs_held_out_themselves(run):
    y_true = np.arange(N) % 7
    for name in "ab":
        probs = draw_answers(y_true, 7, 2)
        write_bundle(run.root, name, y_true, probs, dataset="fer2013", split="held_out")
    code, _, err, html = run("--dataset", "fer2013", "--split", "held_out")
    assert code == 0
    assert "Model 'c' has not been evaluated on fer2013 held_out" in err
    assert "A, B on fer2013 held_out" in html
