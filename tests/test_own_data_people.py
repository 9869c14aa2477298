"""People on a user's pictures: told by the names of the files, and kept on one side."""

import pytest

from facecore.own_data_labels import guess_mapping
from facecore.own_data_people import find_people
from facecore.own_data_pictures import Draft, Picture
from facecore.own_data_plan import choose_method, make_plan
from facecore.own_data_split import SplitChoice

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def make_draft(tmp_path, paths):
    """A draft of pictures that look different, at ``[split/]label/name``."""
    pictures = []
    for number, path in enumerate(paths):
        *split, label, _ = path.split("/")
        shape = (40, 40, str(number), False)
        pictures.append(Picture(f"{number}.png", path, label, *(split or [""]), *shape))
    return Draft(tmp_path, tuple(pictures), (), (), tuple(range(len(pictures))), None)


def plan_for(draft, method=None):
    mapping = guess_mapping([p.label for p in draft.pictures], "expression")
    return make_plan(
        draft, "expression", mapping, SplitChoice(method or choose_method(draft, mapping))
    )


def sides_of(draft, plan):
    """Return person -> splits, the person being what each name begins with."""
    sides = {}
    for picture in plan.pictures:
        person = draft.pictures[picture.index].source.rsplit("/", 1)[1].split("_")[0]
        sides.setdefault(person, set()).add(picture.split)
    return sides


def texts(plan):
    return " ".join(f"{f.problem} {f.action}" for f in plan.findings)


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


def test_pictures_named_by_their_label_are_divided_by_share(tmp_path):
    plan = plan_for(make_draft(tmp_path, repeat(SEVEN)))
    assert plan.choice.method == "share" and plan.is_usable
    assert "people" not in texts(plan)
    assert set(plan.counts()["sad"].items()) == {("train", 24), ("validation", 6)}


def test_where_a_label_has_one_person_only_the_default_is_a_share_and_the_report_says_so(tmp_path):
    paths = [f"happy/p{p}_{i}.png" for p in range(6) for i in range(6)]
    draft = make_draft(tmp_path, paths + [f"tired/p9_{i}.png" for i in range(30)])
    plan = plan_for(draft)
    assert plan.choice.method == "share" and plan.is_usable
    assert "both sides of the split. Divided by person, Tired would have too few" in texts(plan)
    by_person = plan_for(draft, "person")
    assert not by_person.is_usable and "Tired has 30 pictures for training and 0" in texts(
        by_person
    )
    mapping = {"happy": "happy", "tired": ""}
    assert choose_method(draft, mapping) == "person", "the label that is lacking is left out"


def test_a_share_tells_of_people_on_both_sides_and_what_to_do(tmp_path):
    paths = [f"{k}/p{p}_{i}.png" for k in ("happy", "sad") for p in range(6) for i in range(5)]
    draft = make_draft(tmp_path, paths)
    assert "6 people stand on both sides" in texts(plan_for(draft, "share"))
    assert "divide by person" in texts(plan_for(draft, "share"))
    by_person = plan_for(draft)
    assert by_person.choice.method == "person" and "6 people were told apart" in texts(by_person)
    assert "both sides" not in texts(by_person)


def given(splits, num=6):
    return [
        f"{split}/{label}/p{person}_{i}.png"
        for split, people in splits.items()
        for label in ("happy", "sad")
        for person in people
        for i in range(num)
    ]


def test_validation_drawn_from_a_given_split_divides_nobody(tmp_path):
    draft = make_draft(tmp_path, given({"train": range(9), "test": range(9, 12)}))
    plan = plan_for(draft)
    assert plan.choice.method == "given" and plan.is_usable
    sides = sides_of(draft, plan)
    assert {len(splits) for splits in sides.values()} == {1}
    assert sum(splits == {"validation"} for splits in sides.values()) == 2
    assert {who for who, splits in sides.items() if splits == {"test"}} == {"p9", "p10", "p11"}
    assert "12 people were told apart" in texts(plan)


def test_people_on_both_sides_of_a_split_as_brought_are_told(tmp_path):
    splits = {"train": range(8), "validation": range(7, 12)}
    plan = plan_for(make_draft(tmp_path, given(splits)))
    assert plan.choice.method == "given" and plan.is_usable
    assert "1 person stands on both sides" in texts(plan) and "sort them by person" in texts(plan)


def test_validation_is_drawn_by_share_where_a_label_would_have_none(tmp_path):
    paths = given({"train": range(6), "test": range(6, 9)})
    paths += [f"train/tired/p20_{i}.png" for i in range(30)]
    plan = plan_for(make_draft(tmp_path, paths))
    assert plan.is_usable and plan.counts()["tired"] == {"train": 24, "validation": 6, "test": 0}
    assert "Divided by person, Tired would have too few" in texts(plan)
