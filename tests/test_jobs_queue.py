"""Everybody gets a turn, in a fair order, and sees their place."""

import threading
import time

import pytest

from facecore.errors import ConfigError
from facecore.jobs_queue import TurnQueue, read_limit

WAIT_S = 120


class Visitors:
    """Threads that wait in a queue; what happens is noted in ``served``."""

    def __init__(self, queue):
        self.queue = queue
        self.served = []
        self.places = {}
        self.gate = threading.Event()
        self._threads = []

    def send(self, owner, name):
        """Start a visitor and wait until it has its place in the queue."""
        self.places[name] = []
        thread = threading.Thread(target=self._visit, args=(owner, name), daemon=True)
        thread.start()
        self._threads.append(thread)
        deadline = time.monotonic() + WAIT_S
        while not self.places[name] and name not in self.served:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def finish(self):
        self.gate.set()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _visit(self, owner, name):
        with self.queue.turn(owner, self.places[name].append):
            self.served.append(name)
            self.gate.wait(WAIT_S)


@pytest.fixture
def visitors():
    visitors = Visitors(TurnQueue(1))
    yield visitors
    visitors.finish()


def test_first_come_first_served_and_places_are_told(visitors):
    for name in "abcd":
        visitors.send(name, name)
    time.sleep(0.3)
    assert {name: places[-1] for name, places in visitors.places.items() if places} == {
        "b": 0,
        "c": 1,
        "d": 2,
    }
    visitors.finish()
    assert visitors.served == list("abcd")
    assert not visitors.places["a"]  # who need not wait is told nothing


def test_who_has_much_to_do_does_not_hold_up_the_others(visitors):
    visitors.send("busy", "busy 1")
    for number in (2, 3, 4):
        visitors.send("busy", f"busy {number}")
    visitors.send("guest", "guest 1")
    visitors.send("other", "other 1")
    visitors.send("guest", "guest 2")
    assert visitors.places["guest 1"][-1] == 1
    visitors.finish()
    assert visitors.served == [
        *("busy 1",),
        *("busy 2", "guest 1", "other 1"),
        *("busy 3", "guest 2"),
        *("busy 4",),
    ]


def test_no_more_run_at_once_than_allowed():
    queue, running, most, lock = TurnQueue(3), [0], [0], threading.Lock()
    as_many = threading.Barrier(3)  # however slowly they start: fewer do not go on

    def work():
        with queue.turn():
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            as_many.wait(WAIT_S)
            time.sleep(0.01)
            with lock:
                running[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert (most[0], running[0]) == (3, 0)


def test_who_leaves_while_waiting_leaves_the_queue(visitors):
    class Gone(Exception):
        pass

    def leave(num_ahead):
        raise Gone

    visitors.send("a", "a")
    with pytest.raises(Gone), visitors.queue.turn("b", leave):
        raise AssertionError("must not run")
    visitors.send("c", "c")
    assert visitors.places["c"][-1] == 0


def test_turn_is_given_back_after_an_exception():
    queue = TurnQueue(1)
    with pytest.raises(RuntimeError), queue.turn():
        raise RuntimeError
    with queue.turn(on_wait=lambda _: pytest.fail("the turn was not given back")):
        pass


def test_queue_for_nobody_is_a_mistake():
    with pytest.raises(ValueError, match="at least one"):
        TurnQueue(0)


@pytest.mark.parametrize(("text", "limit"), [(None, 4), ("", 4), ("1", 1), ("12", 12)])
def test_limit_comes_from_the_environment(monkeypatch, text, limit):
    monkeypatch.delenv("FACECORE_TEST", raising=False)
    if text is not None:
        monkeypatch.setenv("FACECORE_TEST", text)
    assert read_limit("FACECORE_TEST", 4) == limit


def test_limit_that_is_too_large_is_one_sentence(monkeypatch):
    monkeypatch.setenv("FACECORE_TEST", "120")
    assert read_limit("FACECORE_TEST", 4, largest=120) == 120
    monkeypatch.setenv("FACECORE_TEST", "121")
    with pytest.raises(ConfigError, match="'121'; set it to a whole number from 1 to 120"):
        read_limit("FACECORE_TEST", 4, largest=120)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", " "])
def test_wrong_limit_is_one_sentence(monkeypatch, text):
    monkeypatch.setenv("FACECORE_TEST", text)
    with pytest.raises(ConfigError, match=r"FACECORE_TEST is .* whole number"):
        read_limit("FACECORE_TEST", 4)
