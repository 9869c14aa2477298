"""Opens a bundle's network and runs it. Imports TensorFlow, so only who predicts imports this."""

import contextlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore.errors import ModelError, ModelShapeError
from facecore.memory import give_back_memory
from facecore.network_files import refuse_code
from facecore.preprocessing import UInt8Array
from facecore.registry import ModelCard, load_card, verify_checksum
from facecore.untrusted_files import shorten

_STDERR = 2
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def _log_stderr() -> Iterator[None]:
    """Turn what is written to stderr into debug messages.

    TensorFlow's C++ part greets there before any of its own settings can keep it quiet, and the
    command line's errors would drown in it.
    """
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            caught.seek(0)
            _log.debug("TensorFlow's start: %s", caught.read().decode(errors="replace"))


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with _log_stderr():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # looks for a driver and comments on that too


class Classifier:
    """One network, ready for many threads. Load it once per process with ``load_classifier``."""

    def __init__(self, model: keras.Model, card: ModelCard) -> None:
        _check_shapes(model, card)
        self.card = card
        self.model = model  # for explanations
        spec = card.input
        self._image_shape = (spec.height, spec.width, spec.num_channels)
        self._lock = threading.Lock()
        self._run = build_graph(model)
        for size in (1, 2):  # the first calls choose kernels and allocate, which takes seconds
            self.predict_proba(np.zeros((size, *self._image_shape), dtype=np.uint8))
        give_back_memory()  # building the graph took ten times the memory of the weights

    def predict_proba(self, batch: UInt8Array) -> npt.NDArray[np.float32]:
        """Classify all faces of a batch in one call; safe to use from several threads.

        Args:
            batch: uint8 array of shape (n, H, W, C) from ``to_batch``; n may be 0.

        Returns:
            float32 array of shape (n, num_classes); rows sum to 1, columns follow ``card.labels``.

        Raises:
            ValueError: if the batch has another shape or type.
        """
        if batch.dtype != np.uint8 or batch.shape[1:] != self._image_shape:
            raise ValueError(
                f"expected uint8 images of shape {self._image_shape}, got {batch.dtype} "
                f"{batch.shape[1:]}"
            )
        if len(batch) == 0:
            return np.empty((0, len(self.card.labels)), dtype=np.float32)
        with self._lock:
            probs = self._run(tf.constant(batch)).numpy()
        return np.asarray(probs, dtype=np.float32)


# What Keras, TensorFlow and HDF5 raise for descriptions and weights that are damaged, or that ask
# for more memory than there is; each but MemoryError was met with mutated files.
_UNUSABLE = (
    *(ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, OSError),
    *(RuntimeError, MemoryError, tf.errors.OpError),
)


def load_classifier(bundle: Path) -> Classifier:
    """Open a bundle's network; its checksum is verified before Keras sees the file.

    Args:
        bundle: folder with card.json and model.keras.

    Raises:
        ModelNotFoundError: if the card or the network is missing.
        InvalidModelCardError: if the card breaks the schema.
        ChecksumMismatchError: if the network is not the card's.
        ModelShapeError: if the network's input or output differs from the card.
        ModelError: if the file holds program code or Keras cannot open it.
    """
    return Classifier(load_network(bundle), load_card(bundle))


def load_network(bundle: Path) -> keras.Model:
    """Open a bundle's network as Keras has it; its checksum is verified before Keras sees the file.

    Raises:
        ModelError: as for ``load_classifier``, but the shapes are not checked.
    """
    path = verify_checksum(bundle, load_card(bundle))
    refuse_code(path)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except _UNUSABLE as error:
        raise ModelError(
            f"Keras {keras.__version__} cannot open the network of model '{bundle.name}' "
            f"({shorten(error)}); restore the folder or train the model again."
        ) from error


def build_graph(model: keras.Model) -> Any:
    """Return a function from a uint8 tensor of images in the network's shape to its answers.

    Of weights that are constants, not variables, TensorFlow works the batch normalisation into the
    convolutions: a batch takes a tenth less time, a single face a quarter.
    """
    trained = [variable.numpy() for variable in model.trainable_variables]
    others = [variable.numpy() for variable in model.non_trainable_variables]

    def run(batch: tf.Tensor) -> tf.Tensor:
        constants = [[tf.constant(value) for value in values] for values in (trained, others)]
        return model.stateless_call(*constants, tf.cast(batch, tf.float32), training=False)[0]

    # A free batch dimension: a new number of faces would trace a new graph otherwise.
    signature = [tf.TensorSpec(model.input_shape, tf.uint8)]
    function = tf.function(run, input_signature=signature, autograph=False)
    # The one graph itself: choosing among graphs costs a millisecond in every call.
    return function.get_concrete_function()


def _check_shapes(model: keras.Model, card: ModelCard) -> None:
    spec = card.input
    wanted_in = (None, spec.height, spec.width, spec.num_channels)
    wanted_out = (None, len(card.labels))
    if model.input_shape != wanted_in or model.output_shape != wanted_out:
        raise ModelShapeError(
            f"The network of model '{card.name}' maps {model.input_shape} to "
            f"{model.output_shape}, but its card says {wanted_in} to {wanted_out}; restore the "
            "folder or train the model again."
        )


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """Where networks run.

    Args:
        kind: "GPU" or "CPU".
        name: of the device, or of all of them.
        num: how many.
    """

    kind: str
    name: str
    num: int

    @property
    def text(self) -> str:
        """One sentence for the sidebar."""
        if self.kind == "CPU":
            return "Networks run on the processor (CPU); TensorFlow sees no graphics card."
        cards = "graphics card" if self.num == 1 else f"{self.num} graphics cards"
        return f"Networks run on the {cards} ({self.name})."


def configure_device(
    list_devices: Callable[[str], Sequence[Any]] | None = None,
    set_memory_growth: Callable[[Any, bool], None] | None = None,
) -> DeviceReport:
    """Let TensorFlow take graphics memory as it needs it, and tell what networks run on.

    Call before the first network is loaded: later, TensorFlow no longer accepts the setting.

    Args:
        list_devices: returns the devices of a kind ("GPU"); default: TensorFlow's own list.
        set_memory_growth: called for each GPU; default: TensorFlow's.
    """
    gpus = (list_devices or tf.config.list_physical_devices)("GPU")
    set_growth = set_memory_growth or tf.config.experimental.set_memory_growth
    for gpu in gpus:
        # Without growth TensorFlow takes all memory of the card at once.
        set_growth(gpu, True)
    if gpus:
        names = ", ".join(str(gpu.name).removeprefix("/physical_device:") for gpu in gpus)
        return DeviceReport("GPU", names, len(gpus))
    return DeviceReport("CPU", "CPU", 1)
