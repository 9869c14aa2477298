"""Damaged files of every format are read or refused with a sentence; more: benchmarks/fuzz.py."""

import random

import pytest

from benchmarks import fuzz

SEED = 7
MAX_S = 60  # more than on a free machine: others work on it too


def check(outcome, count):
    assert not outcome.broken
    assert not outcome.contained  # a crash would be no harm, but one worth reporting upstream
    assert outcome.num_read + sum(outcome.refused.values()) == count
    assert outcome.num_read and outcome.refused  # neither harmless nor hopeless throughout


def test_damaged_pictures():
    cases = fuzz.iter_cases(fuzz.make_pictures(), 300, random.Random(SEED))
    check(fuzz.run(cases, fuzz.read_picture, MAX_S), 300)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return fuzz.make_videos(tmp_path_factory.mktemp("seeds"))


def test_damaged_videos(videos):
    cases = fuzz.iter_cases(videos, 42, random.Random(SEED))
    check(fuzz.run(cases, fuzz.read_video, MAX_S), 42)


def test_seeds_themselves_can_be_read(videos):
    pictures = fuzz.make_pictures()
    assert len(pictures) == len(fuzz.PICTURE_KINDS)
    for seeds, read in ((pictures, fuzz.read_picture), (videos, fuzz.read_video)):
        outcome = fuzz.run(iter(seeds.items()), read)
        assert (outcome.num_read, outcome.refused, outcome.broken) == (len(seeds), {}, [])


def test_same_seed_gives_the_same_files():
    seeds = fuzz.make_pictures()
    first, second = (list(fuzz.iter_cases(seeds, 40, random.Random(SEED))) for _ in range(2))
    assert first == second
