"""Grouping pictures that look alike: right for any mixture, cheap for large groups, stoppable."""

import numpy as np
import pytest
from own_pictures import write_folders
from scipy.sparse.csgraph import connected_components

from facecore import own_data_alike
from facecore.own_data_alike import group_alike
from facecore.own_data_pictures import prepare_pictures
from facecore.own_data_sources import list_folder


def make_thumbs(num, num_motifs, noise, seed=0):
    rng = np.random.default_rng(seed)
    motifs = rng.normal(size=(num_motifs, 256))
    table = motifs[rng.integers(num_motifs, size=num)] + noise * rng.normal(size=(num, 256))
    table -= table.mean(axis=1, keepdims=True)
    return list((table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float32))


def group_by_every_pair(thumbs):
    table = np.stack(thumbs)
    _, found = connected_components(table @ table.T > 0.97)
    first = {}
    return tuple(first.setdefault(group, i) for i, group in enumerate(found.tolist()))


@pytest.mark.parametrize(
    ("num_motifs", "noise"),
    [(1, 0.1), (3, 0.18), (40, 0.17), (300, 0.1), (1, 0.2), (2, 0.19)],
)
def test_groups_are_those_of_every_pair(num_motifs, noise):
    thumbs = make_thumbs(700, num_motifs, noise)
    thumbs[5:700:100] = [np.zeros(256, dtype=np.float32)] * 7
    groups = group_alike(thumbs)
    assert groups == group_by_every_pair(thumbs)
    assert groups.count(5) == 1, "nothing is like a blank picture"


@pytest.mark.parametrize("searches", [True, False])
def test_both_ways_of_comparing_find_the_same(searches, monkeypatch):
    monkeypatch.setattr(own_data_alike, "_FEW_IN_VAIN", float(searches))
    thumbs = make_thumbs(900, 30, 0.17)
    groups = group_alike(thumbs)
    assert groups == group_by_every_pair(thumbs)
    assert 30 < len(set(groups)) < 900


def test_nothing_one_and_only_blank_pictures():
    blank = np.zeros(256, dtype=np.float32)
    assert group_alike([]) == ()
    assert group_alike(make_thumbs(1, 1, 0)) == (0,)
    assert group_alike([blank] * 3) == (0, 1, 2)


@pytest.mark.parametrize("num_motifs", [1, 5])
def test_large_groups_cost_no_more_than_a_few_looks_at_each_picture(num_motifs, monkeypatch):
    looks = 0
    list_near = own_data_alike._Left._list_near

    def count(self, row):
        nonlocal looks
        near = list_near(self, row)
        looks += len(near)
        return near

    monkeypatch.setattr(own_data_alike._Left, "_list_near", count)
    groups = group_alike(make_thumbs(3000, num_motifs, 0.1))
    assert len(set(groups)) == num_motifs
    assert 3000 <= looks < 3000 * 2 * (num_motifs + 1)


def test_progress_is_told_and_can_end_the_work():
    told = []
    group_alike(make_thumbs(300, 1, 0.1), lambda done, total: told.append((done, total)))
    assert told[-1] == (300, 300) and told == sorted(told)

    def stop(done, total):
        raise KeyboardInterrupt

    for num_motifs in (1, 300):
        with pytest.raises(KeyboardInterrupt):
            group_alike(make_thumbs(300, num_motifs, 0.1), stop)


def test_comparing_brought_pictures_is_told_after_reading_them(tmp_path):
    write_folders(tmp_path / "faces", {"happy": 4, "sad": 3})
    told = []
    raws, _ = list_folder(tmp_path / "faces")
    prepare_pictures(raws, tmp_path / "draft", on_progress=lambda *step: told.append(step))
    steps = [(i, 7) for i in range(1, 8)]
    assert told == steps * 2
