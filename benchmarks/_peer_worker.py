"""One contender of ``peers.py`` in a process of its own, in our or in the peers' environment.

Reads a JSON line per clip from standard input, {"path", "frames", "target"}, and answers with one:
seconds, number of frames, boxes per asked frame, whether genders were answered, peak memory. The
first answer also tells how long after the process' start the first face was answered.
"""

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Answer = tuple[float, int, dict[int, list[list[float]]]]
"""Seconds, how many frames they went to, and the boxes of the asked frames."""

first_face_s: list[float] = []
helper_pids: list[int] = []


def note_faces(found: object) -> None:
    """Keep the moment of the first answer with a face."""
    if not first_face_s and found:
        first_face_s.append(time.monotonic())


def peak_mb(helper_pids: Sequence[int] = ()) -> float:
    """Return the largest resident memory so far, that of the helper processes added."""
    total = 0
    for pid in (os.getpid(), *helper_pids):
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(status.split("VmHWM:")[1].split()[0])
    return total * 1024 / 1e6


def open_facecore() -> Callable[[Path, list[int], Path | None], Answer]:
    """Load both networks as the command line does; every frame is analysed and people followed."""
    from facecore.decoder_process import idle_processes
    from facecore.inference import configure_device, load_classifier
    from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
    from facecore.registry import GENDER_MODEL, find_bundle
    from facecore.session import process_video

    class Timed(FacePipeline):
        def classify_all(self, frames):
            results = super().classify_all(frames)
            for result in results:
                note_faces(result.faces)
            return results

    configure_device()
    names = ("expression_model1", GENDER_MODEL)
    pipeline = Timed([load_classifier(find_bundle(name)) for name in names], VIDEO_PIPELINE)

    def run(path: Path, frames: list[int], target: Path | None) -> Answer:
        begun = time.perf_counter()
        done = process_video(path, target, pipeline).frames
        seconds = time.perf_counter() - begun
        assert all(face.gender and face.expression for result in done for face in result.faces)
        helper_pids[:] = [process.pid for process in idle_processes()]
        return seconds, len(done), {i: [list(f.xyxy) for f in done[i].faces] for i in frames}

    return run


def open_peer(find: Callable) -> Callable[[Path, list[int], Path | None], Answer]:
    """Return what asks a peer for the asked frames only; reading the others is not counted."""
    import cv2

    def run(path: Path, frames: list[int], target: Path | None) -> Answer:
        capture, seconds, boxes = cv2.VideoCapture(str(path)), 0.0, {}
        for index in range(max(frames) + 1):
            begun = time.perf_counter()
            capture.grab()
            if index in frames:
                boxes[index] = find(capture.retrieve()[1])
                note_faces(boxes[index])
                seconds += time.perf_counter() - begun
        return seconds, len(boxes), boxes

    return run


def to_box(x: float, y: float, width: float, height: float) -> list[float]:
    """Turn corner and size into two corners."""
    return [float(x), float(y), float(x + width), float(y + height)]


def open_fer(mtcnn: bool) -> Callable[[Path, list[int], Path | None], Answer]:
    """Load ``fer``: Haar at full size and its quantised network, or MTCNN and the same network."""
    if mtcnn:
        import facenet_pytorch  # noqa: F401  loaded after TensorFlow, torch ends the process
    from fer.fer import FER

    detector = FER(mtcnn=mtcnn)
    return open_peer(lambda frame: [to_box(*f["box"]) for f in detector.detect_emotions(frame)])


def open_deepface() -> Callable[[Path, list[int], Path | None], Answer]:
    """Load ``deepface``'s OpenCV detector, which needs no download; its networks do."""
    from deepface import DeepFace

    def find(frame) -> list[list[float]]:
        found = DeepFace.extract_faces(
            frame, detector_backend="opencv", enforce_detection=False, align=False
        )
        areas = [f["facial_area"] for f in found if f["confidence"] > 0]
        return [to_box(a["x"], a["y"], a["w"], a["h"]) for a in areas]

    return open_peer(find)


def try_deepface_networks() -> str:
    """Return why deepface's expression and gender networks do not answer, or nothing."""
    import numpy as np
    from deepface import DeepFace

    try:
        frame = np.zeros((224, 224, 3), np.uint8)
        DeepFace.analyze(frame, ["emotion", "gender"], detector_backend="skip", silent=True)
    except Exception as error:  # whatever a package without its files raises
        return " ".join(str(error).split())[:160]
    return ""


def describe(names: list[str]) -> str:
    """Return the versions of the packages."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


OPENERS: dict[str, tuple[Callable, list[str]]] = {
    "facecore": (open_facecore, ["tensorflow", "opencv-python-headless"]),
    "fer": (lambda: open_fer(False), ["fer", "tensorflow", "opencv-contrib-python"]),
    "fer-mtcnn": (lambda: open_fer(True), ["fer", "facenet-pytorch", "torch"]),
    "deepface": (open_deepface, ["deepface", "opencv-python-headless"]),
}


def main(contender: str, started_s: float) -> None:
    """Answer until standard input ends."""
    # Packages greet and draw bars on standard output.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    opener, packages = OPENERS[contender]
    if contender == "deepface":
        why = try_deepface_networks()
        print(json.dumps({"versions": describe(packages), "problem": why}), file=replies)
    else:
        print(json.dumps({"versions": describe(packages), "problem": ""}), file=replies)
    replies.flush()
    run = opener()
    for line in sys.stdin:
        request = json.loads(line)
        target = Path(request["target"]) if request["target"] else None
        seconds, num_frames, boxes = run(Path(request["path"]), request["frames"], target)
        first = first_face_s[0] - started_s if first_face_s else None
        answer = {"seconds": seconds, "num_frames": num_frames, "boxes": boxes}
        print(
            json.dumps(answer | {"peak_mb": peak_mb(helper_pids), "first_s": first}), file=replies
        )
        replies.flush()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
