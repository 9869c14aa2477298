"""What a finished video says about its analysis."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from facecore.annotation import AnnotationOptions
from facecore.pipeline import VIDEO_PIPELINE
from pages._sidebar import Settings
from pages._video_settings import describe_analysis

SETTINGS = Settings(
    "expression_model1",
    "gender",
    VIDEO_PIPELINE,
    AnnotationOptions(),
    {"gender": 0.5},
    {"expression_model1": "a", "gender": "b"},
)
CASE = SimpleNamespace(settings=SETTINGS, models=("Model 1: all *seven*", "Gender"))


def piped(**changes):
    return replace(SETTINGS, pipeline=replace(VIDEO_PIPELINE, **changes))


def test_networks_are_named_and_nothing_else_where_nothing_changed():
    assert describe_analysis(CASE, SETTINGS) == (
        r"Analysed with “Model 1\: all \*seven\*” and “Gender”."
    )


@pytest.mark.parametrize(
    "now",
    [
        replace(SETTINGS, thresholds={"gender": 0.9}),
        replace(SETTINGS, annotation=AnnotationOptions(hide_faces="blur")),
        piped(detect_every=3, thresholds={"gender": 0.9}),
    ],
)
def test_what_finished_videos_follow_is_not_named(now):
    assert "differently" not in describe_analysis(CASE, now)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (replace(SETTINGS, expression_model="expression_model2"), "the expression model is set"),
        (
            replace(SETTINGS, checksums={"expression_model1": "a", "gender": "c"}),
            "the gender model is set",
        ),
        (piped(flip=True), "reading mirror images is set"),
        (
            piped(smoothing=1.0, haar=replace(VIDEO_PIPELINE.haar, min_neighbors=9), flip=True),
            "reading mirror images, the detection and the smoothing are set",
        ),
    ],
)
def test_what_comes_too_late_is_named(now, words):
    text = describe_analysis(CASE, now)
    assert f"In the sidebar, {words} differently by now" in text
    assert text.endswith("that counts for the next analysis.")
