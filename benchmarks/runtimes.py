"""Would another runtime than TensorFlow answer faster? Each candidate against the present call.

    python benchmarks/runtimes.py [BUNDLE...] [--config training/configs/NAME.toml] [--clip CLIP]

Installs LiteRT, ONNX Runtime and OpenVINO into a temporary folder (``--packages`` keeps and reuses
one), exports the bundles (default: model 1 and gender) for each, and measures every runtime in a
process of its own with one and two threads: the largest difference of a probability from Keras'
answer on 400 crops, the milliseconds of a call, start and memory, and the frames per second of a
whole video's analysis with nothing but the network call replaced (networks that come later on the
command line answer there). ``keras_...`` are other ways to call TensorFlow. A runtime is worth a
dependency where it is at most 0.002 away and wins by 1.5 times end to end; prints which do.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore.registry import find_bundle

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
PACKAGES = ("onnxruntime", "openvino", "ai-edge-litert", "tf2onnx", "onnx")
RUNTIMES = (
    "keras",
    "keras_variables",
    "keras_folded",
    "keras_one_queue",
    "keras_xla",
    "litert",
    "onnxruntime",
    "openvino",
)
MOST_DIFFERENT = 0.002
WORTH_IT = 1.5
CLIP = ROOT.parent / "shared" / "media" / "intel_face-demographics-walking-and-pause.mp4"


def install(folder: Path) -> None:
    """Put the candidates into a folder, beside what this environment has; print versions."""
    if not (folder / "onnxruntime").is_dir():
        uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet"]
        where = ["--python", sys.executable, "--target", str(folder)]
        locked = ["--constraint", str(ROOT / "requirements.lock")]
        subprocess.run([*uv, *where, *locked, *PACKAGES], check=True)
    found = importlib.metadata.distributions(path=[str(folder)])
    versions = {d.metadata["Name"].lower(): d.version for d in found}
    own = {name: importlib.metadata.version(name) for name in ("tensorflow", "keras")}
    print(
        ", ".join(
            f"{name} {v}" for name, v in (own | versions).items() if name in {*own, *PACKAGES}
        )
    )


def run_part(script: str, task: dict[str, Any], log: Path) -> str:
    """Run one of the other files with a task; return what it prints.

    Raises:
        RuntimeError: if it fails; the end of its messages is told.
    """
    with log.open("w") as messages:
        done = subprocess.run(
            [sys.executable, str(HERE / script), json.dumps(task)],
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{log.read_text()[-2000:]}")
    return done.stdout


def describe(runtime: str, threads: int, answer: dict[str, Any], base: dict[str, Any]) -> str:
    """Return a runtime's lines: one per network, then the whole."""
    lines = []
    for name, times in answer["ms"].items():
        cells = "  ".join(
            f"{float(ms):6.1f} ({base['ms'][name][size] / ms:4.2f})" for size, ms in times.items()
        )
        lines.append(
            f"{runtime:<15} {threads}  {name:<27} {answer['difference'][name]:8.5f}  {cells}"
        )
    whole = f"start {answer['start_s']:.1f} s, {answer['memory_mb']} MB"
    for key, words in (("analysis_fps", "analysis"), ("file_fps", "with annotated file")):
        if key in answer:
            whole += f"; {words} {answer[key]:.1f} frames/s ({answer[key] / base[key]:.2f})"
    return "\n".join([*lines, f"{'':<15} {threads}  {whole}"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Install, export, measure, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundles", nargs="*", type=Path, metavar="BUNDLE")
    parser.add_argument("--config", action="append", default=[], type=Path, metavar="TOML")
    parser.add_argument("--clip", type=Path, default=CLIP if CLIP.is_file() else None)
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=RUNTIMES)
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1])
    parser.add_argument("--seconds", type=float, default=1.0, help="per batch size")
    parser.add_argument("--rounds", type=int, default=3, help="analyses of the clip")
    parser.add_argument("--packages", type=Path, help="keep the installed candidates there")
    parser.add_argument("--exports", type=Path, help="keep the exported networks there")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        packages = args.packages or Path(scratch) / "packages"
        install(packages)
        folder = args.exports or Path(scratch) / "exports"
        bundles = args.bundles or [find_bundle("expression_model1"), find_bundle("gender")]
        task: dict[str, Any] = {
            "packages": str(packages.absolute()),
            "folder": str(folder.absolute()),
            "bundles": [str(bundle.absolute()) for bundle in bundles],
        }
        log = Path(scratch) / "log"
        if not folder.is_dir():
            folder.mkdir()
            task["configs"] = [str(config.absolute()) for config in args.config]
            run_part("_runtime_export.py", task, log)
        task["bundles"] += [str(path.absolute()) for path in sorted(folder.glob("*_untrained"))]
        measure = task | {
            "clip": args.clip and str(args.clip.absolute()),
            "seconds": args.seconds,
            "rounds": args.rounds,
        }
        print(
            "runtime  threads  network, largest difference, ms at batch 1, 3, 8, 16 (times faster)"
        )
        worthy = []
        for threads in args.threads:
            base: dict[str, Any] = {}
            for runtime in args.runtimes:
                one = measure | {"runtime": runtime, "threads": threads}
                answer = json.loads(run_part("_runtime_worker.py", one, log).splitlines()[-1])
                base = base or answer
                print(describe(runtime, threads, answer, base), flush=True)
                gain = answer.get("file_fps", 0) / base.get("file_fps", 1)
                if gain >= WORTH_IT and max(answer["difference"].values()) <= MOST_DIFFERENT:
                    worthy.append(f"{runtime} with {threads} threads ({gain:.2f} times)")
    print(f"Worth a dependency: {'; '.join(worthy) or 'none'}")


if __name__ == "__main__":
    main()
