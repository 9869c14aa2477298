"""Doubtful labels: who decided what, the queue, the crowd's majorities, merging, applying."""

import csv
import fcntl
import io
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from relabel_files import AS_NEUTRAL, BLANK, COPIED, COPY, DOUBTFUL, NO_FACE, write_faces
from sklearn.metrics import cohen_kappa_score

from facecore import relabel_decisions
from facecore.__main__ import main
from facecore.datasets import load_dataset
from facecore.datasets_ferplus import load_votes
from facecore.errors import CorrectionsError, InvalidDatasetError, StorageError
from facecore.relabel_apply import apply_decisions
from facecore.relabel_choice import (
    EVERYBODY,
    delete_person,
    list_choices,
    name_corrections,
    store_corrections,
)
from facecore.relabel_decisions import (
    COLUMNS,
    NOT_A_FACE,
    Decision,
    add_decision,
    clean_name,
    decide,
    decisions_path,
    find_corrections,
    load_decisions,
    load_everyone,
    load_person,
    read_decisions,
    relabel_dir,
    remove_decision,
    save_decisions,
    to_decisions_csv,
)
from facecore.relabel_merge import add_files, compare_people, merge_decisions
from facecore.relabel_predictions import (
    OutOfSample,
    load_predictions_for,
    predictions_path,
    save_predictions,
)
from facecore.relabel_queue import build_queue, filter_queue
from facecore.relabel_scan import scan_pictures
from facecore.relabel_votes import CROWD_FILE, decide_by_votes

WAIT_S = 20


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder)
    return folder


@pytest.fixture(autouse=True)
def folders(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_DATA_DIR", str(data_folder))
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))


@pytest.fixture(scope="module")
def faces(data_folder):
    return load_dataset("fer2013", "train", data_folder)


@pytest.fixture(scope="module")
def votes(faces, data_folder):
    return load_votes(faces.sample_ids.tolist(), data_folder)


def said(image, new, old="sad", who="Ann", when="2026-01-01T00:00:00+00:00"):
    return Decision(image, old, new, who, when)


def predict(faces, wrong=()):
    """Out-of-sample answers that are sure of the label, but of "fear" for the wrong ones."""
    probs = np.full((len(faces), 7), 0.05, dtype=np.float32)
    probs[np.arange(len(faces)), faces.y_true] = 0.7
    is_issue = np.isin(faces.sample_ids, list(wrong))
    probs[is_issue] = 0.05
    probs[is_issue, faces.labels.index("fear")] = 0.7
    quality = probs[np.arange(len(faces)), faces.y_true]
    return OutOfSample(
        faces.sample_ids, faces.labels, faces.y_true, probs, quality, is_issue, num_folds=5
    )


class TestDecisions:
    def test_csv_comes_back(self):
        rows = [said("1", "happy", who="Zoë, B."), decide("x/2.jpg", "sad", "sad", "Ann")]
        data = to_decisions_csv(rows)
        assert tuple(next(csv.reader(io.StringIO(data.decode())))) == COLUMNS
        assert read_decisions(data, "a.csv") == rows
        assert read_decisions(b"\xef\xbb\xbf" + data, "saved by a spreadsheet") == rows

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff\xfe\x00",
            b"a,b\n1,2\n",
            b"image,old,new,who,when\n1,sad\n",
            b'image,old\n"1',
            b"",
            b"a,b\n",
            b"image;old;new;who;when\n",
            b"image,old,new,who,when\n1, ,sad,Ann,2026\n",
        ],
    )
    def test_other_files_are_refused(self, data):
        with pytest.raises(CorrectionsError, match="columns image, old, new, who, when"):
            read_decisions(data, "a.csv")

    def test_a_file_of_nobodys_decisions_is_one(self):
        assert read_decisions(to_decisions_csv([]), "a.csv") == []

    def test_large_files_are_refused(self, monkeypatch):
        monkeypatch.setattr("facecore.relabel_decisions.MAX_BYTES", 10)
        with pytest.raises(CorrectionsError, match="larger than"):
            read_decisions(b"x" * 11, "a.csv")

    def test_missing_file(self, tmp_path):
        with pytest.raises(CorrectionsError, match="cannot be read"):
            load_decisions(tmp_path / "none.csv")

    def test_each_person_has_a_file_and_the_last_word_counts(self):
        for row in (
            said("1", "happy"),
            said("2", "fear"),
            said("1", "sad"),
            said("1", "fear", who="ann"),
        ):
            add_decision("fer2013", "train", row)
        assert load_person("fer2013", "train", "Ann") == [said("2", "fear"), said("1", "sad")]
        assert load_person("fer2013", "train", "Bob") == []
        assert set(load_everyone("fer2013", "train")) == {"Ann", "ann"}
        remove_decision("fer2013", "train", "Ann", "2")
        assert load_person("fer2013", "train", "Ann") == [said("1", "sad")]
        assert decisions_path("a", "b", "李") != decisions_path("a", "b", "王")

    def test_file_that_is_deleted_at_that_moment_holds_nothing(self, monkeypatch):
        """Whoever looked and found it is not told of a damaged file."""
        path = decisions_path("fer2013", "train", "Ann")
        real_read = Path.read_bytes

        def delete_then_read(asked):
            asked.unlink()
            return real_read(asked)

        def delete_meanwhile(act):
            add_decision("fer2013", "train", said("1", "happy"))
            with monkeypatch.context() as patch:
                patch.setattr(Path, "read_bytes", delete_then_read)
                return act()

        assert delete_meanwhile(lambda: load_person("fer2013", "train", "Ann")) == []
        assert delete_meanwhile(lambda: load_everyone("fer2013", "train")) == {}
        delete_meanwhile(lambda: add_decision("fer2013", "train", said("2", "fear")))
        assert load_decisions(path) == [said("2", "fear")]

    def test_decision_that_is_just_being_written_does_not_bring_deleted_ones_back(
        self, monkeypatch
    ):
        add_decision("fer2013", "train", said("1", "happy"))
        deleting = threading.Thread(target=delete_person, args=("fer2013", "train", "Ann"))
        waits, real_lock = threading.Event(), fcntl.flock

        def lock(file, how):
            if threading.current_thread() is deleting:
                waits.set()
            real_lock(file, how)

        def delete_then_save(path, rows):
            deleting.start()
            waits.wait(5)  # without the lock the deletion is over by then
            save_decisions(path, rows)

        monkeypatch.setattr(fcntl, "flock", lock)
        monkeypatch.setattr(relabel_decisions, "save_decisions", delete_then_save)
        add_decision("fer2013", "train", said("2", "fear"))
        deleting.join()
        assert load_person("fer2013", "train", "Ann") == []

    def test_names_are_no_formulas(self):
        assert clean_name(' =HYPERLINK("x")\n ') == 'HYPERLINK("x")'
        assert clean_name(" \t-- ") == ""

    def test_nobody_is_called_like_several_people(self):
        assert clean_name("Ann + Bob +") == "Ann Bob"
        assert clean_name("Ann+Bob C++") == "Ann+Bob C++"

    def test_names_are_cut_one_by_one(self):
        long = "x" * 70
        data = to_decisions_csv([said("1", "happy", who=f"Ann + {long} + =Bob")])
        assert read_decisions(data, "a.csv")[0].who == f"Ann + {'x' * 60} + Bob"

    def test_full_disk_is_told(self, tmp_path):
        (tmp_path / "user").mkdir()
        (tmp_path / "user" / "relabel").write_text("no folder")
        with pytest.raises(StorageError, match="cannot be written"):
            add_decision("fer2013", "train", said("1", "happy"))
        with pytest.raises(StorageError, match="cannot be written"):
            save_decisions(tmp_path / "user" / "relabel" / "a.csv", [])


class TestApply:
    def test_labels_change_and_what_is_no_face_goes(self, faces):
        a, b = AS_NEUTRAL
        rows = [said(a, "neutral"), said(b, "sad"), said(NO_FACE, NOT_A_FACE), said(a, "neutral")]
        before = faces.y_true.copy()
        corrected, told = apply_decisions(faces, rows)
        labels = dict(
            zip(corrected.sample_ids, np.array(faces.labels)[corrected.y_true], strict=True)
        )
        assert (labels[a], labels[b]) == ("neutral", "sad") and NO_FACE not in labels
        assert len(corrected) == len(faces) - 1
        assert told.relabelled == {("sad", "neutral"): 1}
        assert (told.num_relabelled, told.num_left_out, told.num_kept) == (1, 1, 1)
        np.testing.assert_array_equal(faces.y_true, before)
        row = corrected.sample_ids.tolist().index(BLANK)
        assert corrected.image(row).min() == 255, "pictures stay with their ids"

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (said(COPIED, "happy"), "labels it 'angry'"),
            (said("99999", "happy"), "does not have"),
            (said(NO_FACE, "contempt"), "no label of fer2013"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, faces, row, message):
        with pytest.raises(CorrectionsError, match=message):
            apply_decisions(faces, [row])

    def test_two_words_on_one_picture_are_refused(self, faces):
        with pytest.raises(CorrectionsError, match="two things about picture"):
            apply_decisions(faces, [said(NO_FACE, "happy"), said(NO_FACE, "fear", who="Bob")])

    def test_held_out_pictures_stay(self, faces):
        corrected, told = apply_decisions(faces, [said("99", "happy")], elsewhere={"99"})
        assert told.num_elsewhere == 1 and len(corrected) == len(faces)


class TestVotes:
    def test_only_clear_majorities_decide(self, faces, votes):
        found = {d.image: (d.old, d.new) for d in decide_by_votes(faces, votes, 7)}
        expected = dict.fromkeys(AS_NEUTRAL, ("sad", "neutral")) | {NO_FACE: ("sad", NOT_A_FACE)}
        assert found == expected
        assert [d.image for d in decide_by_votes(faces, votes, 9)] == [NO_FACE]

    @pytest.mark.parametrize("number", [5, 11])
    def test_half_is_no_majority(self, faces, votes, number):
        with pytest.raises(CorrectionsError, match="no clear majority"):
            decide_by_votes(faces, votes, number)

    def test_command_writes_the_same_bytes_every_time(self, tmp_path, capsys):
        paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
        for path in paths:
            assert main(["relabel", "--from-votes", "--out", str(path)]) == 0
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert "2 other labels (sad to neutral 2), 1 not a face, 0 kept" in capsys.readouterr().out

    def test_training_finds_what_the_command_writes(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert main(["relabel", "--from-votes"]) == 0
        found = find_corrections(CROWD_FILE, "fer2013", "train")
        assert found.parent == relabel_dir("fer2013", "train")
        assert len(load_decisions(found)) == 3
        Path(CROWD_FILE).write_text("nearer")
        assert find_corrections(CROWD_FILE, "fer2013", "train") == Path(CROWD_FILE)

    @pytest.mark.parametrize(
        ("choice", "message"),
        [
            (("--split", "test"), "Only training pictures"),
            (("--dataset", "fairface"), "fer2013 only"),
        ],
    )
    def test_nothing_but_training_pictures(self, tmp_path, capsys, choice, message):
        arguments = ["relabel", "--from-votes", *choice, "--out", str(tmp_path / "a.csv")]
        assert main(arguments) == 1
        assert message in capsys.readouterr().err
        assert not (tmp_path / "a.csv").exists()


@contextmanager
def held(lock):
    """Hold a person's lock, as another session does that changes their decisions."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def is_waiting(thread):
    thread.join(0.3)
    return thread.is_alive()


class TestChoice:
    @pytest.fixture(autouse=True)
    def two_people(self):
        for row in (said("1", "happy"), said("2", "fear"), said("1", "happy", who="Bob")):
            add_decision("fer2013", "train", row)

    def test_everybody_and_each(self):
        choices = list_choices("fer2013", "train")
        assert {who: len(found) for who, found in choices.items()} == {
            EVERYBODY: 2,
            "Ann": 2,
            "Bob": 1,
        }

    def test_what_a_training_took_stays_until_its_people_are_deleted(self):
        choices = list_choices("fer2013", "train")
        paths = {}
        for who, decisions in choices.items():
            store_corrections("fer2013", "train", decisions)
            paths[who] = find_corrections(name_corrections(decisions), "fer2013", "train")
        add_decision("fer2013", "train", said("3", "fear"))
        assert load_decisions(paths["Ann"]) == list(choices["Ann"])
        assert len({path.name for path in paths.values()}) == 3
        delete_person("fer2013", "train", "Bob")
        assert [who for who, path in paths.items() if path.exists()] == ["Ann"]
        assert list(list_choices("fer2013", "train")) == ["Ann"]

    @pytest.mark.parametrize(
        "people",
        [("A" * 25, "B" * 26, "C" * 14), ("Ann", "Ann + Bob")],
        ids=["long together", "called like two"],
    )
    def test_nothing_of_a_person_stays(self, people):
        for who in people:
            add_decision("fairface", "train", said("1", "happy", who=who))
        decisions = list_choices("fairface", "train")[EVERYBODY]
        store_corrections("fairface", "train", decisions)
        assert people[-1] in load_everyone("fairface", "train")
        delete_person("fairface", "train", people[-1])
        left = b"".join(p.read_bytes() for p in relabel_dir("fairface", "train").rglob("*.csv"))
        assert people[-1].encode() not in left and people[0].encode() in left

    def test_no_file_is_called_like_a_person_who_was_deleted(self):
        path = decisions_path("fer2013", "train", "Bob")
        assert {p.suffix for p in path.parent.glob("bob_*")} == {".csv", ".lock"}
        delete_person("fer2013", "train", "Bob")
        assert not list(path.parent.glob("bob_*"))
        delete_person("fer2013", "train", "Bob")
        delete_person("fairface", "train", "Bob")
        assert not list(path.parent.glob("bob_*"))
        assert not relabel_dir("fairface", "train").exists()

    def test_deleting_waits_for_a_decision_that_is_being_written(self):
        path = decisions_path("fer2013", "train", "Bob")
        with held(path.with_suffix(".lock")):
            deleting = start(lambda: delete_person("fer2013", "train", "Bob"))
            assert is_waiting(deleting) and path.exists()
        deleting.join(WAIT_S)
        assert not path.exists()

    def test_who_waited_for_a_deleted_lock_waits_for_its_successor_too(self):
        lock = decisions_path("fer2013", "train", "Bob").with_suffix(".lock")
        with ExitStack() as second:
            with held(lock):
                writing = start(
                    lambda: add_decision("fer2013", "train", said("7", "sad", who="Bob"))
                )
                assert is_waiting(writing)
                lock.unlink()
                second.enter_context(held(lock))
            assert is_waiting(writing), "another session is writing now"
        writing.join(WAIT_S)
        assert [d.image for d in load_person("fer2013", "train", "Bob")] == ["1", "7"]

    def test_folder_that_may_not_be_changed_is_told(self, monkeypatch):
        def refuse(self, missing_ok=False):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(StorageError, match=r"cannot be changed .Permission denied."):
            delete_person("fer2013", "train", "Bob")


class TestMerge:
    def test_most_of_those_who_decided_win(self):
        people = {
            "Ann": [said("1", "happy"), said("2", "fear"), said("3", "sad")],
            "Bob": [said("1", "happy", who="Bob"), said("2", "sad", who="Bob")],
            "Cy": [said("1", "sad", who="Cy")],
        }
        merged = merge_decisions(people)
        assert [(d.image, d.new, d.who) for d in merged.decisions] == [
            ("1", "happy", "Ann + Bob"),
            ("3", "sad", "Ann"),
        ]
        assert merged.disputed == {"2": {"Ann": "fear", "Bob": "sad"}}
        assert merged.num_shared == 2

    def test_other_data_are_refused(self):
        with pytest.raises(CorrectionsError, match="different data"):
            merge_decisions({"Ann": [said("1", "sad")], "Bob": [said("1", "sad", old="fear")]})

    def test_kappa_is_scikit_learns(self):
        rng = np.random.default_rng(0)
        a, b = rng.choice(["sad", "fear", "happy"], (2, 60))
        b[:30] = a[:30]
        people = {
            who: [said(str(i), str(new), who=who) for i, new in enumerate(choices)]
            for who, choices in (("Ann", a), ("Bob", b))
        }
        (pair,) = compare_people(people)
        assert (pair.num_both, pair.num_same) == (60, int((a == b).sum()))
        assert pair.kappa == pytest.approx(cohen_kappa_score(a, b))

    def test_kappa_needs_something_to_tell(self):
        nothing = compare_people({"Ann": [said("1", "sad")], "Bob": [said("2", "sad")]})[0]
        assert (nothing.num_both, nothing.kappa) == (0, None)
        alike = compare_people({"Ann": [said("1", "sad")], "Bob": [said("1", "sad")]})[0]
        assert (alike.num_same, alike.kappa) == (1, None)

    def test_command_needs_a_place(self, tmp_path, capsys):
        save_decisions(tmp_path / "a.csv", [said("1", "happy")])
        assert main(["relabel", "--merge", str(tmp_path / "a.csv")]) == 1
        assert "--out" in capsys.readouterr().err

    def test_command(self, tmp_path, capsys):
        save_decisions(tmp_path / "a.csv", [said("1", "happy"), said("2", "fear")])
        save_decisions(tmp_path / "b.csv", [said(i, "happy", who="Bob") for i in "12"])
        files = [str(tmp_path / name) for name in ("a.csv", "b.csv", "out.csv")]
        assert main(["relabel", "--merge", *files[:2], "--out", files[2]]) == 0
        out = capsys.readouterr().out
        assert "Ann and Bob: the same on 1 of 2" in out and "1 pictures are disputed" in out
        assert [d.image for d in load_decisions(tmp_path / "out.csv")] == ["1"]


class TestFiles:
    def test_each_nameless_file_is_one_person_called_like_it(self):
        people = {}
        words = (("ann.csv", "happy"), ("ann.csv", "happy"), ("=+.csv", "fear"))
        add_files(people, [(name, [said("1", new, who="")]) for name, new in words])
        assert list(people) == ["ann", "ann (2)", "file"]
        assert merge_decisions(people).decisions[0].who == "ann + ann (2)"

    def test_one_persons_files_add_up_where_they_agree(self):
        people = {}
        first, second = (
            [said("1", "happy"), said("2", "fear")],
            [said("2", "fear"), said("3", "sad")],
        )
        assert not add_files(people, [("a.csv", first), ("b.csv", second)])
        assert {d.image for d in people["Ann"]} == {"1", "2", "3"}

    def test_one_name_that_says_two_things_is_refused_and_nothing_is_added(self):
        people = {}
        second = [said("2", "sad", who="Bob"), said("1", "fear")]
        (error,) = add_files(people, [("a.csv", [said("1", "happy")]), ("b.csv", second)])
        assert isinstance(error, CorrectionsError)
        assert "b.csv has 'fear' from Ann for picture '1'" in str(error)
        assert people == {"Ann": [said("1", "happy")]}

    @pytest.mark.parametrize("turn", [1, -1])
    def test_nameless_people_are_nobody_who_has_such_a_name(self, turn):
        """In whichever order the files come, also within one file."""
        files = [("x.csv", [said("1", "sad", who="")]), ("y.csv", [said("1", "fear", who="x")])]
        people = {}
        assert not add_files(people, files[::turn])
        assert {who: rows[0].new for who, rows in people.items()} == {"x": "fear", "x (2)": "sad"}
        people = {}
        assert not add_files(people, [("x.csv", [said("1", "sad", who=""), files[1][1][0]])])
        assert {who: len(rows) for who, rows in people.items()} == {"x": 1, "x (2)": 1}

    def test_command_keeps_nameless_files_apart(self, tmp_path, capsys):
        for name, new in (("ann", "sad"), ("bob", "neutral")):
            rows = [said("1", new, "happy", who=""), said("2", "fear", "happy", who="")]
            save_decisions(tmp_path / f"{name}.csv", rows)
        files = [str(tmp_path / f"{name}.csv") for name in ("ann", "bob", "out")]
        assert main(["relabel", "--merge", *files[:2], "--out", files[2]]) == 0
        out = capsys.readouterr().out
        assert "ann and bob: the same on 1 of 2" in out and "1 pictures are disputed" in out
        assert [(d.image, d.who) for d in load_decisions(tmp_path / "out.csv")] == [
            ("2", "ann + bob")
        ]


class TestQueue:
    def test_every_reason_is_found(self, faces, votes):
        queue = build_queue(faces, scan_pictures(faces), predict(faces, ["5", COPIED]), votes)
        assert set(queue["sample_id"]) == DOUBTFUL | {"5"}
        table = queue.set_index("sample_id")
        assert table.index[0] == COPIED, "two reasons stand before one"
        assert table.loc[COPIED, ["copies", "network", "crowd", "blank"]].tolist() == [
            True,
            True,
            False,
            False,
        ]
        assert table.loc["5", "seen"] == "fear"
        assert table.loc[COPY, "seen"] == "angry"
        assert table.loc[AS_NEUTRAL[0], "seen"] == "neutral"
        assert table.loc[NO_FACE, "seen"] == table.loc[BLANK, "seen"] == NOT_A_FACE

    def test_without_networks_and_crowd(self, faces):
        queue = build_queue(faces, scan_pictures(faces))
        assert set(queue["sample_id"]) == {COPIED, COPY, BLANK}

    def test_filters(self, faces, votes):
        queue = build_queue(faces, scan_pictures(faces), None, votes)
        pair = filter_queue(queue, label="sad", seen="neutral")
        assert set(pair["sample_id"]) == set(AS_NEUTRAL)
        assert set(filter_queue(queue, ["blank"])["sample_id"]) == {BLANK}
        assert filter_queue(queue, []).empty

    def test_alike_pictures(self, faces):
        alike = scan_pictures(faces).find_alike(int(COPIED), 3)
        assert alike[0] == (int(COPY), pytest.approx(1.0))
        assert len(alike) == 3 and alike[1][1] < 0.9


class TestPredictions:
    def test_file_comes_back(self, faces):
        assert load_predictions_for(faces) is None
        saved = predict(faces, ["5"])
        save_predictions(predictions_path("fer2013", "train"), saved)
        found = load_predictions_for(faces)
        np.testing.assert_array_equal(found.probs, saved.probs)
        assert found.is_issue.sum() == 1 and found.num_folds == 5
        assert found.accuracy == pytest.approx(1 - 1 / len(faces))

    def test_other_data_and_damage_are_told(self, faces):
        path = predictions_path("fer2013", "train")
        changed = replace(predict(faces), y_true=faces.y_true[::-1])
        save_predictions(path, changed)
        with pytest.raises(InvalidDatasetError, match=r"other pictures .*cross_validate\.py"):
            load_predictions_for(faces)
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(InvalidDatasetError, match="is damaged"):
            load_predictions_for(faces)
