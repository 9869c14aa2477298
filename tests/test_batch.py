"""A batch in one process: tables, resuming, failures. Processes: test_batch_pool.py."""

import csv
import dataclasses
import errno
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_stubs import load_stub
from PIL import Image
from skimage import data

from facecore import batch_worker
from facecore.batch import run_batch
from facecore.batch_inputs import BatchFile, Failure, find_files
from facecore.batch_records import BatchPlan, BatchSettings, is_done
from facecore.batch_tables import SCHEMAS, iter_batches, write_table
from facecore.batch_worker import BatchWorker
from facecore.errors import FaceCoreError
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE


def run_here(plan, files):
    worker = BatchWorker(plan)
    for file in files:
        yield worker.analyse(file)


class Recorder:
    """An engine that remembers what it was asked to do, and may stop early."""

    def __init__(self, stop_after=None):
        self.names = []
        self.stop_after = stop_after

    def __call__(self, plan, files):
        for record in run_here(plan, files):
            self.names.append(Path(record.source).name)
            yield record
            if len(self.names) == self.stop_after:
                raise KeyboardInterrupt


@pytest.fixture(scope="module")
def portrait():
    return cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), (256, 256))


@pytest.fixture
def folder(tmp_path, portrait, crossing_clip, write_clip):
    """Two portraits, an empty wall, a clip and a broken file."""
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    cv2.imwrite(str(root / "a.png"), portrait)
    cv2.imwrite(str(root / "deep" / "a.png"), portrait[:, ::-1])
    cv2.imwrite(str(root / "wall.png"), np.full((64, 64, 3), 128, np.uint8))
    write_clip(root / "clip.mp4", crossing_clip.frames[:12], crossing_clip.fps)
    (root / "broken.jpg").write_text("no picture")
    return root


@pytest.fixture
def plan(tmp_path):
    settings = BatchSettings((("stub", "0"),), PHOTO_PIPELINE, VIDEO_PIPELINE)
    bundles = (Path("expression_model1"), Path("gender"))
    return BatchPlan(tmp_path / "out", settings, bundles, load_stub)


def read(plan, table):
    return pq.read_table(plan.out / f"{table}.parquet").to_pylist()


def test_tables_and_summary_hold_every_file(folder, plan):
    files, none = find_files([str(folder)])
    told = []
    summary = run_batch(plan, files, run_here, none, on_failure=told.append)
    assert (summary.num_files, summary.num_photos, summary.num_videos) == (5, 3, 1)
    faces, people = read(plan, "faces"), read(plan, "people")
    assert (summary.num_faces, summary.num_people) == (len(faces), len(people))
    by_name = {}
    for face in faces:
        by_name.setdefault(str(Path(face["source"]).relative_to(folder)), []).append(face)
    assert set(by_name) == {"a.png", "deep/a.png", "clip.mp4"}
    (portrait,) = by_name["a.png"]
    assert portrait["kind"] == "photo"
    assert portrait["x1"] < 112 < portrait["x2"]
    assert (portrait["frame"], portrait["time_s"], portrait["person"]) == (None, None, 1)
    assert (portrait["expression"], portrait["gender"]) == ("happy", "woman")
    assert portrait["p_happy"] == pytest.approx(0.94)
    clip = by_name["clip.mp4"]
    assert {face["person"] for face in clip} == {1, 2}
    assert [face["frame"] for face in clip] == sorted(face["frame"] for face in clip)
    walkers = [p for p in people if p["kind"] == "video"]
    assert [p["person"] for p in walkers] == [1, 2]
    assert walkers[0]["seconds_happy"] == pytest.approx(
        walkers[0]["last_s"] - walkers[0]["first_s"], abs=0.2
    )
    assert summary.people_by_label["gender"]["woman"] == len(people) == 4
    (failure,) = summary.failures
    assert failure.source == str(folder / "broken.jpg")
    assert "not a picture" in failure.reason
    assert told == [failure]
    assert read(plan, "failures") == [dataclasses.asdict(failure)]
    stored = json.loads((plan.out / "summary.json").read_text())
    assert stored["num_faces"] == len(faces)
    assert stored["failures"][0]["source"] == failure.source


@pytest.mark.parametrize("table", ["faces", "people", "files", "failures"])
def test_csv_says_the_same_as_parquet(folder, plan, table):
    files, none = find_files([str(folder)])
    run_batch(plan, files, run_here, none)
    rows = list(csv.DictReader(io.StringIO((plan.out / f"{table}.csv").read_text())))
    stored = read(plan, table)
    assert list(rows[0]) == list(stored[0]) == SCHEMAS[table].names
    for row, wanted in zip(rows, stored, strict=True):
        for name, value in wanted.items():
            if isinstance(value, float):
                assert float(row[name]) == pytest.approx(value, rel=1e-5)
            else:
                assert row[name] == ("" if value is None else str(value))


def test_boxes_end_at_the_pictures_edges(folder, plan, monkeypatch, make_face, make_result):
    result = make_result(make_face(box=(-3, 4, 70, 70)), size_wh=(64, 64))
    monkeypatch.setattr(batch_worker, "analyse_photo", lambda frame_bgr, pipeline: result)
    run_batch(plan, find_files([str(folder / "wall.png")])[0], run_here)
    (face,) = read(plan, "faces")
    assert [face[name] for name in ("x1", "y1", "x2", "y2")] == [0, 4, 64, 64]


def test_second_run_repeats_only_what_failed(folder, plan):
    files, none = find_files([str(folder)])
    run_batch(plan, files, run_here, none)
    before = (plan.out / "faces.csv").read_bytes()
    again = Recorder()
    summary = run_batch(plan, files, again, none)
    assert again.names == ["broken.jpg"]
    assert summary.num_skipped == 4
    assert (plan.out / "faces.csv").read_bytes() == before


def test_stopped_run_goes_on_to_the_same_result(folder, plan, tmp_path):
    files, none = find_files([str(folder)])
    first, second = Recorder(stop_after=2), Recorder()
    with pytest.raises(KeyboardInterrupt):
        run_batch(plan, files, first, none)
    assert not (plan.out / "summary.json").exists()
    run_batch(plan, files, second, none)
    assert sorted(first.names + second.names) == sorted(file.path.name for file in files)
    whole = dataclasses.replace(plan, out=tmp_path / "at once")
    run_batch(whole, files, run_here, none)
    for table in ("faces", "people", "failures"):
        assert read(plan, table) == read(whole, table)


def _touch(folder, plan, file):
    stat = file.path.stat()
    os.utime(file.path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def _rewrite(folder, plan, file):
    stat = file.path.stat()
    file.path.write_bytes(file.path.read_bytes() + b"\0")
    os.utime(file.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _lose_table(folder, plan, file):
    plan.state_path(file, "faces.parquet").unlink()


def _empty_table(folder, plan, file):
    plan.state_path(file, "people.parquet").write_bytes(b"")


def _cut_record(folder, plan, file):
    path = plan.state_path(file, "json")
    path.write_text(path.read_text()[:50])


def _age_record(folder, plan, file):
    path = plan.state_path(file, "json")
    path.write_text(json.dumps({"source": "a", "made_by": "an older version"}))


@pytest.mark.parametrize(
    "change", [_touch, _rewrite, _lose_table, _empty_table, _cut_record, _age_record]
)
def test_what_changed_or_was_damaged_is_done_again(folder, plan, change):
    files, none = find_files([str(folder / "a.png"), str(folder / "wall.png")])
    run_batch(plan, files, run_here, none)
    assert all(is_done(plan, file) for file in files)
    change(folder, plan, files[0])
    again = Recorder()
    run_batch(plan, files, again, none)
    assert again.names == ["a.png"]
    assert len(read(plan, "faces")) == 1


def test_other_settings_do_everything_again(folder, plan):
    files, none = find_files([str(folder / "a.png")])
    run_batch(plan, files, run_here, none)
    haar = dataclasses.replace(PHOTO_PIPELINE.haar, min_neighbors=7)
    changed = [
        {"photo": dataclasses.replace(PHOTO_PIPELINE, haar=haar)},
        {"networks": (("stub", "1"),)},
        {"annotate": True},
    ]
    for change in changed:
        settings = dataclasses.replace(plan.settings, **change)
        assert not is_done(dataclasses.replace(plan, settings=settings), files[0])
    assert is_done(plan, files[0])


def test_tables_hold_the_files_of_this_command_only(folder, plan):
    run_batch(plan, find_files([str(folder)])[0], run_here)
    run_batch(plan, find_files([str(folder / "deep")])[0], run_here)
    assert [Path(r["source"]).parent.name for r in read(plan, "faces")] == ["deep"]


def test_annotated_media_of_one_name_stand_side_by_side(folder, plan):
    settings = dataclasses.replace(plan.settings, annotate=True, hide_faces="blur")
    plan = dataclasses.replace(plan, settings=settings)
    files, none = find_files([str(folder)])
    run_batch(plan, files, run_here, none)
    annotated = sorted((plan.out / "annotated").iterdir())
    assert [p.suffix for p in annotated] == [".png", ".png", ".mp4", ".png"]
    shown = cv2.imread(str(plan.annotated_path(files[0])))
    original = cv2.imread(str(folder / "a.png"))
    face = np.s_[50:70, 100:125]
    assert cv2.Laplacian(shown[face], cv2.CV_64F).var() < (
        cv2.Laplacian(original[face], cv2.CV_64F).var()
    )
    # What a batch made is no input, also where results go beside the photos.
    beside, _ = find_files([str(plan.out)], leave_out=plan.out / "annotated")
    assert beside == []
    plan.annotated_path(files[0]).unlink()
    assert not is_done(plan, files[0])


def test_remains_of_a_killed_run_go_away(folder, plan):
    theirs = plan.out / "download.part"  # of the user, where results go beside the photos
    remains = ("faces.csv.1.part", ".batch/ab/x.json.1.part", "annotated/a_annotated.mp4.part")
    for name in (*remains, theirs.name):
        path = plan.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    run_batch(plan, find_files([str(folder / "wall.png")])[0], run_here)
    assert list(plan.out.rglob("*.part")) == [theirs]


def test_no_files_give_empty_tables(plan):
    summary = run_batch(plan, [], run_here, [Failure("x", "x does not exist.")])
    assert summary.failures == [Failure("x", "x does not exist.")]
    assert read(plan, "faces") == []
    assert pq.read_schema(plan.out / "faces.parquet").names == SCHEMAS["faces"].names


def test_two_batches_in_one_folder_are_refused(folder, plan):
    def engine(inner_plan, files):
        with pytest.raises(FaceCoreError, match="Another batch is writing"):
            run_batch(plan, [], run_here)
        yield from run_here(inner_plan, files)

    run_batch(plan, find_files([str(folder / "wall.png")])[0], engine)


def test_lock_of_another_user_is_one_sentence(plan, monkeypatch):
    opened = Path.open

    def refuse(path, *args, **options):
        if path.name == "lock":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)  # root, as whom tests may run, is refused nothing
    with pytest.raises(FaceCoreError, match=r"lock cannot be written \(Permission denied\)"):
        run_batch(plan, [], run_here)


def test_place_that_cannot_be_written_is_one_sentence(folder, plan, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FaceCoreError, match="cannot be written"):
        run_batch(dataclasses.replace(plan, out=tmp_path / "file" / "out"), [], run_here)
    files, _ = find_files([str(folder / "wall.png")])
    in_the_way = plan.out / ".batch" / files[0].key[:2]
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("")
    with pytest.raises(FaceCoreError, match="cannot be written"):
        run_batch(plan, files, run_here)


def test_pages_that_are_not_read_are_noted(tmp_path, plan, portrait):
    page = Image.fromarray(cv2.cvtColor(portrait, cv2.COLOR_BGR2RGB))
    page.save(tmp_path / "one.tif")
    page.save(tmp_path / "two.tif", save_all=True, append_images=[page])
    files, none = find_files([str(tmp_path / "*.tif")])
    summary = run_batch(plan, files, run_here, none)
    assert (summary.num_photos, summary.num_partial, summary.failures) == (2, 1, [])
    assert [row["note"] for row in read(plan, "files")] == [
        None,
        "Picture 1 of 2 in this file; the others are not read.",
    ]


def test_file_that_vanishes_is_a_failure(folder, plan):
    files = [BatchFile(folder / "gone.png", "photo"), BatchFile(folder / "gone.mp4", "video")]
    summary = run_batch(plan, files, run_here)
    assert [Path(f.source).name for f in summary.failures] == ["gone.png", "gone.mp4"]
    assert all("gone" in failure.reason for failure in summary.failures)


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_file_that_vanishes_may_have_any_name(plan, tmp_path, suffix):
    path = tmp_path / os.fsdecode(b"caf\xe9" + suffix.encode())
    path.touch()
    files, none = find_files([str(path)])
    path.unlink()
    summary = run_batch(plan, files, run_here, none)
    (failure,) = read(plan, "failures")
    assert failure["source"] == str(tmp_path / f"caf\\xe9{suffix}")
    assert failure["reason"] == f"caf\\xe9{suffix} cannot be read (No such file or directory)."
    assert summary.failures == [Failure(**failure)]


def test_annotated_copy_that_cannot_be_written_may_have_any_name(
    plan, tmp_path, crossing_clip, write_clip
):
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:3], crossing_clip.fps).rename(path)
    files, none = find_files([str(path)])
    settings = dataclasses.replace(plan.settings, annotate=True)
    plan = dataclasses.replace(plan, settings=settings)
    plan.annotated_path(files[0]).mkdir(parents=True)
    run_batch(plan, files, run_here, none)
    (failure,) = read(plan, "failures")
    assert failure["reason"].startswith("caf\\xe9_")
    assert "could not be written" in failure["reason"]


def test_name_like_a_formula_runs_in_no_spreadsheet(plan):
    rows = [{"source": "=1+1", "reason": "@x"}, {"source": "/a", "reason": "b"}]
    write_table(plan.out, "failures", iter_batches("failures", rows))
    assert read(plan, "failures") == rows
    text = (plan.out / "failures.csv").read_text()
    assert '"\'=1+1","\'@x"' in text


def test_tables_are_written_in_pieces(plan):
    rows = ({"source": "a", "kind": "photo", "person": i} for i in range(120_000))
    alive = []

    def watched():
        for batch in iter_batches("faces", rows):
            alive.append(pa.total_allocated_bytes())
            yield batch

    write_table(plan.out, "faces", watched())
    file = pq.ParquetFile(plan.out / "faces.parquet")
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (120_000, 3)
    assert max(alive[15:]) < 2 * max(alive[:12])


def test_inputs_are_found_once_and_in_order(tmp_path):
    names = ["b.JPG", "a/1.png", "a/[2].heic", "a/.hidden/3.png", "a/.4.png", "a/clip.MOV"]
    for name in [*names, "a/notes.txt", "odd.name"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)

    def found(*inputs):
        files, failures = find_files([str(tmp_path / text) for text in inputs])
        told = [failure.reason.removeprefix(f"{tmp_path}/") for failure in failures]
        return [(str(f.path.relative_to(tmp_path)), f.kind) for f in files], told

    everything = [
        ("a/1.png", "photo"),
        ("a/[2].heic", "photo"),
        ("a/clip.MOV", "video"),
        ("b.JPG", "photo"),
    ]
    assert found("") == (everything, [])
    assert found("a", "b.JPG", "a/../b.JPG", "**/*.png") == (everything, [])
    assert found("a/[2].heic") == ([("a/[2].heic", "photo")], [])
    assert found("*.JPG") == ([("b.JPG", "photo")], [])
    assert found("*.gif", "a**b", "empty", "gone.jpg", "odd.name") == (
        [],
        [
            "*.gif matches no file.",
            "a**b matches no file.",
            "empty holds no photo and no video.",
            "gone.jpg does not exist; name files, folders or a pattern.",
            "odd.name has no suffix of a photo or a video.",
        ],
    )


def test_results_are_no_input_whichever_way_leads_there(tmp_path, monkeypatch):
    (tmp_path / "photos/out/annotated").mkdir(parents=True)
    (tmp_path / "photos/out/annotated/a_annotated.png").touch()
    (tmp_path / "photos/a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    monkeypatch.chdir(tmp_path / "photos/out")
    for out in (Path("../out"), Path("../../link/out"), tmp_path / "photos/out"):
        files, failures = find_files(["..", str(tmp_path / "link")], out.absolute() / "annotated")
        assert [file.path.name for file in files] == ["a.png", "a.png"]
        assert failures == []


def test_photos_that_are_no_files_are_told(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    (tmp_path / "notes.txt").symlink_to("nowhere.txt")
    os.mkfifo(tmp_path / "pipe.mp4")
    for inputs in ([str(tmp_path)], [str(tmp_path / "*.*"), str(tmp_path)]):
        files, failures = find_files(inputs)
        assert [file.path.name for file in files] == ["a.png"]
        assert sorted(failure.reason.removeprefix(f"{tmp_path}/") for failure in failures) == [
            "circle.jpg cannot be read (Too many levels of symbolic links).",
            "gone.jpg cannot be read (No such file or directory).",
            "pipe.mp4 cannot be read (no ordinary file).",
        ]


def test_names_of_any_bytes_are_used(tmp_path, plan, portrait):
    names = [
        b"caf\xe9.png",
        b"<b>&\n.png",
        b"x" * 250 + b".png",
        b"x" + "長".encode() * 79 + b".png",
    ]
    encoded = cv2.imencode(".png", portrait)[1].tobytes()
    for name in names:
        (tmp_path / os.fsdecode(b"in-" + name[-252:])).write_bytes(encoded)
    settings = dataclasses.replace(plan.settings, annotate=True)
    files, none = find_files([str(tmp_path)])
    summary = run_batch(dataclasses.replace(plan, settings=settings), files, run_here, none)
    assert (summary.num_photos, summary.failures) == (4, [])
    for path in (plan.out / "annotated").glob("*長*"):
        path.name.encode()  # no character is cut in two
    sources = [row["source"] for row in read(plan, "faces")]
    assert any(source.endswith("in-caf\\xe9.png") for source in sources)


@pytest.fixture
def refusing(monkeypatch):
    """``refusing(folder)``: nothing in it may be looked at, also not by root."""
    stat = Path.stat

    def refuse(folder):
        def refuse_inside(path, **options):
            if folder in path.parents:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return stat(path, **options)

        monkeypatch.setattr(Path, "stat", refuse_inside)

    return refuse


def test_folder_that_may_be_listed_but_not_entered_loses_nothing_else(tmp_path, refusing):
    closed = tmp_path / "closed"
    for name in ("a.png", "closed/b.png", "closed/c.mp4", "d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    refusing(closed)
    inside = [str(closed / name) for name in ("b.png", "c.mp4")]
    for inputs in ([str(tmp_path)], [*inside, str(tmp_path / "?.*")], [f"{tmp_path}/**/*.*"]):
        files, failures = find_files(inputs)
        assert [file.path.name for file in files] == ["a.png", "d.mp4"]
        reasons = [f"{path} cannot be read (Permission denied)." for path in inside]
        assert sorted(failure.reason for failure in failures) == reasons


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read_is_told(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    files, failures = find_files([str(tmp_path)])
    assert files == []
    assert "cannot be read" in failures[0].reason
