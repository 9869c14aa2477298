import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data
from stubs import StubClassifier

from facecore import cli_files, cli_threshold, export
from facecore.__main__ import _build_parser, main
from facecore.evaluation_threshold import ThresholdChoice
from facecore.labels import EXPRESSIONS
from facecore.media import read_video_info
from facecore.registry import load_card, save_card

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def portrait_png(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "collins.png"
    cv2.imwrite(str(path), cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def stub_models(tmp_path, monkeypatch, make_card):
    """A models folder of cards, and a stand-in for the module that would open the networks."""
    labels = {"expression_model1": "happy", "expression_model2": "sad", "gender": "woman"}
    for name in labels:
        task = "gender" if name == "gender" else "expression"
        metrics = {"fer2013_validation": {"accuracy": 0.625, "num_images": 9}}
        save_card(tmp_path / "models" / name, make_card(task, name=name, metrics=metrics))
    inference = types.ModuleType("facecore.inference")
    inference.configure_device = lambda: None

    def load_classifier(bundle):
        card, label = load_card(bundle), labels[bundle.name]
        return StubClassifier(card, label if label in card.labels else None, 0.75)

    inference.load_classifier = load_classifier
    monkeypatch.setitem(sys.modules, "facecore.inference", inference)
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path / "models"))


def test_photo_writes_json_picture_text_and_table(stub_models, portrait_png, tmp_path, capsys):
    out, document = tmp_path / "out", tmp_path / "deep" / "faces.json"
    assert main(["photo", str(portrait_png), "--out", str(out), "--json", str(document)]) == 0
    (result,) = json.loads(document.read_text())["results"]
    assert (result["source"], result["width"], result["height"]) == (str(portrait_png), 512, 512)
    (face,) = result["faces"]
    x1, y1, x2, y2 = face["box"]
    assert x1 < 224 < x2
    assert y1 < 120 < y2
    assert face["expression"]["label"] == "happy"
    assert face["expression"]["confidence"] == pytest.approx(0.75)
    assert sum(face["expression"]["probabilities"].values()) == pytest.approx(1)
    assert face["gender"]["label"] == "woman"
    text = (out / "collins_faces.txt").read_text()
    assert text.strip() == capsys.readouterr().out.strip()
    assert "Happy: 1" in text
    assert "Women: 1" in text
    (row,) = csv.DictReader(io.StringIO((out / "collins_faces.csv").read_text()))
    assert (row["x1"], row["expression"]) == (str(x1), "happy")
    annotated = cv2.imread(str(out / "collins_annotated.png"))
    assert annotated.shape == (512, 512, 3)


@pytest.mark.parametrize(
    ("options", "expression", "gender"),
    [
        (["--expression-threshold", "0.8"], "undecided", "woman"),
        (["--gender-threshold=0.76"], "happy", "undecided"),
        (["--expression-threshold", "0.5", "--gender-threshold", "0"], "happy", "woman"),
    ],
)
def test_answers_below_a_threshold_are_undecided(
    options, expression, gender, stub_models, portrait_png, tmp_path, capsys
):
    document = tmp_path / "faces.json"
    assert main(["photo", str(portrait_png), "--json", str(document), *options]) == 0
    (face,) = json.loads(document.read_text())["results"][0]["faces"]
    assert (face["expression"]["label"], face["gender"]["label"]) == (expression, gender)
    assert face["expression"]["probabilities"]["happy"] == pytest.approx(0.75)
    text = capsys.readouterr().out
    assert f"Predicted expression: {expression.capitalize()}" in text
    assert f"Undecided: {int(gender == 'undecided')}\n\nSpecific" in text


def test_photo_without_faces_counts_the_labels_of_the_network_that_was_asked(
    stub_models, make_card, tmp_path, capsys
):
    own = make_card("expression", name="expression_model2", labels=("happy", "tired"))
    save_card(tmp_path / "models" / "expression_model2", own)
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((240, 320, 3), 180, np.uint8))
    assert main(["photo", str(wall), "--expression-model", "expression_model2"]) == 0
    text = capsys.readouterr().out
    assert "Happy: 0\nTired: 0\nUndecided: 0\n" in text and "Angry" not in text


def test_hidden_faces_are_unrecognisable(stub_models, portrait_png, tmp_path):
    main(["photo", str(portrait_png), "--out", str(tmp_path), "--hide-faces", "pixelate"])
    before = cv2.imread(str(portrait_png))[100:150, 200:250]
    after = cv2.imread(str(tmp_path / "collins_annotated.png"))[100:150, 200:250]
    assert cv2.Laplacian(after, cv2.CV_64F).var() < cv2.Laplacian(before, cv2.CV_64F).var()
    assert np.abs(after.astype(int) - before.astype(int)).mean() > 5


def test_one_bad_file_loses_nothing_else(stub_models, portrait_png, tmp_path, capsys):
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    missing = tmp_path / "gone.jpg"
    document = tmp_path / "faces.json"
    paths = [str(bad), str(portrait_png), str(missing), str(tmp_path)]
    assert main(["photo", *paths, "--json", str(document)]) == 1
    loaded = json.loads(document.read_text())
    assert [r["source"] for r in loaded["results"]] == [str(portrait_png)]
    assert [e["source"] for e in loaded["errors"]] == [str(bad), str(missing), str(tmp_path)]
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 3
    assert "notes.jpg" in errors[0]


def test_inputs_of_one_name_get_outputs_of_their_own(stub_models, portrait_png, tmp_path):
    other = tmp_path / "other" / "collins.png"
    other.parent.mkdir()
    other.write_bytes(portrait_png.read_bytes())
    assert main(["photo", str(portrait_png), str(other), "--out", str(tmp_path / "out")]) == 0
    names = {p.name for p in (tmp_path / "out").glob("*.png")}
    assert names == {"collins_annotated.png", "collins-2_annotated.png"}


@pytest.mark.parametrize("start", ["長" * 77, "a" + "長" * 76])
def test_long_names_have_results_of_their_own(stub_models, portrait_png, tmp_path, start):
    paths = [tmp_path / f"{start}{end}.png" for end in ("一", "二")]
    for path in paths:
        shutil.copy(portrait_png, path)
    out, document = tmp_path / "out", tmp_path / "faces.json"
    command = ["photo", *map(str, paths), "--out", str(out), "--json", str(document)]
    assert main(command) == 0
    assert [r["source"] for r in json.loads(document.read_text())["results"]] == [*map(str, paths)]
    stems = {path.name.rpartition("_")[0] for path in out.iterdir()}
    cut = start[:50]
    assert stems == {cut, f"{cut}-2"}
    assert len(list(out.iterdir())) == 6


def test_names_that_differ_in_capitals_only_have_results_of_their_own(
    stub_models, portrait_png, tmp_path
):
    """A file system that takes them for one would keep those of the last only."""
    paths = [tmp_path / "in" / "IMG_1.png", tmp_path / "in" / "deep" / "img_1.png"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(portrait_png, path)
    assert main(["photo", *map(str, paths), "--out", str(tmp_path / "out")]) == 0
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert names == {"IMG_1_annotated.png", "img_1-2_annotated.png"}


@pytest.mark.parametrize("name", ["2026-11-27T10:11:12.mp4", "file:a.mp4", "-.mp4"])
def test_video_name_may_look_like_an_address(
    stub_models, crossing_clip, write_clip, tmp_path, monkeypatch, name
):
    clip = tmp_path / "in" / name
    clip.parent.mkdir()
    write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:3], crossing_clip.fps).rename(clip)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    assert main(["video", str(clip), "--out", "."]) == 0
    assert read_video_info(tmp_path / "out" / f"{clip.stem}_annotated.mp4").num_frames == 3


def test_photo_and_video_of_one_name_fit_side_by_side(
    stub_models, portrait_png, crossing_clip, write_clip, tmp_path
):
    clip = write_clip(tmp_path / "collins.mp4", crossing_clip.frames[:3], crossing_clip.fps)
    out = tmp_path / "out"
    assert main(["photo", str(portrait_png), "--out", str(out)]) == 0
    photos = {path.name: path.read_bytes() for path in out.iterdir()}
    assert main(["video", str(clip), "--out", str(out)]) == 0
    assert {name: (out / name).read_bytes() for name in photos} == photos
    assert len(list(out.iterdir())) == len(photos) + 4


def test_json_on_the_screen_is_nothing_but_json(stub_models, portrait_png, capsys):
    arguments = ["photo", str(portrait_png), "--expression-model", "expression_model2"]
    assert main([*arguments, "--json", "-"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["faces"][0]["expression"]["label"] == "sad"


def test_video_follows_people(stub_models, crossing_clip, write_clip, tmp_path):
    path = write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:20], crossing_clip.fps)
    document = tmp_path / "people.json"
    assert main(["video", str(path), "--out", str(tmp_path / "out"), "--json", str(document)]) == 0
    (result,) = json.loads(document.read_text())["results"]
    assert [p["person"] for p in result["people"]] == [1, 2]
    person = result["people"][0]
    assert person["expression"]["label"] == "happy"
    assert person["seconds_by_expression"]["happy"] == pytest.approx(
        person["last_s"] - person["first_s"], abs=0.2
    )
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [
        "clip_annotated.mp4",
        "clip_frames.csv",
        "clip_people.csv",
        "clip_people.txt",
    ]
    assert read_video_info(tmp_path / "out" / "clip_annotated.mp4").num_frames == 20


@pytest.mark.parametrize("command", ["photo", "video"])
def test_entries_of_the_json_are_kept_only_where_it_is_written(
    stub_models, portrait_png, crossing_clip, write_clip, tmp_path, monkeypatch, command
):
    """A long video has an entry per frame, and many videos would fill the memory."""
    path = portrait_png
    if command == "video":
        path = write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:3], crossing_clip.fps)
    made = []
    monkeypatch.setattr(export, f"{command}_to_dict", lambda *_: made.append("entry") or {})
    assert main([command, str(path)]) == 0
    assert made == []
    assert main([command, str(path), "--json", str(tmp_path / "faces.json")]) == 0
    assert made == ["entry"]


def test_broken_video_leaves_no_file(stub_models, tmp_path, capsys):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0" * 5000)
    assert main(["video", str(path), "--out", str(tmp_path / "out")]) == 1
    assert list(tmp_path.rglob("*.mp4*")) == [path]
    assert "clip.mp4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["photo"],
        ["photo", "a.jpg", "--hide-faces", "smear"],
        ["photo", "a.jpg", "--scale-factor", "1"],
        ["photo", "a.jpg", "--expression-model", "gender"],
        ["video", "a.mp4", "--start", "5", "--end", "3"],
        ["video", "a.mp4", "--start", "-1"],
        ["video", "a.mp4", "--start", "nan"],
        ["video", "a.mp4", "--start", "inf"],
        ["video", "a.mp4", "--start", "1e300"],
        ["video", "a.mp4", "--end", "nan"],
        ["evaluate", "--dataset", "mnist"],
    ],
)
def test_wrong_usage_exits_with_2(stub_models, arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2


def test_evaluate_takes_every_model_of_the_data_sets_task(
    stub_models, portrait_png, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "data"))
    picture = cv2.imread(str(portrait_png))
    for label, view in (("man", picture), ("woman", picture[:, ::-1])):
        folder = tmp_path / "data" / "gender_folders" / "validation" / label
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / f"{label}.png"), view)
    command = ["evaluate", "--dataset", "gender_folders", "--split", "validation"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "gender on gender_folders validation: accuracy 50.0%" in told
    assert "expression_model" not in told
    assert main([*command, "--model", "expression_model1"]) == 1
    assert "predicts expression, which" in capsys.readouterr().err


def test_evaluate_and_threshold_go_on_after_a_model_that_cannot_be_used(
    stub_models, portrait_png, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "data" / "gender_folders" / "validation" / "woman"
    folder.mkdir(parents=True)
    shutil.copy(portrait_png, folder)
    (tmp_path / "models" / "expression_model1" / "card.json").write_text("{")
    evaluate = ["evaluate", "--dataset", "gender_folders", "--split", "validation"]
    assert main(evaluate) == 1
    told = capsys.readouterr()
    assert "card of model 'expression_model1'" in told.err
    assert "gender on gender_folders validation: accuracy 100.0%" in told.out
    assert main([*evaluate, "--model", "nobody", "--model", "gender"]) == 1
    told = capsys.readouterr()
    assert "no model called 'nobody'" in told.err
    assert "gender on gender_folders validation: accuracy 100.0%" in told.out
    assert main(["models", "--card", "expression_model1", "--card", "gender"]) == 1
    assert "Says of a face which gender" in capsys.readouterr().out
    tried = []
    monkeypatch.setattr(
        cli_threshold,
        "write_threshold",
        lambda bundle, *_: tried.append(bundle.name) or ThresholdChoice(0.6, 0.8, 0.9, 0.8, 10),
    )
    assert main(["threshold"]) == 1
    assert tried == ["expression_model2", "gender"]
    assert "card of model 'expression_model1'" in capsys.readouterr().err


def test_missing_model_is_one_sentence(stub_models, portrait_png, capsys):
    assert main(["photo", str(portrait_png), "--expression-model", "best"]) == 1
    assert capsys.readouterr().err.startswith("There is no model called 'best'")


def test_models_lists_figures_and_names_a_damaged_bundle(stub_models, tmp_path, capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert "gender: " in listed
    assert "fer2013_validation: accuracy 62.5%" in listed
    (tmp_path / "models" / "gender" / "card.json").write_text("{")
    assert main(["models"]) == 1
    assert "card of model 'gender'" in capsys.readouterr().err


def test_published_models_answer_on_the_command_line(portrait_png, tmp_path):
    document = tmp_path / "faces.json"
    command = [sys.executable, "-m", "facecore", "photo", str(portrait_png), "--json", document]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (face,) = json.loads(document.read_text())["results"][0]["faces"]
    assert set(face["expression"]["probabilities"]) == set(EXPRESSIONS)
    assert face["gender"]["label"] == "woman"


def test_a_whole_card_is_printed(stub_models, capsys):
    assert main(["models", "--card", "gender"]) == 0
    text = capsys.readouterr().out
    assert "Says of a face which gender it looks like: man; woman." in text
    assert "fer2013_validation: accuracy 62.5% on 9 images" in text
    assert main(["models", "--card", "nobody"]) == 1


def test_mirror_images_are_averaged_in_where_asked(stub_models, portrait_png, monkeypatch):
    seen = []
    predict = StubClassifier.predict_proba
    monkeypatch.setattr(
        StubClassifier, "predict_proba", lambda s, b: seen.append(len(b)) or predict(s, b)
    )
    assert main(["photo", str(portrait_png)]) == 0
    assert main(["photo", str(portrait_png), "--flip"]) == 0
    assert seen == [1, 1, 2, 2]


def test_pictures_that_are_not_read_are_told(stub_models, portrait_png, tmp_path, capsys):
    with Image.open(portrait_png) as portrait:
        portrait.save(tmp_path / "scan.tif", save_all=True, append_images=[portrait] * 2)
        portrait.save(tmp_path / "moves.gif", save_all=True, append_images=[portrait.rotate(90)])
    names = [str(portrait_png), str(tmp_path / "scan.tif"), str(tmp_path / "moves.gif")]
    assert main(["photo", *names]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "scan.tif: Picture 1 of 3 in this file; the others are not read.",
        "moves.gif: Picture 1 of 2 in this file; the others are not read. The video command takes "
        "animations saved as GIF.",
    ]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_endless_photo_is_refused_unread(stub_models, capsys):
    assert main(["photo", "/dev/zero"]) == 1
    assert "more than the 100 MB allowed for a photo" in capsys.readouterr().err


def test_pipe_is_no_missing_video(stub_models, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert main(["video", str(tmp_path / "pipe.mp4")]) == 1
    assert "pipe.mp4 is no file of its own; name a video file." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--start", "must be a number of seconds, such as 12.5"),
        ("--gender-threshold", "must be a number between 0 and 1, such as 0.8"),
    ],
)
def test_word_where_a_number_belongs_is_told(option, sentence, capsys):
    with pytest.raises(SystemExit):
        main(["video", "a.mp4", option, "often"])
    assert f"argument {option}: {sentence}" in capsys.readouterr().err


def test_place_that_cannot_be_written_is_one_sentence(stub_models, portrait_png, tmp_path, capsys):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file, no folder")
    assert main(["photo", str(portrait_png), "--out", str(in_the_way)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_video_that_is_missing_or_a_folder(stub_models, tmp_path, capsys):
    assert main(["video", str(tmp_path / "gone.mp4"), str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "gone.mp4 does not exist" in told
    assert "is a folder, not a video" in told


def test_two_commands_may_write_the_same_file(tmp_path, monkeypatch):
    target, replace = tmp_path / "faces.json", Path.replace
    last = []

    def be_overtaken(part, path):
        if not last:
            last.append(part)
            cli_files.write_file(target, b"of the other command")
        return replace(part, path)

    monkeypatch.setattr(Path, "replace", be_overtaken)
    cli_files.write_file(target, b"of this one")
    assert target.read_bytes() == b"of this one"
    assert list(tmp_path.iterdir()) == [target]


def test_file_may_have_the_longest_name(tmp_path):
    target = tmp_path / ("ü" * 125 + ".json")
    cli_files.write_file(target, b"{}")
    assert target.read_bytes() == b"{}"


def test_every_option_says_what_it_does():
    def find_silent(parser):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for inner in action.choices.values():
                    yield from find_silent(inner)
            elif not action.help:
                yield f"{parser.prog} {action.dest}"

    parser = _build_parser()
    assert list(find_silent(parser)) == []
    assert "`" not in parser.format_help()
