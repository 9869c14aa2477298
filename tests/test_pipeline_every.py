"""The choice of how often faces are searched tells what it costs."""

import pytest

from facecore.__main__ import main
from facecore.pipeline_every import DETECT_EVERY, MEASURED, describe_search, name_search


def test_names():
    assert [name_search(n) for n in DETECT_EVERY] == [
        "every frame",
        "every 2nd frame",
        "every 3rd frame",
    ]


def test_each_choice_has_its_measured_loss():
    assert set(MEASURED) == set(DETECT_EVERY) - {1}
    times = [MEASURED[n].time for n in sorted(MEASURED)]
    assert times == sorted(times, reverse=True) and times[0] < 1
    for n, loss in MEASURED.items():
        assert 0 < loss.frames <= 1 and 0 < loss.labels <= 1 and 0 < loss.people <= 1
        text = describe_search(n)
        assert all(f"{v:.0%} of" in text for v in (loss.time, loss.people, loss.frames))
        assert f"same words for {loss.labels:.0%} of them" in text


def test_search_in_every_frame_loses_nothing():
    assert "%" not in describe_search(1)


@pytest.mark.parametrize("command", ["video", "batch"])
def test_command_line_tells_the_loss_and_refuses_nonsense(command, capsys, tmp_path):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert f"{MEASURED[3].frames:.0%} of the frames" in words
    with pytest.raises(SystemExit):
        main([command, "a.mp4", "--out", str(tmp_path), "--detect-every", "0"])
    assert "--detect-every must be 1 or more" in capsys.readouterr().err
