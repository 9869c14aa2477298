"""The gender tab on its own: by group, by label, all ages, and without what it needs."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from facecore.evaluation import Predictions, compute_report, evaluation_dir, save_evaluation
from facecore.labels import GENDERS
from facecore.registry import load_card, save_card


def show_tab() -> None:
    from pages._compare_gender import show_gender

    show_gender()


def open_tab() -> AppTest:
    app = AppTest.from_function(show_tab, default_timeout=180).run()
    assert not app.exception
    return app


def write_evaluation(bundle, split, with_attributes=True, dataset="fairface") -> None:
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1], 20).astype(np.int16)
    probs = rng.dirichlet([1, 1], 40).astype(np.float32)
    attributes = {
        "group": np.array(["Indian", "White"] * 20),
        "age": np.array(["20-29"] * 30 + ["3-9"] * 10),
    }
    predictions = Predictions(
        sample_ids=np.array([f"train/{i}.jpg" for i in range(40)]),
        labels=GENDERS,
        y_true=y_true,
        columns=GENDERS,
        probs=probs,
        attributes=attributes if with_attributes else {},
    )
    report = compute_report(predictions, load_card(bundle), dataset, split)
    save_evaluation(evaluation_dir(bundle, dataset, split), report, predictions)


@pytest.fixture
def bundle(models_folder):
    return models_folder / "gender"


def test_adults_by_group_then_all_by_label(bundle):
    write_evaluation(bundle, "holdout")
    app = open_tab()
    assert any("Of 30 faces aged 20 and older" in text.value for text in app.markdown)
    assert any("used for choosing" in text.value for text in app.markdown)
    table = app.dataframe[0].value
    assert sorted(table["group"]) == ["Indian", "White"]
    assert table["accuracy"].is_monotonic_increasing
    app.segmented_control(key="gender_people").set_value("everyone").run()
    app.segmented_control(key="gender_attribute").set_value("label").run()
    assert not app.exception
    assert any("Of 40 faces" in text.value for text in app.markdown)
    assert sorted(app.dataframe[0].value["label"]) == ["Men", "Women"]


def test_test_split_stands_first(bundle):
    write_evaluation(bundle, "holdout")
    write_evaluation(bundle, "test")
    app = open_tab()
    assert app.selectbox(key="gender_split").options == ["FairFace val", "FairFace holdout"]
    assert app.selectbox(key="gender_split").value.split == "test"


def test_network_without_evaluation(bundle):
    app = open_tab()
    assert "no evaluation yet" in app.info[0].value
    assert app.code[0].value == "python -m facecore evaluate --model gender"


def test_evaluation_from_before_groups(bundle):
    write_evaluation(bundle, "holdout", with_attributes=False)
    app = open_tab()
    assert "Neither age nor group" in app.info[0].value
    assert any("Of 40 faces, **" in text.value for text in app.markdown)
    assert app.code[0].value.endswith("--dataset fairface --split holdout")


def test_users_pictures_also_when_they_are_deleted(bundle):
    write_evaluation(bundle, "validation", with_attributes=False, dataset="own_team")
    app = open_tab()
    assert not app.error
    assert "no age or group" in app.info[0].value
    assert app.selectbox(key="gender_split").options == ["own_team validation"]
    assert not app.code


def test_damaged_evaluation_names_itself(bundle):
    write_evaluation(bundle, "holdout")
    (evaluation_dir(bundle, "fairface", "holdout") / "predictions.npz").write_bytes(b"PK")
    app = open_tab()
    assert "predictions" in app.error[0].value
    assert not app.dataframe


def test_no_gender_network(bundle):
    shutil.rmtree(bundle)
    assert "no gender network" in open_tab().info[0].value


def test_two_networks(bundle):
    write_evaluation(bundle, "holdout")
    other = bundle.parent / "gender_two"
    shutil.copytree(bundle, other)
    save_card(other, replace(load_card(bundle), name="gender_two", title="Second *gender*"))
    app = open_tab()
    app.selectbox(key="gender_model").set_value("gender_two").run()
    assert not app.exception
    assert len(app.dataframe) == 1


def test_networks_of_one_title_can_be_told_apart_and_one_may_go(bundle):
    for name in ("gender_one", "gender_two"):
        shutil.copytree(bundle, bundle.with_name(name))
        card = replace(load_card(bundle), name=name, title="Twin")
        save_card(bundle.with_name(name), card)
    app = open_tab()
    network = app.selectbox(key="gender_model")
    assert network.options == ["Gender", "Twin (gender_one)", "Twin (gender_two)"]
    network.select_index(2).run()
    assert app.code[0].value.endswith("--model gender_two")
    shutil.rmtree(bundle.with_name("gender_two"))
    app.run()
    assert not app.exception
    assert app.selectbox(key="gender_model").options == ["Gender", "Twin"]


def test_downloads_of_two_splits_have_names_of_their_own(bundle, monkeypatch):
    names = []
    monkeypatch.setattr(
        "pages._compare_gender.download_buttons",
        lambda items: names.extend(item.file_name for item in items),
    )
    for split in ("holdout", "test"):
        write_evaluation(bundle, split)
    app = open_tab()
    split = app.selectbox(key="gender_split")
    split.select_index(1).run()
    assert names == [
        "gender_fairface_test_adults_by_group.csv",
        "gender_fairface_holdout_adults_by_group.csv",
    ]
