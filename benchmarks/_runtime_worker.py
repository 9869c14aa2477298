"""One runtime in a process of its own: how it starts, what it answers, how fast it is.

Part of ``runtimes.py``, which runs it: ``python _runtime_worker.py JSON``; prints one JSON line.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore.pipeline import FacePipeline
from facecore.preprocessing import UInt8Array
from facecore.registry import MODEL_FILE, ModelCard, load_card
from facecore.session import process_video

BATCHES = (1, 3, 8, 16)
Call = Callable[[UInt8Array], npt.NDArray[np.float32]]


def open_keras(folder: Path, bundle: Path, threads: int) -> Call:
    """Open it as the dashboard does."""
    import pylibsrtp  # noqa: F401  before TensorFlow

    from facecore import inference

    inference.tf.config.threading.set_intra_op_parallelism_threads(threads)
    return inference.load_classifier(bundle).predict_proba


def open_keras_one_queue(folder: Path, bundle: Path, threads: int) -> Call:
    """Let TensorFlow do one operation at a time, as there is never more than one batch."""
    import pylibsrtp  # noqa: F401  before TensorFlow
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    return open_keras(folder, bundle, threads)


def open_keras_xla(folder: Path, bundle: Path, threads: int) -> Call:
    """Compile the same call by XLA, for every batch size anew."""
    return _open_graph(folder, threads, jit=True)


def open_keras_variables(folder: Path, bundle: Path, threads: int) -> Call:
    """Call the network with its weights as variables, of which TensorFlow folds nothing."""
    return _open_graph(folder, threads)


def open_keras_folded(folder: Path, bundle: Path, threads: int) -> Call:
    """Make each normalisation part of the convolution before it, and the weights constants."""
    import pylibsrtp  # noqa: F401  before TensorFlow

    from facecore import inference

    inference.tf.config.threading.set_intra_op_parallelism_threads(threads)
    graph = inference.build_graph(fold_normalisations(inference.load_network(bundle)))
    return lambda batch: graph(inference.tf.constant(batch)).numpy()


def _open_graph(folder: Path, threads: int, jit: bool = False) -> Call:
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model = keras.models.load_model(folder / MODEL_FILE, compile=False)

    def run(batch: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(batch, tf.float32), training=False)

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)]
    graph = tf.function(run, input_signature=signature, autograph=False, jit_compile=jit)
    return lambda batch: graph(tf.constant(batch)).numpy()


def fold_normalisations(model):
    """Return the network with each normalisation made part of the convolution before it."""
    import keras

    norms = {
        layer.input._keras_history.operation.name: layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    gone = {norm.name for norm in norms.values()}

    def copy(layer):
        if layer.name in gone:
            return keras.layers.Identity(name=f"{layer.name}_gone")
        changes = {"use_bias": True} if layer.name in norms else {}
        return type(layer).from_config(layer.get_config() | changes)

    def call(layer, *inputs, **options):
        return layer(*inputs)  # without a normalisation's mask

    folded = keras.models.clone_model(model, clone_function=copy, call_function=call)
    for layer in model.layers:
        weights = layer.get_weights()
        if layer.name in norms:
            norm = norms[layer.name]
            gamma, beta, mean, variance = norm.get_weights()
            factor = gamma / np.sqrt(variance + norm.epsilon)
            bias = weights[1] if len(weights) > 1 else 0.0
            weights = [weights[0] * factor, beta + (bias - mean) * factor]
        if weights and layer.name not in gone:
            folded.get_layer(layer.name).set_weights(weights)
    return folded


def open_litert(folder: Path, bundle: Path, threads: int) -> Call:
    """LiteRT with its XNNPACK kernels."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "network.tflite"), num_threads=threads)
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    size = 0

    def call(batch: UInt8Array) -> npt.NDArray[np.float32]:
        nonlocal size
        if len(batch) != size:
            interpreter.resize_tensor_input(source, batch.shape)
            interpreter.allocate_tensors()
            size = len(batch)
        interpreter.set_tensor(source, batch.astype(np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return call


def open_onnxruntime(folder: Path, bundle: Path, threads: int) -> Call:
    """ONNX Runtime on its CPU provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads that wait for work by turning in circles take the cores from the face search.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(folder / "network.onnx"), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch.astype(np.float32)})[0]


def open_openvino(folder: Path, bundle: Path, threads: int) -> Call:
    """OpenVINO in float32; by itself it takes bfloat16 where the processor has it."""
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(folder / "network.xml"), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda batch: request.infer({0: batch.astype(np.float32)})[0].copy()


OPENERS = {
    "keras": open_keras,
    "keras_one_queue": open_keras_one_queue,
    "keras_xla": open_keras_xla,
    "keras_variables": open_keras_variables,
    "keras_folded": open_keras_folded,
    "litert": open_litert,
    "onnxruntime": open_onnxruntime,
    "openvino": open_openvino,
}


class Replaced:
    """A classifier with another call inside."""

    def __init__(self, card: ModelCard, call: Call) -> None:
        self.card = card
        self.predict_proba = call


def memory_mb() -> int:
    """Return this process' resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def measure_ms(call: Call, crops: UInt8Array, seconds: float) -> dict[int, float]:
    """Return the median milliseconds of a call per batch size."""
    medians = {}
    for size in BATCHES:
        batch = np.ascontiguousarray(crops[:size])
        for _ in range(3):
            call(batch)
        times, end_s = [], time.perf_counter() + seconds
        while time.perf_counter() < end_s or len(times) < 5:
            begun = time.perf_counter()
            call(batch)
            times.append((time.perf_counter() - begun) * 1000)
        medians[size] = statistics.median(times)
    return medians


def measure_fps(clip: Path, target: Path | None, pipeline: FacePipeline) -> float:
    """Return the frames per second of a video's analysis, with or without an annotated file."""
    begun = time.perf_counter()
    run = process_video(clip, target, pipeline)
    return len(run.frames) / (time.perf_counter() - begun)


def main() -> None:
    """Do what the first argument says."""
    task = json.loads(sys.argv[1])
    sys.path.append(task["packages"])
    before_mb, begun = memory_mb(), time.perf_counter()
    calls, cards, firsts = [], [], []
    for name in task["bundles"]:
        bundle = Path(name)
        folder = Path(task["folder"]) / bundle.name
        call = OPENERS[task["runtime"]](folder, bundle, task["threads"])
        crops = np.load(folder / "crops.npy")
        call(crops[:1])
        calls.append(call)
        cards.append(load_card(bundle))
        firsts.append((crops, np.load(folder / "probs.npy")))
    answer = {
        "start_s": time.perf_counter() - begun,
        "memory_mb": memory_mb() - before_mb,
        "difference": {},
        "ms": {},
    }
    for call, card, (crops, probs) in zip(calls, cards, firsts, strict=True):
        got = np.concatenate([call(crops[i : i + 16]) for i in range(0, len(crops), 16)])
        answer["difference"][card.name] = float(np.abs(got - probs).max())
        answer["ms"][card.name] = measure_ms(call, crops, task["seconds"])
    if task["clip"]:
        chosen = {card.task: Replaced(card, call) for card, call in zip(cards, calls, strict=True)}
        pipeline = FacePipeline(list(chosen.values()))
        for key, target in (("analysis_fps", None), ("file_fps", Path(task["folder"]) / "out.mp4")):
            fps = [measure_fps(Path(task["clip"]), target, pipeline) for _ in range(task["rounds"])]
            answer[key] = statistics.median(fps)
        answer["memory_mb"] = max(answer["memory_mb"], memory_mb() - before_mb)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
