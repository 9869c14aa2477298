"""The Relabel page with pictures that users keep: what is said before any network has judged."""

import cv2
import numpy as np
import pytest
import streamlit as st
from own_pictures import write_folders

from facecore.datasets import load_dataset
from facecore.own_data import bring_path
from facecore.own_data_labels import guess_mapping
from facecore.own_data_plan import make_plan
from facecore.own_data_split import SplitChoice
from facecore.own_data_store import keep_data
from facecore.relabel_predictions import OutOfSample, predictions_path, save_predictions
from facecore.user_files import user_data_dir
from pages._relabel_data import open_material

NUMBERS = {"happy": 20, "sad": 20}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    yield
    st.cache_resource.clear()


def keep(tmp_path):
    draft = bring_path(tmp_path / "faces")(tmp_path / "draft", None, None)
    mapping = guess_mapping(NUMBERS, "expression")
    return keep_data(draft, make_plan(draft, "expression", mapping, SplitChoice()), "Faces").name


def open_desk(open_page, name):
    page = open_page("relabel")
    page.selectbox(key="relabel_dataset").set_value(name).run()
    if page.text_input:
        page.text_input(key="relabel_who").set_value("Ann")
        page.button(key="relabel_who_ok").click().run()
    assert not page.exception and not page.error
    return page


def text_of(page):
    return "\n".join(element.value for element in [*page.caption, *page.info])


def judge(name):
    """Let networks agree with every label."""
    dataset = open_material(name).dataset
    probs = np.eye(len(dataset.labels), dtype=np.float32)[dataset.y_true]
    quality = np.ones(len(dataset), dtype=np.float32)
    found = OutOfSample(
        sample_ids=dataset.sample_ids,
        labels=dataset.labels,
        y_true=dataset.y_true,
        probs=probs,
        quality=quality,
        is_issue=quality < 0,
        num_folds=2,
    )
    save_predictions(predictions_path(name, dataset.split), found)


def test_labels_that_nobody_looked_at_are_not_called_fine(open_page, tmp_path):
    write_folders(tmp_path / "faces", NUMBERS)
    name = keep(tmp_path)
    page = open_desk(open_page, name)
    assert "have not been looked at by a network" in text_of(page)
    assert f"cross_validate.py --dataset {name}" in text_of(page)
    assert " are doubtful" not in text_of(page)
    assert all("check" not in box.icon for box in page.info)


def test_labels_that_networks_agree_with_are(open_page, tmp_path):
    write_folders(tmp_path / "faces", NUMBERS)
    name = keep(tmp_path)
    judge(name)
    page = open_desk(open_page, name)
    assert "0 of" in text_of(page) and "training pictures are doubtful" in text_of(page)
    assert "No network" not in text_of(page)
    assert any("check" in box.icon for box in page.info)


def test_blank_pictures_are_found_without_a_network(open_page, tmp_path):
    write_folders(tmp_path / "faces", NUMBERS)
    name = keep(tmp_path)
    dataset = load_dataset(name, "train")  # an intake leaves blank ones out; these come later
    for image in dataset.sample_ids[dataset.y_true == dataset.labels.index("sad")]:
        (path,) = (user_data_dir() / name).rglob(f"{image}.png")
        cv2.imwrite(str(path), np.full((40, 40), 9, np.uint8))
    page = open_desk(open_page, name)
    assert "for being blank or copies, without a network" in text_of(page)
    assert "No network has looked at these labels yet" in text_of(page)
    toggle = page.toggle(key="relabel_ask_models")
    assert "never saw these pictures" in toggle.help
    page.selectbox(key="relabel_label").set_value("happy").run()
    assert "doubtful in this way" in text_of(page)
    assert all("check" not in box.icon for box in page.info)
