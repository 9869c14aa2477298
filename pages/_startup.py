"""What a server does once, when its first visitor comes."""

import logging

import streamlit as st

from facecore.datasets_common import data_dir
from facecore.errors import StorageError
from facecore.jobs_queue import PHOTOS_VARIABLE, VIDEOS_VARIABLE, read_limit
from facecore.registry import models_dir
from facecore.temp_folders import sweep
from facecore.training_queue import ensure_worker
from facecore.user_files import is_teaching_on, user_data_dir, user_dir
from pages._session_end import read_grace
from pages._ui import error_box

_log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def _start() -> None:
    for variable in (VIDEOS_VARIABLE, PHOTOS_VARIABLE):
        read_limit(variable, 1)  # a wrong one is told at once, not at the first upload
    read_grace()
    for find in (models_dir, data_dir, user_dir):
        find()
    if is_teaching_on():
        try:
            ensure_worker()  # trainings that waited when the machine was switched off
        except StorageError as error:  # the rest of the dashboard needs none
            _log.warning("%s", error)
    if swept := sweep(user_data_dir()):
        _log.warning("deleted %d temporary folders that an ended server had left", len(swept))


def start_server() -> None:
    """Delete what killed servers left, and check the settings; shows what is wrong with them."""
    with error_box():
        _start()
        return
    st.stop()
