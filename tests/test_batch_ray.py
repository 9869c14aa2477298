"""A batch on a cluster of two machines, one of which is lost in the middle."""

import threading
import time
from pathlib import Path

import cv2
import pyarrow.parquet as pq
import pytest
from batch_stubs import load_slow_stub
from skimage import data

from facecore.batch import run_batch
from facecore.batch_inputs import find_files
from facecore.batch_ray import run_ray
from facecore.batch_records import BatchPlan, BatchSettings
from facecore.errors import ConfigError, FaceCoreError
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE

ray = pytest.importorskip("ray", reason="Ray is an option: requirements-cluster.txt")
pytestmark = pytest.mark.timeout(600)

NUM_PHOTOS = 24
MEMORY = 80_000_000


@pytest.fixture(scope="module")
def cluster():
    """A head without cores, so that only the two other machines work; on loopback alone."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Nothing is reported anywhere, and a lost machine is noticed within seconds.
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_health_check_period_ms", "1000")
        patch.setenv("RAY_health_check_failure_threshold", "3")
        # Ray would take 127.0.0.1 for this machine's address in the network and ask there.
        common = {"node_ip_address": "127.0.0.2", "object_store_memory": MEMORY}
        head = {**common, "num_cpus": 0, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.nodes = [cluster.add_node(num_cpus=1, **common) for _ in range(2)]
        yield cluster
        cluster.shutdown()


@pytest.fixture
def files(tmp_path):
    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".png", cv2.resize(portrait, (256, 256)))[1].tobytes()
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(NUM_PHOTOS):
        (folder / f"p{i:02}.png").write_bytes(encoded)
    return find_files([str(folder)])[0]


@pytest.fixture
def plan(tmp_path):
    settings = BatchSettings((), PHOTO_PIPELINE, VIDEO_PIPELINE)
    bundles = (Path("expression_model1"), Path("gender"))
    return BatchPlan(tmp_path / "out", settings, bundles, load_slow_stub)


def refuse_network(bundle):
    raise FaceCoreError(f"The network of {bundle.name} is damaged.")


def is_analysing(node):
    """Whether a worker of this machine has a file at hand: Ray names the process after the task."""
    raylet = node.all_processes["raylet"][0].process.pid
    for children in Path(f"/proc/{raylet}/task").glob("*/children"):
        for pid in map(int, _read_bytes(children).split()):
            if _read_bytes(f"/proc/{pid}/cmdline").startswith(b"ray::_analyse"):
                return True
    return False


def _read_bytes(path):
    """The content; nothing where the process or thread has ended this moment."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def test_lost_machine_loses_nothing_and_doubles_nothing(cluster, plan, files):
    workers = list(cluster.nodes)
    killed_after = []

    def kill_one_at_work():
        state = plan.out / ".batch"
        while True:
            num_done = len(list(state.rglob("*.json")))
            busy = [node for node in workers if is_analysing(node)]
            if num_done >= 4 and busy:
                cluster.remove_node(busy[-1], allow_graceful=False)
                killed_after.append(num_done)
                return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one_at_work, daemon=True)
    killer.start()
    records = []

    def engine(inner_plan, waiting):
        for record in run_ray(inner_plan, waiting, cluster.address):
            records.append(record)
            yield record

    summary = run_batch(plan, files, engine)
    killer.join(timeout=60)
    assert killed_after and killed_after[0] < NUM_PHOTOS
    wanted = [file.source for file in files]
    assert sorted(record.source for record in records) == wanted
    faces = pq.read_table(plan.out / "faces.parquet").to_pylist()
    assert [face["source"] for face in faces] == wanted
    assert (summary.num_photos, summary.num_faces, summary.failures) == (NUM_PHOTOS, NUM_PHOTOS, [])
    assert not list(plan.out.rglob("*.part"))
    again = run_batch(plan, files, engine)
    assert again.num_skipped == NUM_PHOTOS


def test_network_that_cannot_be_opened_is_one_sentence(cluster, plan, files):
    refused = BatchPlan(plan.out, plan.settings, plan.bundles, refuse_network)
    with pytest.raises(FaceCoreError, match="network of expression_model1 is damaged"):
        run_batch(refused, files, lambda p, f: run_ray(p, f, cluster.address))


def test_cluster_that_does_not_answer_is_one_sentence(plan, files):
    with pytest.raises(ConfigError, match="No Ray cluster answers at 127"):
        run_batch(plan, files, lambda p, f: run_ray(p, f, "127.0.0.1:9"))
