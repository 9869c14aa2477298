"""What all pages share: loaded models, the error box, texts made safe to show, downloads.

The only file of the dashboard that opens networks.
"""

import gc
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, this part of WebRTC crashes
import streamlit as st

from facecore.errors import FaceCoreError
from facecore.program_end import awaited
from facecore.registry import find_bundle, load_card

if TYPE_CHECKING:
    from facecore.inference import Classifier

WORDING = (
    "The words tell **what an expression looks like to a model**, not what a person feels. "
    "Gender is **a guess from two labels**, man and woman, made from the face alone. "
    "Never decide anything about a person by them."
)

_log = logging.getLogger(__name__)
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_COLON = re.compile(r":(?=\S)")  # an invisible joiner after it keeps :words: from being icons
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.\- ]+")


@st.cache_resource(show_spinner=False)
def device_text() -> str:
    """Return the sentence about the device that runs the networks; asked once per server."""
    from facecore.inference import configure_device  # TensorFlow takes seconds: import on need

    _spare_the_networks()
    return configure_device().text


def _spare_the_networks() -> None:
    """Keep Streamlit from clearing Keras after every run of every page.

    Its clean-up resets TensorFlow's caches under running predictions and collects garbage among
    a million of TensorFlow's objects: half a second in which every thread of the server stands.
    """
    sys.modules["keras"].backend.clear_session = lambda *_, **__: None
    gc.freeze()


@st.cache_resource(show_spinner=False)
def _open_classifier(bundle: str, sha256: str) -> "Classifier":
    """Open a network once per server; the checksum makes a retrained one a new entry."""
    from facecore.inference import load_classifier

    return load_classifier(Path(bundle))


def load_classifiers(*names: str) -> list["Classifier"]:
    """Return the classifiers of these bundles, in this order, loading each once per server.

    Raises:
        ModelError: for a bundle that is missing, damaged or altered.
    """
    with st.spinner("Starting the networks …"):
        device_text()  # memory growth must be set before the first network is on the GPU
    classifiers = []
    for name in names:
        bundle = find_bundle(name)
        card = load_card(bundle)
        with st.spinner(f"Loading “{plain(card.title)}” …"):
            classifiers.append(_open_classifier(str(bundle), card.sha256))
    return classifiers


@st.cache_resource(show_spinner=False)
def _open_meanwhile(name: str, sha256: str) -> None:
    """Begin to open a network, once per server; ``_open_classifier`` waits until it is done."""

    def work() -> None:
        try:
            with awaited():
                _open_classifier(str(find_bundle(name)), sha256)
        except FaceCoreError as error:
            _log.info("%s", error)  # told on the page where the network is used

    threading.Thread(target=work, name="facecore-networks", daemon=True).start()


def _has_server() -> bool:
    # In Streamlit's own tests of pages something else stands in its place.
    # It says that it was of the same class, so that isinstance would believe it.
    return st.runtime.exists() and type(st.runtime.get_instance()) is st.runtime.Runtime


def open_meanwhile(checksums: Mapping[str, str]) -> None:
    """Open networks in the background, so that the first picture need not wait for them.

    Call it where TensorFlow is loaded already. What cannot be opened is told by
    ``load_classifiers``.

    Args:
        checksums: the bundles' names -> their networks' sha256.
    """
    if not _has_server():  # a test of a page would go on while the next one runs
        return
    for name, sha256 in checksums.items():
        _open_meanwhile(name, sha256)


@contextmanager
def error_box() -> Iterator[None]:
    """Show a user's problem inside the block as one sentence; the page goes on after the block."""
    try:
        yield
    except FaceCoreError as error:
        show_error(str(error))


def show_error(message: str) -> None:
    """Show one sentence that may contain file names."""
    st.error(plain(message), icon=":material/error:")


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: file names are never markup."""
    return _PUNCTUATION.sub(r"\\\1", _COLON.sub(":\u2060", " ".join(text.split())))


def safe_file_name(source: str, ending: str) -> str:
    """Return a download's name made from a source's: ``a/b.jpg`` + ``.csv`` -> ``b.csv``."""
    stem = _NOT_IN_FILE_NAMES.sub("_", PurePath(source.replace("\\", "/")).stem).strip("._ ")
    return f"{stem[:80] or 'result'}{ending}"


@dataclass(frozen=True, slots=True)
class Download:
    """One file to offer.

    Args:
        label: the button's words.
        data: the content, or a function that makes it when the button is pressed.
        file_name: as saved by the browser.
        mime: its media type.
        key: the button's widget key, unique on the page.
    """

    label: str
    data: bytes | Callable[[], bytes]
    file_name: str
    mime: str
    key: str


def download_buttons(downloads: Sequence[Download]) -> None:
    """Show download buttons in a row that wraps; pressing one does not rerun the page."""
    with st.container(horizontal=True, gap="small"):
        for item in downloads:
            st.download_button(
                item.label,
                item.data,
                item.file_name,
                item.mime,
                key=item.key,
                on_click="ignore",
                icon=":material/download:",
            )


def wording_note() -> None:
    """Say what predictions are and are not."""
    st.caption(WORDING)
