"""Work that a client does not wait for."""

import threading
from concurrent.futures import ThreadPoolExecutor

from dddp.accounts import background


def test_what_comes_while_the_process_ends_is_done_all_the_same(monkeypatch):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    monkeypatch.setattr(background, "_pool", pool)
    done = []
    background.submit(done.append, "mail")
    assert done == ["mail"]


def test_what_comes_while_others_wait_for_their_time_is_done_after_them(monkeypatch):
    monkeypatch.setattr(background, "SPREAD_SECONDS", 0.01)
    done, last = [], threading.Event()
    for number in range(3):
        background.submit_some_time(done.append, number)
    background.submit(last.set)
    assert last.wait(20)
    assert done == [0, 1, 2]
