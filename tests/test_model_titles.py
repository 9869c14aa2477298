"""People choose models by what they are called."""

from facecore.model_titles import tell_apart


def test_models_called_alike_are_told_apart_by_their_names():
    titles = {"gender": "Gender", "mine": "Gender", "other": "Other"}
    assert tell_apart(titles) == {
        "gender": "Gender (gender)",
        "mine": "Gender (mine)",
        "other": "Other",
    }
