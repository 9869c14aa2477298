"""People on a user's pictures: told by the names of the files."""

import pytest

from facecore.own_data_people import find_people

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def repeat(labels, num=30):
    return [f"{label}/{label}_{i:03d}.png" for label in labels for i in range(num)]


@pytest.mark.parametrize(
    ("paths", "num_people"),
    [
        (repeat(SEVEN), 0),
        ([path.replace("/", "/s", 1) for path in repeat(SEVEN)], 0),
        (repeat(SEVEN) + [f"sad/happy_x{i}.png" for i in range(3)], 0),
        ([f"{k}/{k}_{i}.png" for k in range(7) for i in range(9)], 0),
        ([f"{k}/{p}_{i}.png" for k in range(7) for p in range(9) for i in range(3)], 9),
        ([f"{k}/p{3 * (k == 'man') + p}_{i}.png" for k in ("man", "woman") for p in range(3)
          for i in range(9)], 6),
        ([f"{k}/anna{p}_{i}.png" for k in SEVEN for p in range(5) for i in range(2)], 5),
    ],
    ids=["labels", "like labels", "one astray", "codes", "numbers", "one label each", "people"],
)  # fmt: skip
def test_what_only_repeats_the_label_is_no_person(paths, num_people):
    people = find_people(paths, [path.split("/")[0] for path in paths])
    assert len(set(people)) == num_people


@pytest.mark.parametrize(
    ("name", "num_people"),
    [
        ("{person}_{i}_2_20170109{i:09d}.jpg", 0),
        ("{person}_{i}_20170109{i:09d}.jpg", 0),
        ("202103{person}_{i:06d}.jpg", 0),
        ("2021-03-{person}_{i}.jpg", 0),
        ("202103{person}101112_{i}.jpg", 0),
        ("{person}_{i}_2_20170109.jpg", 9),
        ("202199{person}_{i}.jpg", 9),
        ("s{person}_20210304_{i}.jpg", 9),
    ],
)
def test_days_and_ages_are_no_people(name, num_people):
    names = [name.format(person=person, i=i) for person in range(11, 20) for i in range(2)]
    assert len(set(find_people(names, ["happy"] * len(names)))) == num_people
