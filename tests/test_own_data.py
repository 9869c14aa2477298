"""Bringing pictures: safe unpacking, reading, the report, keeping."""

import errno
import io
import os
import shutil
import struct
import unicodedata
import zipfile

import cv2
import numpy as np
import pytest
from own_pictures import draw_face, make_zip, write_folders

from facecore import own_data_store
from facecore.datasets import get_split_info, load_dataset
from facecore.errors import (
    DatasetNotFoundError,
    FaceCoreError,
    InvalidDatasetError,
    StorageError,
    UnsafeArchiveError,
)
from facecore.own_data_labels import check_mapping, guess_mapping
from facecore.own_data_people import find_people
from facecore.own_data_pictures import prepare_pictures
from facecore.own_data_plan import choose_method, make_plan
from facecore.own_data_sources import (
    list_folder,
    list_server_sources,
    read_csv,
    resolve_server_source,
    sort_by_folders,
)
from facecore.own_data_split import SplitChoice, assign_splits, join_units
from facecore.own_data_store import (
    delete_own_data,
    keep_data,
    list_own_data,
    load_own_data,
)
from facecore.own_data_unpack import ArchiveLimits, unpack_pictures
from facecore.registry import InputSpec
from facecore.user_files import user_data_dir


@pytest.fixture(autouse=True)
def user_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    return tmp_path / "user"


def pack(entries, **options):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", **options) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    data.seek(0)
    return data


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info, target


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("../../etc/x.png", b"x")], "leads out"),
        ([("happy/../../x.png", b"x")], "leads out"),
        ([("/etc/x.png", b"x")], "leads out"),
        ([("C:/x.png", b"x")], "leads out"),
        ([("happy\\..\\..\\x.png", b"x")], "leads out"),
        ([link("happy/x.png", "/etc/passwd")], "is a link"),
        ([(f"{'a/' * 300}x.png", b"x")], "more than 400 letters"),
    ],
)
def test_hostile_entries_are_refused(tmp_path, entries, words):
    with pytest.raises(UnsafeArchiveError, match=words):
        unpack_pictures(pack(entries), tmp_path / "out", "x.zip")
    assert not list((tmp_path / "out").iterdir())


def test_bomb_is_refused_by_its_ratio_and_by_its_sum(tmp_path):
    bomb = pack([("happy/x.png", bytes(30_000_000))], compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UnsafeArchiveError, match="swell"):
        unpack_pictures(bomb, tmp_path / "out")
    many = pack([(f"happy/{i}.png", bytes(900)) for i in range(4)])
    with pytest.raises(UnsafeArchiveError, match="more than"):
        unpack_pictures(many, tmp_path / "out", limits=ArchiveLimits(max_bytes=3000))


def test_a_million_entries_are_refused_before_they_are_listed(tmp_path, monkeypatch):
    data = pack([("happy/1.png", b"x")]).getvalue()
    at = data.rfind(b"PK\5\6")
    # The number of entries may lie, the bytes of the directory cannot.
    huge = data[:at] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 60_000_000, 0, 0)
    four = pack([(f"a/{i}.png", b"") for i in range(4)])
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("listed"))
    with pytest.raises(UnsafeArchiveError, match="more than 100,000 entries"):
        unpack_pictures(io.BytesIO(huge), tmp_path / "out")
    with pytest.raises(UnsafeArchiveError, match="more than 3 entries"):
        unpack_pictures(four, tmp_path / "out", limits=ArchiveLimits(max_entries=3))


def test_more_than_the_real_zip64_limit(tmp_path):
    with pytest.raises(UnsafeArchiveError, match="more than 100,000 entries"):
        unpack_pictures(pack([(f"{i}", b"") for i in range(100_001)]), tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\5\6"])
def test_no_zip_is_one_sentence(tmp_path, data):
    with pytest.raises(InvalidDatasetError, match="no ZIP archive"):
        unpack_pictures(io.BytesIO(data), tmp_path / "out", "x.zip")


def test_damaged_and_encrypted_zip(tmp_path):
    data = bytearray(make_zip({"happy": 3}).getvalue())
    data[60:90] = bytes(30)
    with pytest.raises(FaceCoreError):
        unpack_pictures(io.BytesIO(bytes(data)), tmp_path / "out")
    info = zipfile.ZipInfo("happy/x.png")
    encrypted = bytearray(pack([(info, b"x")]).getvalue())
    at = encrypted.rfind(b"PK\1\2")
    encrypted[at + 8] |= 1
    with pytest.raises(UnsafeArchiveError, match="encrypted"):
        unpack_pictures(io.BytesIO(bytes(encrypted)), tmp_path / "out")


def test_names_never_become_paths(tmp_path):
    data = pack(
        [("happy/%s.PNG" % ("ü" * 10), b"1"), ("__MACOSX/happy/._1.png", b"2"), ("a.txt", b"")]
    )
    files, left_out = unpack_pictures(data, tmp_path / "out")
    assert [(f.source, f.path.name) for f in files] == [(f"happy/{'ü' * 10}.PNG", "000000.png")]
    assert left_out == ["a.txt"]


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["happy/1.png", "sad/1.png"], [("happy", ""), ("sad", "")]),
        (["faces/happy/1.png", "faces/sad/x/1.png"], [("happy", ""), ("sad", "")]),
        (
            ["z/train/happy/1.png", "z/val/happy/1.png", "z/Testing/sad/1.png"],
            [("happy", "train"), ("happy", "validation"), ("sad", "test")],
        ),
        (["train/happy/1.png"], [("happy", "train")]),
        (
            ["z/happy/train/1.png", "z/happy/Test/2.png", "z/sad/val/x/1.png"],
            [("happy", "train"), ("happy", "test"), ("sad", "validation")],
        ),
        (["happy/test/1.png", "sad/ann/1.png"], [("happy", ""), ("sad", "")]),
    ],
)
def test_labels_and_splits_are_read_from_paths(tmp_path, paths, found):
    for path in paths:
        (tmp_path / "x" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / path).write_bytes(b"")
    pictures, _ = list_folder(tmp_path / "x")
    assert sorted((p.label, p.split) for p in pictures) == sorted(found)


def test_names_of_a_zip_that_macos_made_are_read_as_they_were_meant(tmp_path):
    """Its names are UTF-8, and it does not say so; those of Windows are CP437."""
    plain = pack([("fr__hlich/1.png", b"1"), ("tr_nen/1.png", b"2"), ("sad/1.png", b"3")])
    data = plain.getvalue().replace(b"fr__hlich", "fröhlich".encode())
    data = data.replace(b"tr_nen", "tränen".encode("cp437"))
    files, _ = unpack_pictures(io.BytesIO(data), tmp_path / "out")
    assert [file.source.split("/")[0] for file in files] == ["fröhlich", "tränen", "sad"]


def test_pictures_without_a_folder_or_none_at_all(tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(InvalidDatasetError, match="one folder per label"):
        list_folder(tmp_path)
    with pytest.raises(InvalidDatasetError, match="no pictures"):
        sort_by_folders([], "x.zip")


def test_server_folders_stay_below_the_data_folder(tmp_path, monkeypatch):
    root = tmp_path / "data"
    write_folders(root / "mine", {"happy": 1, "sad": 1})
    (root / "fer.csv").write_text("")
    (tmp_path / "secret").mkdir()
    (root / "out").symlink_to(tmp_path / "secret")
    monkeypatch.setenv("FACECORE_DATA_DIR", str(root))
    assert list_server_sources() == ["fer.csv", "mine", "mine/happy", "mine/sad"]
    assert resolve_server_source("mine") == root / "mine"
    for name in ("../secret", "/etc", "out", "nothing"):
        with pytest.raises(InvalidDatasetError, match="not in the server's data folder"):
            resolve_server_source(name)


def test_too_many_pictures_in_a_folder_whose_name_is_no_utf8(tmp_path, monkeypatch):
    write_folders(tmp_path / "cafe", {"happy": 2})
    folder = (tmp_path / "cafe").rename(tmp_path / os.fsdecode(b"caf\xe9"))
    monkeypatch.setattr("facecore.own_data_sources.MAX_PICTURES", 1)
    with pytest.raises(InvalidDatasetError, match="more than 1 pictures") as told:
        list_folder(folder)
    assert str(told.value).isprintable()


def test_csv_in_the_layout_of_fer2013():
    pixels = " ".join(["7"] * 64)
    text = f"emotion, pixels, Usage\n3,{pixels},Training\n6,{pixels},PublicTest\n0,1 2 x,Training\n"
    rows = read_csv(io.BytesIO(text.encode()), "fer.csv")
    assert [(r.label, r.split) for r in rows] == [
        ("3", "train"),
        ("6", "validation"),
        ("0", "train"),
    ]
    assert rows[0].read().shape == (8, 8)
    with pytest.raises(FaceCoreError, match="line 4"):
        rows[2].read()
    with pytest.raises(InvalidDatasetError, match="has not FER-2013's columns"):
        read_csv(io.BytesIO(b"a,b\n1,2\n"), "x.csv")
    with pytest.raises(InvalidDatasetError, match="UTF-8"):
        read_csv(io.BytesIO(b"label,pixels\n\xff\xfe,1\n"), "x.csv")


def test_names_are_guessed_and_checked():
    guessed = guess_mapping(["Happiness", "3", "Tired_out", "9", "unknown"], "expression")
    assert guessed == {
        "Happiness": "happy",
        "3": "happy",
        "Tired_out": "tired out",
        "9": "",
        "unknown": "",
    }
    assert guess_mapping(["F", "0", "non-binary"], "gender") == {
        "F": "woman",
        "0": "",
        "non-binary": "non binary",
    }
    assert check_mapping({"a": " Tired  Out ", "b": ""}) == {"a": "tired out", "b": ""}
    for label in ("undecided", "x" * 31, "a\u200bb"):
        with pytest.raises(InvalidDatasetError, match="cannot be used"):
            check_mapping({"a": label})


def test_composed_and_decomposed_letters_are_one_label(tmp_path):
    """A Mac writes ü as u and two dots, everybody else as one sign."""
    nfc, nfd = (unicodedata.normalize(form, "müde") for form in ("NFC", "NFD"))
    assert nfc != nfd
    write_folders(tmp_path / "faces" / "train", {nfc: 1})
    write_folders(tmp_path / "faces" / "val", {nfd: 1})
    pictures, _ = list_folder(tmp_path / "faces")
    assert {(p.label, p.split) for p in pictures} == {(nfc, "train"), (nfc, "validation")}
    text = f"label,pixels\n{nfd},7\n{nfc},7\n"
    assert {row.label for row in read_csv(io.BytesIO(text.encode()), "x.csv")} == {nfc}
    assert guess_mapping([nfd], "expression") == {nfd: nfc}
    assert check_mapping({nfd: nfd, "x": nfd.upper()}) == {nfc: nfc, "x": nfc}


def prepare(folder, tmp_path, **options):
    raws, left_out = list_folder(folder)
    return prepare_pictures(raws, tmp_path / "draft", left_out=left_out, **options)


def plan_for(draft, choice=None, task="expression"):
    mapping = guess_mapping([p.label for p in draft.pictures], task)
    return make_plan(draft, task, mapping, choice or SplitChoice(choose_method(draft, mapping)))


def texts(plan, level=None):
    return " ".join(f.problem for f in plan.findings if level in (None, f.level))


def test_report_tells_every_problem(tmp_path):
    folder = tmp_path / "faces"
    write_folders(folder, {"happy": 90, "sad": 24, "angry": 7})
    happy = sorted((folder / "happy").iterdir())
    (folder / "happy" / "copy.png").write_bytes(happy[0].read_bytes())
    (folder / "sad" / "torn.png").write_bytes(happy[1].read_bytes())
    jpeg = cv2.imencode(".jpg", cv2.imread(str(happy[2])), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    (folder / "happy" / "again.jpg").write_bytes(jpeg.tobytes())
    (folder / "happy" / "broken.png").write_bytes(b"\x89PNG nothing")
    cv2.imwrite(str(folder / "happy" / "blank.png"), np.full((48, 48), 90, np.uint8))
    cv2.imwrite(str(folder / "happy" / "wide.png"), draw_face(1, 1000)[8:32].repeat(2, axis=1))
    (folder / "happy" / "notes.txt").write_text("x")
    draft = prepare(folder, tmp_path)
    plan = plan_for(draft)
    assert dict(plan.left_out) == {"unreadable": 1, "blank": 1, "two labels": 2, "copy": 1}
    told = texts(plan)
    for words in (
        "Cannot be read: 1 picture.",
        "Nothing but one colour: 1 picture.",
        "Identical to one with another label",
        "Identical to another one of the same label: 1 picture.",
        "Almost the same as another one: 2 pictures.",
        "no pictures by",
        "Far from square",
        "The labels are unequal: Happy",
        "A network can be judged on 24 pictures only.",
    ):
        assert words in told, words
    assert "Angry has 7 pictures; at least 20 are needed." in texts(plan, "refused")
    assert not plan.is_usable
    assert plan.counts()["happy"] == {"train": 73, "validation": 18}
    again = [p for p in plan.pictures if draft.pictures[p.index].source.endswith("again.jpg")]
    same = draft.groups[again[0].index]
    splits = {p.split for p in plan.pictures if draft.groups[p.index] == same}
    assert len(splits) == 1
    with pytest.raises(InvalidDatasetError, match="cannot be used yet"):
        keep_data(draft, plan, "Faces")


def test_given_split_loses_training_copies_of_held_out_pictures(tmp_path):
    folder = tmp_path / "faces"
    write_folders(folder / "train", {"happy": 24, "sad": 24})
    write_folders(folder / "val", {"happy": 8, "sad": 8}, seed=500)
    first = sorted((folder / "val" / "sad").iterdir())[0]
    image = cv2.imread(str(first))
    (folder / "train" / "sad" / "copy.png").write_bytes(first.read_bytes())
    cv2.imwrite(str(folder / "train" / "sad" / "alike.png"), np.clip(image + 3.0, 0, 255))
    plan = plan_for(prepare(folder, tmp_path))
    assert plan.choice.method == "given"
    assert plan.counts()["sad"] == {"train": 24, "validation": 8}
    assert dict(plan.left_out) == {"copy": 1, "like a held-out picture": 1}


def test_one_label_or_none_is_refused(tmp_path):
    write_folders(tmp_path / "faces", {"happy": 24})
    draft = prepare(tmp_path / "faces", tmp_path)
    assert "only one label" in texts(plan_for(draft), "refused")
    nothing = make_plan(draft, "expression", {"happy": ""}, SplitChoice())
    assert "no usable pictures" in texts(nothing, "refused")


def test_people_stay_on_one_side(tmp_path):
    folder = tmp_path / "faces"
    for person in range(10):
        write_folders(folder, {"happy": 4, "sad": 4}, f"p{person}_", 100 * person)
    draft = prepare(folder, tmp_path)
    plan = plan_for(draft)
    assert plan.choice.method == "person"
    sides = {}
    for picture in plan.pictures:
        person = draft.pictures[picture.index].source.split("/")[1].split("_")[0]
        sides.setdefault(person, set()).add(picture.split)
    assert {len(side) for side in sides.values()} == {1}
    assert sum(side == {"validation"} for side in sides.values()) == 2
    assert "10 people were told apart" in texts(plan)


@pytest.mark.parametrize(
    ("names", "people"),
    [
        ([f"a/S{i % 5}_{i}.png" for i in range(20)], [f"s{i % 5}" for i in range(20)]),
        ([f"a/K{chr(65 + i % 5)}.AN{i}.tiff" for i in range(20)], None),
        ([f"a/IMG_{i}.png" for i in range(20)], []),
        ([f"a/{i % 5}.png" for i in range(20)], []),
        ([f"a/p{i}_1.png" for i in range(20)], []),
    ],
)
def test_people_are_told_apart_only_where_names_tell(names, people):
    found = list(find_people(names))
    assert found == people if people is not None else len(set(found)) == 5


def test_units_are_never_divided_and_shares_are_met():
    labels = ["happy"] * 80 + ["sad"] * 20
    units = [i // 4 for i in range(100)]
    splits = assign_splits(SplitChoice(share=0.25), labels, units, [""] * 100)
    held_out = [i for i, split in enumerate(splits) if split == "validation"]
    assert {i // 4 for i in held_out} == {units[i] for i in held_out}
    assert len(held_out) == 4 * len({units[i] for i in held_out})
    assert sum(i < 80 for i in held_out) == 20
    assert 4 <= sum(i >= 80 for i in held_out) <= 8
    assert join_units([0, 1, 2, 3], ["a", "b", "a", "c"]) == [0, 1, 0, 3]
    given = ["train"] * 99 + ["test"]
    splits = assign_splits(SplitChoice("given"), labels, list(range(100)), given)
    assert splits[99] == "test"
    assert splits.count("validation") == 20


def test_kept_data_is_a_data_set_and_can_be_deleted(tmp_path):
    write_folders(tmp_path / "faces", {"happy": 24, "tired": 24})
    draft = prepare(tmp_path / "faces", tmp_path)
    data = keep_data(draft, plan_for(draft), "My  Faces!")
    assert (data.name, data.title, data.labels) == ("own_my_faces", "My Faces!", ("happy", "tired"))
    assert load_own_data("own_my_faces") == data
    assert list_own_data() == [data]
    with pytest.raises(InvalidDatasetError, match="kept here already"):
        keep_data(draft, plan_for(draft), "my faces")
    with pytest.raises(InvalidDatasetError, match="letters"):
        keep_data(draft, plan_for(draft), "!!!")
    train, validation = (load_dataset("own_my_faces", s) for s in ("train", "validation"))
    assert (len(train), len(validation)) == (38, 10)
    assert train.labels == ("happy", "tired")
    assert train.image(0).shape == (40, 40)
    assert get_split_info("own_my_faces", "validation").title == "My Faces!, validation"
    assert not set(train.sample_ids) & set(validation.sample_ids)
    with pytest.raises(FaceCoreError, match="no split 'test'"):
        load_dataset("own_my_faces", "test")
    delete_own_data("own_my_faces")
    assert list_own_data() == []
    with pytest.raises(DatasetNotFoundError):
        load_dataset("own_my_faces", "train")


def test_data_that_is_deleted_while_all_are_listed_is_left_out(tmp_path, user_dir, monkeypatch):
    write_folders(tmp_path / "faces", {"happy": 24, "sad": 24})
    draft = prepare(tmp_path / "faces", tmp_path)
    names = [keep_data(draft, plan_for(draft), title).name for title in ("Gone", "Kept")]

    def delete_then_load(name):
        if name == names[0]:
            shutil.rmtree(user_dir / "data" / name)
        return load_own_data(name)

    monkeypatch.setattr(own_data_store, "load_own_data", delete_then_load)
    assert [data.title for data in list_own_data()] == ["Kept"]


def test_names_that_are_no_utf8_can_be_kept(tmp_path):
    """Such as Linux has them from archives that were packed on Windows."""
    write_folders(tmp_path / "faces", {"happy": 24, "odd": 24})
    (tmp_path / "faces" / "odd").rename(tmp_path / "faces" / os.fsdecode(b"m\xfcde"))
    happy = tmp_path / "faces" / "happy"
    (happy / "0.png").rename(happy / os.fsdecode(b"M\xfcller.png"))
    (happy / os.fsdecode(b"B\xfccher.txt")).touch()
    draft = prepare(tmp_path / "faces", tmp_path)
    assert draft.left_out == ("happy/B\\xfccher.txt",)
    mapping = {"happy": "happy", "m\\xfcde": "tired"}
    plan = make_plan(draft, "expression", mapping, SplitChoice("share"))
    data = keep_data(draft, plan, "Faces")
    table = (user_data_dir() / data.name / "pictures.csv").read_text(encoding="utf-8")
    assert "happy/M\\xfcller.png" in table and "m\\xfcde/0.png" in table
    assert len(load_dataset(data.name, "train")) == 38


def test_of_two_who_keep_the_same_title_the_second_is_told_and_the_first_keeps_it(
    tmp_path, monkeypatch
):
    write_folders(tmp_path / "faces", {"happy": 24, "tired": 24})
    draft = prepare(tmp_path / "faces", tmp_path)
    write = own_data_store._write

    def write_while_another_keeps(*args):
        monkeypatch.setattr(own_data_store, "_write", write)
        keep_data(draft, plan_for(draft), "Faces")
        write(*args)

    monkeypatch.setattr(own_data_store, "_write", write_while_another_keeps)
    with pytest.raises(InvalidDatasetError, match="kept here already"):
        keep_data(draft, plan_for(draft), "Faces")
    assert len(load_dataset("own_faces", "train")) == 38
    assert [path.name for path in user_data_dir().iterdir()] == ["own_faces"]


def test_pictures_that_cannot_be_kept_leave_nothing_that_blocks_the_title(tmp_path, monkeypatch):
    write_folders(tmp_path / "faces", {"happy": 24, "tired": 24})
    draft = prepare(tmp_path / "faces", tmp_path)

    def fill_disk(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", fill_disk)
        with pytest.raises(StorageError, match="No space left"):
            keep_data(draft, plan_for(draft), "Faces")
    assert list(user_data_dir().iterdir()) == []
    assert keep_data(draft, plan_for(draft), "Faces").name == "own_faces"


def test_known_labels_are_all_those_of_the_task(tmp_path):
    write_folders(tmp_path / "faces", {"happy": 24, "sad": 24})
    draft = prepare(tmp_path / "faces", tmp_path)
    keep_data(draft, plan_for(draft), "two")
    assert len(load_dataset("own_two", "train").labels) == 7


@pytest.mark.parametrize("name", ["../x", "own_x/../../y", "own_nothing"])
def test_names_of_data_sets_are_no_paths(name):
    with pytest.raises(FaceCoreError):
        load_own_data(name)


def test_crops_list_pictures_without_a_face_or_with_several(tmp_path, heads):
    folder = tmp_path / "photos" / "happy"
    folder.mkdir(parents=True)
    one = cv2.resize(heads[0].bgr, (240, 240))
    frame = np.full((400, 640, 3), 200, np.uint8)
    cv2.imwrite(str(folder / "none.png"), frame)
    frame[80:320, 40:280] = one
    cv2.imwrite(str(folder / "one.png"), frame)
    frame[80:320, 360:600] = one
    cv2.imwrite(str(folder / "two.png"), frame)
    draft = prepare(tmp_path / "photos", tmp_path, crop_to=InputSpec(48, 48, margin=0.03))
    assert [p.source for p in draft.pictures] == ["happy/one.png"]
    assert {u.source: u.reason for u in draft.unusable} == {
        "happy/none.png": "no face",
        "happy/two.png": "several faces",
    }
    assert draft.pictures[0].width == draft.pictures[0].height < 240
    assert draft.framing == (0.03, 0.0)
    findings = make_plan(draft, "expression", {"happy": "happy"}, SplitChoice()).findings
    listed = " ".join(" ".join(f.examples) for f in findings)
    assert "happy/none.png: no face was found" in listed
    assert "happy/two.png: more than one face was found" in listed
