"""Work that a client does not wait for."""

from concurrent.futures import ThreadPoolExecutor

from dddp.accounts import background


def test_what_comes_while_the_process_ends_is_done_all_the_same(monkeypatch):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    monkeypatch.setattr(background, "_pool", pool)
    done = []
    background.submit(done.append, "mail")
    assert done == ["mail"]
