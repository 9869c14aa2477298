"""Worker processes of a batch: crashes, kills, Ctrl-C."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pyarrow.parquet as pq
import pytest
from batch_stubs import (
    MARK,
    load_at_second_try,
    load_nothing,
    load_slow_stub,
    load_stub,
    load_trapped_stub,
)
from skimage import data

from facecore import batch_pool
from facecore.batch import run_batch
from facecore.batch_inputs import find_files
from facecore.batch_pool import run_pool
from facecore.batch_records import BatchPlan, BatchSettings
from facecore.errors import FaceCoreError
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE

pytestmark = pytest.mark.timeout(600)  # each process imports for seconds on a busy machine

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def portrait():
    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", cv2.resize(portrait, (256, 256)))[1].tobytes()


@pytest.fixture
def make_plan(tmp_path):
    def make(load_network):
        settings = BatchSettings((), PHOTO_PIPELINE, VIDEO_PIPELINE)
        bundles = (Path("expression_model1"), Path("gender"))
        return BatchPlan(tmp_path / "out", settings, bundles, load_network)

    return make


@pytest.fixture
def make_photos(tmp_path, portrait):
    def make(*names):
        folder = tmp_path / "in"
        folder.mkdir()
        for name in names:
            (folder / f"{name}.png").write_bytes(portrait)
        return find_files([str(folder)])[0]

    return make


def run_two(plan, files):
    return run_pool(plan, files, num_workers=2)


def names(rows):
    return [Path(row["source"]).stem for row in rows]


def test_files_that_end_their_process_lose_nothing_else(
    make_plan, make_photos, tmp_path, monkeypatch
):
    monkeypatch.setenv(MARK, str(tmp_path / "killed once"))
    files = make_photos("a", "b", "defect", "fatal", "unlucky", "z")
    summary = run_batch(make_plan(load_trapped_stub), files, run_two)
    faces = pq.read_table(tmp_path / "out" / "faces.parquet").to_pylist()
    assert names(faces) == ["a", "b", "unlucky", "z"]
    defect, fatal = summary.failures
    assert "defect.png ended its process (an error in the program, exit code 1" in defect.reason
    assert "fatal.png ended its process (signal SIGKILL" in fatal.reason


def test_files_that_end_their_process_may_have_any_name(make_plan, tmp_path, portrait):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(portrait)
    (folder / os.fsdecode(b"defect-caf\xe9.png")).write_bytes(portrait)
    files, none = find_files([str(folder)])
    (failure,) = run_batch(make_plan(load_trapped_stub), files, run_two, none).failures
    assert failure.reason.startswith("The analysis of defect-caf\\xe9.png ended its process")
    (row,) = pq.read_table(tmp_path / "out" / "failures.parquet").to_pylist()
    assert row["reason"] == failure.reason


def kill_workers():
    """End the workers of this test as a machine does that is short of memory."""
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def test_worker_that_is_killed_while_idle_loses_nothing(make_plan, make_photos, tmp_path):
    def kill(done, total):
        if done == 1:  # its record has come, and the next file is not with it yet
            kill_workers()

    files = make_photos("a", "b", "c")
    plan = make_plan(load_stub)
    summary = run_batch(plan, files, lambda p, f: run_pool(p, f, num_workers=1), on_progress=kill)
    assert (summary.num_photos, summary.failures) == (3, [])
    assert names(pq.read_table(tmp_path / "out" / "faces.parquet").to_pylist()) == ["a", "b", "c"]


def test_workers_that_never_get_a_file_end_the_batch(make_plan, make_photos, monkeypatch):
    receive = batch_pool._Worker.receive

    def receive_and_kill(worker):
        answer = receive(worker)
        kill_workers()
        return answer

    monkeypatch.setattr(batch_pool._Worker, "receive", receive_and_kill)
    with pytest.raises(FaceCoreError, match="before its first file"):
        run_batch(make_plan(load_stub), make_photos("a"), run_two)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_worker_that_is_killed_at_its_start_does_not_end_the_batch(
    make_plan, make_photos, tmp_path, monkeypatch, num_workers
):
    monkeypatch.setenv(MARK, str(tmp_path / "killed once"))
    summary = run_batch(
        make_plan(load_at_second_try),
        make_photos("a", "b", "c"),
        lambda plan, files: run_pool(plan, files, num_workers),
    )
    assert (summary.num_photos, summary.failures) == (3, [])
    assert (tmp_path / "killed once").exists()


def test_worker_that_cannot_start_ends_the_batch(make_plan, make_photos):
    with pytest.raises(FaceCoreError, match=r"before its first file .*try fewer --workers"):
        run_batch(make_plan(load_nothing), make_photos("a"), run_two)


def test_closing_ends_the_processes(make_plan, make_photos, tmp_path):
    files = make_photos(*(f"p{i:02}" for i in range(60)))  # far more than are done meanwhile
    records = run_two(make_plan(load_slow_stub), files)
    next(records)
    records.close()
    done = list((tmp_path / "out").rglob("*.json"))
    assert 1 <= len(done) < len(files)
    assert not _child_processes()


def _child_processes():
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in listed]
    return [c for c in commands if b"spawn_main" in c]


def test_number_of_workers_follows_cores_and_memory(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    needed = batch_pool.WORKER_BYTES
    for available, wanted in ((100 * needed, 8), (3 * needed, 3), (1, 1)):
        monkeypatch.setattr(batch_pool, "_available_bytes", lambda n=available: n)
        assert batch_pool.default_num_workers() == wanted


@pytest.fixture
def start_command(tmp_path, make_card):
    """Start the command with slow stub networks, in a process group of its own."""
    from facecore.registry import save_card

    for name in ("expression_model1", "gender"):
        task = "gender" if name == "gender" else "expression"
        save_card(tmp_path / "models" / name, make_card(task, name=name))
    started = []

    def start(sleep_s):
        code = (
            "import os, signal, sys, batch_stubs\n"
            "from facecore import __main__, cli_batch\n"
            "if __name__ == '__main__':\n"
            # A shell's background jobs, the tests among them, may have Ctrl-C switched off.
            "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"    os.environ[batch_stubs.SLEEP] = '{sleep_s}'\n"
            "    cli_batch.load_network = batch_stubs.load_slow_stub\n"
            "    sys.exit(__main__.main(sys.argv[1:]))\n"
        )
        script = tmp_path / "command.py"
        script.write_text(code)
        arguments = ["batch", tmp_path / "in", "--out", tmp_path / "out", "--workers", "2"]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            env=os.environ | {"PYTHONPATH": paths, "FACECORE_MODELS_DIR": str(tmp_path / "models")},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait_for(condition, timeout_s=240.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _group_is_gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_interrupt_ends_cleanly_and_the_same_command_goes_on(make_photos, start_command, tmp_path):
    files = make_photos(*(f"p{i:02}" for i in range(24)))
    state = tmp_path / "out" / ".batch"
    process = start_command(sleep_s=2)
    _wait_for(lambda: len(list(state.rglob("*.json"))) >= 2)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the whole group is told
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in told
    assert "the same command goes on from there" in told
    _wait_for(lambda: _group_is_gone(process.pid), timeout_s=60)
    num_done = len(list(state.rglob("*.json")))
    assert 2 <= num_done < len(files)
    assert not list((tmp_path / "out").rglob("*.part"))
    process = start_command(sleep_s=0)
    said, told = process.communicate(timeout=240)
    assert process.returncode == 0, told
    assert f"done before: {num_done})" in said
    faces = pq.read_table(tmp_path / "out" / "faces.parquet").to_pylist()
    assert names(faces) == [file.path.stem for file in files]


def test_killed_command_leaves_no_process_and_loses_nothing(make_photos, start_command, tmp_path):
    files = make_photos(*(f"p{i:02}" for i in range(10)))
    state = tmp_path / "out" / ".batch"
    process = start_command(sleep_s=1)
    _wait_for(lambda: len(list(state.rglob("*.json"))) >= 2)
    process.kill()
    process.communicate()
    _wait_for(lambda: _group_is_gone(process.pid), timeout_s=60)
    process = start_command(sleep_s=0)
    _, told = process.communicate(timeout=240)
    assert process.returncode == 0, told
    faces = pq.read_table(tmp_path / "out" / "faces.parquet").to_pylist()
    assert names(faces) == [file.path.stem for file in files]


@pytest.fixture
def busy_command(make_photos, start_command, tmp_path, monkeypatch):
    """A command in the middle of its only file."""
    make_photos("a")
    monkeypatch.setenv(MARK, str(tmp_path / "begun"))
    process = start_command(sleep_s=600)
    _wait_for((tmp_path / "begun").exists)
    return process


def test_worker_of_a_killed_command_does_not_finish_its_file(busy_command):
    # It would write beside the worker that the same command, begun again, gives this file to.
    busy_command.kill()
    busy_command.communicate()
    _wait_for(lambda: _group_is_gone(busy_command.pid), timeout_s=60)


def test_command_that_is_asked_to_end_does_so_cleanly(busy_command, tmp_path):
    process = busy_command
    process.terminate()  # its workers are told nothing
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Stopped after 0 of 1 files; the same command goes on from there." in told
    assert "Traceback" not in told
    _wait_for(lambda: _group_is_gone(process.pid), timeout_s=60)


def test_stub_answers_in_other_processes(make_plan, make_photos, tmp_path):
    summary = run_batch(make_plan(load_stub), make_photos("a"), run_two)
    assert summary.people_by_label["expression"]["happy"] == 1
