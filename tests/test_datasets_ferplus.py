"""The crowd's votes: columns, ties, what is left out, and files that do not belong together."""

from pathlib import Path

import numpy as np
import pytest

from facecore.datasets_ferplus import VOTE_COLUMNS, load_ferplus, load_votes
from facecore.errors import DatasetNotFoundError, InvalidDatasetError

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)

# (FER-2013's code, usage, votes in the order of the file), and below what they come to.
ROWS = [
    (0, "Training", (10, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    (1, "PublicTest", (1, 2, 3, 4, 0, 0, 0, 0, 0, 0)),  # sad
    (2, "PublicTest", (0, 0, 0, 0, 5, 0, 5, 0, 0, 0)),  # a tie
    (3, "PublicTest", (2, 2, 0, 0, 0, 0, 0, 6, 0, 0)),  # contempt
    (4, "PublicTest", (1, 0, 0, 0, 0, 0, 0, 0, 9, 0)),  # unknown
    (5, "PublicTest", (0, 0, 0, 0, 0, 0, 0, 0, 0, 10)),  # no face
    (6, "PublicTest", (0, 0, 0, 0, 1, 9, 0, 0, 0, 0)),  # disgust
    (6, "PrivateTest", (0, 0, 0, 0, 1, 2, 7, 0, 0, 0)),  # fear
]


def write_files(root: Path, rows=ROWS) -> Path:
    pixels = [" ".join([str(shade)] * 2304) for shade in range(len(ROWS))]
    lines = [f"{code},{pixels[i]},{usage}" for i, (code, usage, _) in enumerate(ROWS)]
    (root / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    votes = [f"{usage},,{','.join(map(str, v))}" for _, usage, v in rows]
    path = root / "fer2013new.csv"
    path.write_text("\n".join([HEADER, *votes]) + "\n")
    return path


def test_votes_by_sample_id(tmp_path):
    write_files(tmp_path)
    votes = load_votes(["7", "1", "2"], tmp_path)
    assert votes.index.tolist() == ["7", "1", "2"]
    assert votes.columns.tolist() == [*VOTE_COLUMNS, "majority"]
    assert votes["majority"].tolist() == ["fear", "sad", "tie"]
    assert votes.loc["1", list(VOTE_COLUMNS)].tolist() == [0, 0, 0, 2, 4, 3, 1, 0, 0, 0]


def test_numpy_ids_are_welcome(tmp_path):
    write_files(tmp_path)
    assert load_votes(np.array(["0"]), tmp_path)["neutral"].tolist() == [10]


def test_majorities_become_labels_and_the_rest_is_counted(tmp_path):
    write_files(tmp_path)
    dataset = load_ferplus("validation", tmp_path)
    assert dataset.sample_ids.tolist() == ["1", "6"]
    assert [dataset.labels[code] for code in dataset.y_true] == ["sad", "disgust"]
    assert dataset.excluded == {"tie": 1, "contempt": 1, "unknown": 1, "not_a_face": 1}
    assert [int(dataset.image(i)[0, 0]) for i in range(2)] == [1, 6]
    assert load_ferplus("test", tmp_path).excluded == {}


def test_picture_without_votes(tmp_path):
    write_files(tmp_path, ROWS[:-1])
    with pytest.raises(InvalidDatasetError, match="no votes for the picture '7'"):
        load_ferplus("test", tmp_path)
    with pytest.raises(InvalidDatasetError, match="no votes for the picture 'val"):
        load_votes(["val/1.jpg"], tmp_path)


def test_votes_of_another_order_are_refused(tmp_path):
    write_files(tmp_path, [*ROWS[1:], ROWS[0]])
    with pytest.raises(InvalidDatasetError, match="same order"):
        load_ferplus("validation", tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.replace("NF", "nothing"),
        lambda text: text.replace("PublicTest", "Public"),
        lambda text: text.replace(",9", ",nine"),
        lambda text: text.replace(",9", ",-9"),
    ],
    ids=["empty", "column", "usage", "text", "negative"],
)
def test_damaged_votes_are_refused(tmp_path, change):
    path = write_files(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(InvalidDatasetError, match="download it again"):
        load_votes(["1"], tmp_path)


def test_missing_votes_say_where_they_come_from(tmp_path):
    write_files(tmp_path).unlink()
    with pytest.raises(DatasetNotFoundError, match="microsoft/FERPlus"):
        load_ferplus("validation", tmp_path)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared folder is not beside the project")
def test_ferplus_counts():
    dataset = load_ferplus("validation", SHARED_DATA)
    assert len(dataset) == 3_328
    assert dataset.excluded == {"tie": 157, "contempt": 24, "unknown": 23, "not_a_face": 11}
    assert len(load_ferplus("test", SHARED_DATA)) == 3_350
