from dataclasses import replace
from itertools import count

import av
import numpy as np
import pytest
from video_files import write_slides

from facecore import session
from facecore.annotation import AnnotationOptions
from facecore.decoder_process import idle_processes
from facecore.errors import UnreadableVideoError, VideoWriteError
from facecore.media import read_video_info
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE, FacePipeline, PipelineOptions
from facecore.session import analyse_photo, process_video
from facecore.session_drawing import draw_results
from facecore.session_thumbnails import ThumbnailKeeper
from facecore.stats import PeopleEdits, summarise
from facecore.tracking import TrackerOptions

BOX, OTHER = (20, 20, 70, 70), (100, 30, 150, 80)


@pytest.fixture(scope="module")
def frames():
    """Twelve frames of smooth noise, each a little brighter than the last."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 150, (15, 20, 3))
    base = np.repeat(np.repeat(coarse, 8, 0), 8, 1)
    return [(base + 4 * i).astype(np.uint8) for i in range(12)]


@pytest.fixture
def clip(tmp_path, frames, write_clip):
    return write_clip(tmp_path / "clip.mp4", frames, fps=10, sound=True)


@pytest.fixture
def make_pipeline(make_stub_classifier, make_stub_detector):
    """A pipeline with stub networks that sees the same boxes in every frame."""

    def make(boxes=(BOX,), num_frames=12, options=VIDEO_PIPELINE):
        classifiers = [make_stub_classifier("expression", "sad"), make_stub_classifier("gender")]
        return FacePipeline(classifiers, options, make_stub_detector([list(boxes)] * num_frames))

    return make


def read_video(path):
    with av.open(str(path)) as container:
        frames = [(f.time, f.to_ndarray(format="bgr24")) for f in container.decode(video=0)]
        return frames, bool(container.streams.audio)


def pictures(path):
    return read_video(path)[0]


def test_photo(frames, make_pipeline):
    pipeline = make_pipeline([BOX, OTHER], options=PHOTO_PIPELINE)
    result = analyse_photo(frames[0], pipeline)
    assert [f.xyxy for f in result.faces] == [BOX, OTHER]
    assert result.faces[0].expression.label == "sad"


def test_video_gives_results_people_and_an_annotated_file(clip, tmp_path, frames, make_pipeline):
    target, calls = tmp_path / "out.mp4", []
    run = process_video(
        clip, target, make_pipeline(), on_progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [*((i, 12) for i in range(1, 13)), (12, 12)]
    assert [f.index for f in run.frames] == list(range(12))
    assert [f.time_s for f in run.frames] == pytest.approx([i / 10 for i in range(12)])
    (person,) = run.summary.people
    assert (person.first_s, person.last_s) == (pytest.approx(0.2), pytest.approx(1.1))
    assert run.summary.duration_s == pytest.approx(1.2)
    assert person.dominant("expression")[0] == "sad"
    assert run.thumbnails[1].shape == (70, 70, 3)
    assert run.warning is None
    assert (run.info.width, run.info.height) == (160, 120)
    written, has_sound = read_video(target)
    assert has_sound
    assert [t for t, _ in written] == pytest.approx([i / 10 for i in range(12)], abs=1e-3)
    changed = np.abs(written[5][1].astype(int) - frames[5]).max(axis=2) > 60
    assert changed[15:75, 15:75].any(), "the box is drawn"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "out.mp4"]


def test_only_a_range_is_analysed(clip, tmp_path, make_pipeline):
    target = tmp_path / "out.mp4"
    run = process_video(clip, target, make_pipeline(), start_s=0.3, end_s=1.0)
    assert [f.time_s for f in run.frames] == pytest.approx([i / 10 for i in range(3, 10)])
    assert run.summary.duration_s == pytest.approx(0.7)
    written, _ = read_video(target)
    assert [t for t, _ in written] == pytest.approx([i / 10 for i in range(7)], abs=1e-3)


def test_without_target_nothing_is_written(clip, tmp_path, make_pipeline):
    assert process_video(clip, None, make_pipeline()).summary.people
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_no_faces_is_a_normal_result(clip, tmp_path, make_pipeline):
    run = process_video(clip, tmp_path / "out.mp4", make_pipeline(boxes=[]))
    assert (run.summary.people, run.summary.num_frames, run.thumbnails) == ((), 12, {})
    assert (tmp_path / "out.mp4").is_file()


class Cancelled(Exception):
    pass


@pytest.fixture
def late_pipeline(make_stub_classifier, make_stub_detector):
    """A pipeline with a gender network that is unsure at first and sure from the fourth answer."""
    number = count(1)

    def answer(batch):
        return [[0.45, 0.55] if next(number) <= 3 else [0.1, 0.9] for _ in batch]

    classifier = make_stub_classifier("gender", labels=["man", "woman"], answer=answer)
    detector = make_stub_detector([[BOX]] * 12)
    thresholds = {"gender": 0.6}
    options = replace(VIDEO_PIPELINE, gender_smoothing=0.0, thresholds=thresholds)
    return FacePipeline([classifier], options, detector)


def test_gender_is_settled_by_the_whole_video_and_drawn_so(clip, tmp_path, late_pipeline):
    target, calls = tmp_path / "out.mp4", []
    run = process_video(
        clip, target, late_pipeline, on_progress=lambda done, total: calls.append((done, total))
    )
    genders = [face.gender for frame in run.frames for face in frame.faces]
    assert genders[0].probability("woman") == pytest.approx(0.55)
    assert {gender.label for gender in genders} == {"woman"}
    (person,) = run.summary.people
    assert person.dominant("gender") == ("woman", pytest.approx(genders[0].confidence))
    assert person.shares("gender") == {"man": 0.0, "woman": 1.0, "undecided": 0.0}
    assert calls[13:] == [(i, 12) for i in range(1, 13)], "drawn once more"
    draw_results(clip, tmp_path / "again.mp4", run.frames)
    for (_, drawn), (_, again) in zip(
        *map(pictures, (target, tmp_path / "again.mp4")), strict=True
    ):
        assert (drawn == again).all()


def test_a_video_without_words_is_not_drawn_again(clip, tmp_path, late_pipeline, monkeypatch):
    monkeypatch.setattr(session, "draw_results", lambda *_: pytest.fail("drawn again"))
    plain = AnnotationOptions(show_labels=False)
    run = process_video(clip, tmp_path / "out.mp4", late_pipeline, plain)
    assert {face.gender.label for frame in run.frames for face in frame.faces} == {"woman"}
    assert (tmp_path / "out.mp4").is_file()


def test_drawing_again_keeps_the_reader_for_the_next_video(clip, tmp_path, make_pipeline):
    frames = process_video(clip, None, make_pipeline()).frames
    readers = {process.pid for process in idle_processes()}
    draw_results(clip, tmp_path / "again.mp4", frames)
    assert readers <= {process.pid for process in idle_processes()}


@pytest.mark.parametrize("failure", [VideoWriteError("The disk is full."), Cancelled()])
def test_failed_drawing_of_settled_words_leaves_no_file(
    clip, tmp_path, late_pipeline, monkeypatch, failure
):
    def fail(*args):
        raise failure

    monkeypatch.setattr(session, "draw_results", fail)
    if isinstance(failure, Cancelled):
        with pytest.raises(Cancelled):
            process_video(clip, tmp_path / "out.mp4", late_pipeline)
    else:
        run = process_video(clip, tmp_path / "out.mp4", late_pipeline)
        assert run.video_error == "The disk is full."
        assert len(run.frames) == 12
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("at", [1, 7, 12])
def test_cancelling_leaves_no_file(clip, tmp_path, make_pipeline, at):
    def cancel(done, total):
        if done == at:
            raise Cancelled

    with pytest.raises(Cancelled):
        process_video(clip, tmp_path / "out.mp4", make_pipeline(), on_progress=cancel)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("shown_ms", "range_s", "length_s"),
    [
        ([100] * 11 + [5000], (0.0, None), 6.1),
        ([100] * 5 + [4000] + [100] * 6, (0.0, None), 5.1),
        ([3000, 3000, 100], (0.0, None), 6.1),
        ([100] * 11 + [5000], (0.5, 3.0), 2.5),
    ],
)
def test_held_pictures_count_and_are_written_for_as_long_as_they_are_shown(
    tmp_path, frames, make_pipeline, shown_ms, range_s, length_s
):
    """Also the last one, which nothing follows; no time is made up and none is lost."""
    source = write_slides(tmp_path / "clip.gif", shown_ms, frames[: len(shown_ms)])
    target = tmp_path / "out.mp4"
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1), rescan_s=0)
    pipeline = make_pipeline(options=options)
    run = process_video(source, target, pipeline, start_s=range_s[0], end_s=range_s[1])
    assert run.summary.duration_s == pytest.approx(length_s, abs=0.01)
    seconds = sum(run.summary.seconds_by_label("expression").values())
    assert seconds == pytest.approx(length_s, abs=0.01)
    assert summarise(run.frames, run.summary.duration_s, PeopleEdits()) == run.summary
    draw_results(source, tmp_path / "again.mp4", run.frames, AnnotationOptions(), *range_s)
    for video in (target, tmp_path / "again.mp4"):
        assert read_video_info(video).duration_s == pytest.approx(length_s, abs=0.01)


def test_broken_later_half_keeps_what_was_readable(tmp_path, frames, write_clip, make_pipeline):
    whole = write_clip(tmp_path / "whole.mkv", frames * 5, fps=10)
    broken = tmp_path / "broken.mkv"
    data = whole.read_bytes()
    broken.write_bytes(data[: len(data) // 2])
    target = tmp_path / "out.mp4"
    run = process_video(broken, target, make_pipeline(num_frames=60))
    assert 5 < len(run.frames) < 60
    assert "broken.mkv" in run.warning
    assert [p.person_id for p in run.summary.people] == [1]
    assert run.summary.duration_s == pytest.approx(len(run.frames) / 10, abs=0.1)
    assert len(read_video(target)[0]) == len(run.frames)


@pytest.mark.parametrize("data", [b"", b"no video at all"])
def test_unreadable_file_leaves_nothing(tmp_path, make_pipeline, data):
    source = tmp_path / "bad.mp4"
    source.write_bytes(data)
    with pytest.raises(UnreadableVideoError):
        process_video(source, tmp_path / "out.mp4", make_pipeline())
    assert [p.name for p in tmp_path.iterdir()] == ["bad.mp4"]


def test_target_that_cannot_be_written_leaves_the_results(clip, tmp_path, make_pipeline):
    run = process_video(clip, tmp_path / "missing" / "out.mp4", make_pipeline())
    assert "out.mp4 could not be written" in run.video_error
    assert run.frames and run.warning is None


@pytest.mark.parametrize("num_frames", [1, 4])
def test_somebody_in_a_very_short_clip_counts(
    tmp_path, frames, write_clip, make_pipeline, num_frames
):
    clip = write_clip(tmp_path / "short.mp4", frames[:num_frames])
    run = process_video(clip, None, make_pipeline())
    (person,) = run.summary.people
    assert person.num_frames == num_frames


@pytest.mark.parametrize(("shown_ms", "seen"), [
    ([3000] * 12, {0: 5, 8: 1}),
    ([100] * 12, {2: 5}),
    ([100] * 11 + [30_000], {2: 5}),  # that one is held makes no slides of the others
    ([100] * 8 + [1000] + [100] * 3, {2: 5, 8: 1}),
])  # fmt: skip
def test_who_is_on_a_slide_counts(
    tmp_path, frames, make_stub_classifier, make_stub_detector, shown_ms, seen
):
    """Slides do not come again; in a film, a box of a single frame is mostly none.

    Whom a film loses is followed for two frames more.
    """
    clip = write_slides(tmp_path / "clip.gif", shown_ms, frames)
    boxes = [[BOX]] * 5 + [[]] * 3 + [[OTHER]] + [[]] * 3
    options = PipelineOptions(rescan_s=0)
    pipeline = FacePipeline([make_stub_classifier("gender")], options, make_stub_detector(boxes))
    run = process_video(clip, None, pipeline)
    times = [frame.time_s for frame in run.frames]
    assert {times.index(p.first_s): p.num_frames for p in run.summary.people} == seen


def test_pipeline_starts_afresh_with_every_video(clip, make_pipeline):
    pipeline = make_pipeline(num_frames=24)
    for _ in range(2):
        run = process_video(clip, None, pipeline)
        assert [p.person_id for p in run.summary.people] == [1]


def test_hidden_faces_are_hidden_from_the_first_frame_to_after_the_last(
    clip, tmp_path, frames, make_pipeline
):
    """Also before somebody counts as a person, and where the face was just lost."""
    target = tmp_path / "out.mp4"
    options = AnnotationOptions(False, False, hide_faces="pixelate", numbered=False)
    process_video(clip, target, make_pipeline(num_frames=8), options)
    x1, y1, x2, y2 = BOX
    for i, (_, picture) in enumerate(read_video(target)[0]):
        change = np.abs(picture.astype(int) - frames[i])
        assert change[y1:y2, x1:x2].mean() > 15, f"frame {i}"
        assert change[:, 110:].mean() < 10, "elsewhere the picture stays"


def test_thumbnail_is_the_largest_sharp_upright_face(frames, make_face, make_result):
    rng = np.random.default_rng(1)
    sharp = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    flat = np.full_like(sharp, 100)
    keeper = ThumbnailKeeper()
    keeper.update(flat, make_result(make_face(1, box=(50, 50, 150, 150))))
    assert keeper.crops[1].shape == (128, 128, 3)
    assert keeper.crops[1].std() == 0
    keeper.update(sharp, make_result(make_face(1, box=(50, 50, 150, 150))))
    best = keeper.crops[1]
    assert best.std() > 0
    keeper.update(sharp, make_result(make_face(1, box=(60, 60, 100, 100))))
    keeper.update(flat, make_result(make_face(1, box=(50, 50, 350, 350)), make_face(None)))
    assert keeper.crops[1] is best
    assert list(keeper.crops) == [1]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "num_people", "share"), [
    # Haar cascades do not see the one in the middle in most of the first frames.
    ("intel_face-demographics-walking-and-pause.mp4", 3, 0.5),
    ("intel_head-pose-face-detection-female-and-male.mp4", 2, 0.9),
    ("intel_head-pose-face-detection-male.mp4", 1, 0.9),
    # The faces of the other three have less than 24 pixels.
    ("intel_classroom.mp4", 1, 0.9),
])  # fmt: skip
def test_people_of_real_clips(shared_media, name, num_people, share):
    run = process_video(shared_media / name, None, FacePipeline([]))
    assert len(run.summary.people) == num_people
    assert all(len({f.person_id for f in r.faces}) == len(r.faces) for r in run.frames)
    # Nobody changes places in these clips: each number keeps its order from left to right.
    orders = {
        tuple(f.person_id for f in sorted(r.faces, key=lambda f: f.xyxy[0]))
        for r in run.frames
        if len(r.faces) == num_people
    }
    assert len(orders) == 1
    for person in run.summary.people:
        assert person.num_frames > share * len(run.frames)


@pytest.mark.shared
@pytest.mark.parametrize("detect_every", [2, 3])
def test_people_stay_right_when_faces_are_searched_less_often(shared_media, detect_every):
    options = PipelineOptions(tracker=TrackerOptions(), detect_every=detect_every)
    source = shared_media / "intel_face-demographics-walking-and-pause.mp4"
    assert len(process_video(source, None, FacePipeline([], options)).summary.people) == 3
