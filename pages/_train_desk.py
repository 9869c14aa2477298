"""Pictures that this session brought and has not kept: only here, gone with the session."""

from collections.abc import Mapping
from uuid import uuid4

import streamlit as st

from facecore.jobs import BackgroundTask
from facecore.labels import Task
from facecore.limits import safe_name
from facecore.own_data import Bring
from facecore.own_data_labels import guess_mapping
from facecore.own_data_pictures import Draft
from facecore.own_data_plan import Plan, choose_method, make_plan
from facecore.own_data_split import SplitChoice
from facecore.own_data_store import OwnData
from facecore.progress import OnProgress
from facecore.temp_folders import TempFolder
from facecore.training_config import get_crop_spec
from pages._cache import remember
from pages._session_end import close_with_session

_STATE = "train_draft"


class DraftCase:
    """Pictures that are being read, or were.

    Args:
        name: of the upload or folder.
        task: what the labels say.
        bring: reads the pictures.
        crop: whether faces are cut out of whole photos.
    """

    def __init__(self, name: str, task: Task, bring: Bring, crop: bool) -> None:
        self.key = uuid4().hex
        self.name = name
        self.task = task
        self.kept: OwnData | None = None
        self._closed = False
        self._folder = TempFolder("draft")
        spec = get_crop_spec(task) if crop else None

        def work(on_progress: OnProgress) -> Draft:
            return bring(self._folder.path, spec, on_progress)

        self.reading = BackgroundTask(work)

    @property
    def problem(self) -> str | None:
        """One sentence where the pictures are gone, and are not being read any more."""
        if self._folder.path.is_dir() and not self._closed:
            return None
        return (
            f"The pictures of {safe_name(self.name)} were deleted because the browser was away; "
            "bring them again."
        )

    def close(self) -> None:
        """Stop reading and delete the files; may be called twice."""
        self._closed = True
        self.reading.cancel(self._folder.close)


def current_case() -> DraftCase | None:
    """Return this session's pictures, watched until the session ends."""
    case: DraftCase | None = st.session_state.get(_STATE)
    if case is not None:
        close_with_session(case)
    return case


def open_case(name: str, task: Task, bring: Bring, crop: bool) -> None:
    """Begin to read pictures, in place of those before.

    Raises:
        StorageError: if there is no room for them.
    """
    drop_case()
    st.session_state[_STATE] = DraftCase(name, task, bring, crop)


def drop_case() -> None:
    """Delete this session's pictures that were not kept."""
    case: DraftCase | None = st.session_state.pop(_STATE, None)
    if case is not None:
        case.close()


def plan_case(case: DraftCase, mapping: Mapping[str, str], choice: SplitChoice) -> Plan:
    """Return what these choices give, computed once for each.

    Raises:
        InvalidDatasetError: if a label cannot be one.
    """
    draft = case.reading.result
    if draft is None:
        raise ValueError("the pictures are not read yet")
    key = (case.key, tuple(sorted(mapping.items())), choice)
    return remember(
        "train_plan", key, lambda: make_plan(draft, case.task, mapping, choice), limit=8
    )


def best_method(case: DraftCase, draft: Draft) -> str:
    """Return the way to divide that fits these pictures best."""
    names = [picture.label for picture in draft.pictures]
    mapping = guess_mapping(names, case.task)
    return remember("train_method", case.key, lambda: choose_method(draft, mapping), limit=4)
