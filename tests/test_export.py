import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from facecore import export
from facecore.media import VideoInfo
from facecore.results import Prediction
from facecore.session import VideoRun
from facecore.stats import PeopleEdits, SessionSummary, summarise
from facecore.tracking_labels import decide_again


@pytest.fixture
def photo(make_face, make_result):
    return make_result(
        make_face(None, "sad", "man", 0.75),
        make_face(None, "happy", "woman", 0.6),
        size_wh=(64, 60),
    )


@pytest.fixture
def run(make_face, make_result):
    frames = tuple(
        make_result(make_face(1, "happy" if i < 3 else "sad"), index=i, time_s=i / 4)
        for i in range(4)
    )
    info = VideoInfo(320, 240, 4.0, 4, 1.0, False, 0)
    return VideoRun(info, frames, summarise(frames, 1.0))


def read_csv(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_photo_text_has_the_papers_form(photo):
    assert export.photo_to_text("a.jpg", photo).splitlines() == [
        "a.jpg", "",
        "Predicted number of people with each expression:", "",
        "Angry: 0", "Disgust: 0", "Fear: 0", "Happy: 1", "Neutral: 0", "Sad: 1", "Surprise: 0",
        "Undecided: 0", "",
        "Predicted number of men and women:", "",
        "Women: 1", "Men: 1", "Undecided: 0", "",
        "Specific predictions for faces", "",
        "Person 1:",
        "Predicted expression: Sad", "Confidence: 0.7500",
        "Predicted gender: Man", "Confidence: 0.7500", "",
        "Person 2:",
        "Predicted expression: Happy", "Confidence: 0.6000",
        "Predicted gender: Woman", "Confidence: 0.6000", "",
        "Expressions are what a face looks like to the model, not what the person feels; "
        "gender is the model's guess between two labels.",
    ]  # fmt: skip


def test_undecided_faces_keep_their_probabilities(photo, run):
    (unsure,) = decide_again([photo], {"expression": 0.7, "gender": 0.7})
    text = export.photo_to_text("a.jpg", unsure)
    assert "Happy: 0" in text
    assert "Undecided: 1\n\nPredicted number of men" in text
    assert "Women: 0\nMen: 1\nUndecided: 1" in text
    assert "Predicted expression: Undecided (most likely Happy)\nConfidence: 0.6000" in text
    second = export.photo_to_dict("a.jpg", unsure)["faces"][1]["expression"]
    assert (second["label"], second["confidence"]) == ("undecided", pytest.approx(0.6))
    assert second["probabilities"]["happy"] == pytest.approx(0.6)
    row = read_csv(export.photo_to_csv("a.jpg", unsure))[1]
    assert (row["expression"], row["gender"]) == ("undecided", "undecided")
    assert float(row["p_happy"]) == float(row["expression_confidence"]) == pytest.approx(0.6)
    frames = decide_again(run.frames, {"expression": 0.95, "gender": 0.95})
    summary = summarise(frames, 1.0)
    (person,) = export.video_to_dict("a.mp4", summary)["people"]
    assert person["expression"]["label"] == person["gender"]["label"] == "undecided"
    assert person["seconds_by_expression"]["undecided"] == pytest.approx(1.0)
    (row,) = read_csv(export.people_to_csv(summary))
    assert (row["expression"], row["gender"]) == ("undecided", "undecided")
    assert float(row["seconds_undecided"]) == pytest.approx(1.0)
    assert "Time per expression: Undecided 1.0 s (100%)" in export.video_to_text("a.mp4", summary)


def test_text_without_faces_says_so(make_result):
    for text in (
        export.photo_to_text("a.jpg", make_result()),
        export.video_to_text("a.mp4", SessionSummary()),
    ):
        assert "No faces found" in text
        assert "Happy: 0" in text


def test_text_without_faces_lists_the_labels_that_were_asked(make_result):
    asked = {"expression": ("tired", "happy"), "gender": ("woman", "man")}
    for text in (
        export.photo_to_text("a.jpg", make_result(), asked),
        export.video_to_text("a.mp4", SessionSummary(), asked),
    ):
        assert "expression:\n\nHappy: 0\nTired: 0\nUndecided: 0\n" in text
        assert "Women: 0\nMen: 0\nUndecided: 0\n" in text
    six = {"expression": ("angry", "fear", "happy", "sad", "surprise", "neutral")}
    assert "Disgust" not in export.photo_to_text("a.jpg", make_result(), six)


def test_text_lists_only_labels_of_the_model(photo, make_stub_classifier):
    six = ("angry", "fear", "happy", "sad", "surprise", "neutral")
    classifier = make_stub_classifier("expression", "fear", labels=six)
    prediction = Prediction(six, classifier.predict_proba(np.empty((1, 1)))[0])
    faces = tuple(replace(f, predictions={"expression": prediction}) for f in photo.faces)
    text = export.photo_to_text("a.jpg", replace(photo, faces=faces))
    assert "Fear: 2" in text
    assert "Disgust" not in text


def test_video_text_tells_times_and_follows_edits(run):
    summary = summarise(run.frames, 1.0, PeopleEdits().rename(1, "Ada"))
    text = export.video_to_text("b.mp4", summary)
    assert "Ada:\nPredicted expression: Happy" in text
    assert "Seen: 0.0 s to 0.8 s\nTime per expression: Happy 0.8 s (75%), Sad 0.2 s (25%)" in text


def test_photo_csv(photo):
    first, second = read_csv(export.photo_to_csv("a.jpg", photo))
    assert (first["source"], first["face"], first["expression"]) == ("a.jpg", "1", "sad")
    assert [first[k] for k in ("x1", "y1", "x2", "y2")] == ["10", "10", "50", "50"]
    assert float(second["gender_confidence"]) == pytest.approx(0.6)
    assert float(second["p_happy"]) == pytest.approx(0.6)
    assert "time_s" not in first


def test_boxes_end_at_the_frames_edges_in_every_file(make_face, make_result, run):
    face = make_face(1, box=(-2, -7, 70, 61))
    frame = make_result(face, size_wh=(64, 60))
    run = replace(run, frames=(frame,))
    for table in (export.photo_to_csv("a.jpg", frame), export.frames_to_csv(run.frames)):
        (row,) = read_csv(table)
        assert [row[k] for k in ("x1", "y1", "x2", "y2")] == ["0", "0", "64", "60"]
    for document in (export.photo_to_json("a.jpg", frame), export.video_to_json("b.mp4", run)):
        (entry,) = json.loads(document)["results"]
        assert [told["box"] for told in entry["faces"]] == [[0, 0, 64, 60]]
    assert frame.faces[0].xyxy == (-2, -7, 70, 61)  # the networks see it whole


def test_video_csvs(run):
    frames = read_csv(export.frames_to_csv(run.frames))
    assert [(r["frame"], r["person"], r["expression"]) for r in frames] == [
        ("0", "1", "happy"), ("1", "1", "happy"), ("2", "1", "happy"), ("3", "1", "sad"),
    ]  # fmt: skip
    (person,) = read_csv(export.people_to_csv(run.summary))
    assert (person["person"], person["name"], person["num_frames"]) == ("1", "Person 1", "4")
    assert float(person["seconds_happy"]) == pytest.approx(0.75)
    assert float(person["share_of_time"]) == pytest.approx(0.75)


def test_csv_without_faces_has_its_columns(make_result):
    assert export.photo_to_csv("a.jpg", make_result()).decode().strip() == "source,face,x1,y1,x2,y2"
    assert export.frames_to_csv([make_result()]).decode().startswith("frame,time_s,person")
    assert export.people_to_csv(SessionSummary()).decode().startswith("person,name,first_s")


@pytest.mark.parametrize("name", ["=1+2.jpg", "+a.jpg", "-a.jpg", "@a.jpg", "\ta.jpg"])
def test_csv_never_holds_a_formula(photo, run, name):
    assert {r["source"] for r in read_csv(export.photo_to_csv(name, photo))} == {f"'{name}"}
    edits = PeopleEdits(names={1: name})
    (person,) = read_csv(export.people_to_csv(summarise(run.frames, 1.0, edits)))
    assert person["name"] == f"'{name}"


def test_text_stays_in_form_with_line_breaks_in_names(photo, run):
    assert export.photo_to_text("a\nb.jpg", photo).startswith("a b.jpg\n")
    summary = summarise(run.frames, 1.0, PeopleEdits(names={1: "A\nB"}))
    assert "A B:\n" in export.video_to_text("b.mp4", summary)


def test_photo_json(photo):
    document = json.loads(export.photo_to_json("ä.jpg", photo))
    assert set(document) == {"schema_version", "results", "errors"}
    (entry,) = document["results"]
    assert {k: entry[k] for k in ("source", "width", "height")} == {
        "source": "ä.jpg", "width": 64, "height": 60,
    }  # fmt: skip
    face = entry["faces"][0]
    assert set(face) == {"box", "expression", "gender"}
    assert face["box"] == [10, 10, 50, 50]
    assert face["expression"]["label"] == "sad"
    assert face["expression"]["confidence"] == pytest.approx(0.75)
    assert sum(face["gender"]["probabilities"].values()) == pytest.approx(1)


def test_video_json(run):
    (entry,) = json.loads(export.video_to_json("b.mp4", run))["results"]
    assert (entry["width"], entry["height"], entry["fps"], entry["num_frames"]) == (320, 240, 4, 4)
    assert [(f["frame"], f["person"]) for f in entry["faces"]] == [(i, 1) for i in range(4)]
    (person,) = entry["people"]
    assert {"person", "name", "first_s", "last_s", "num_frames", "seconds_by_expression",
            "share_of_time", "expression", "gender"} == set(person)  # fmt: skip
    assert (person["person"], person["first_s"], person["last_s"]) == (1, 0.0, 0.75)
    assert person["seconds_by_expression"]["happy"] == pytest.approx(0.75)
    assert person["expression"]["label"] == "happy"
    assert person["gender"] == {
        "label": "woman",
        "confidence": pytest.approx(0.9),
        "probabilities": {"man": pytest.approx(0.1), "woman": pytest.approx(0.9)},
    }


def test_summary_alone_and_errors_fit_the_document(run):
    entry = export.video_to_dict("Live", run.summary)
    assert "faces" not in entry and entry["people"]
    errors = [{"source": "x.jpg", "message": "It is empty."}]
    assert export.to_document([entry], errors) == {
        "schema_version": 1, "results": [entry], "errors": errors,
    }  # fmt: skip


def test_person_without_expression_has_no_such_key(make_face, make_result):
    summary = summarise([make_result(make_face(1, expression=None))], 1.0)
    (person,) = export.video_to_dict("a", summary)["people"]
    assert "gender" in person
    assert not {"expression", "seconds_by_expression", "share_of_time"} & set(person)
    assert "Predicted gender: Woman" in export.video_to_text("a", summary)
