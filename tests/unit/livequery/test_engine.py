"""Live queries moved on by transactions: nothing lost, nothing twice, in order."""

import asyncio

import pytest
from fakes import BOOKS, World, asking, book, by_author, everything, titles

from dddp.changefeed.payload import Fence
from dddp.livequery import engine

EMMA, EMMA_2, EMMA_3 = book(1), book(1, "Emma 2"), book(1, "Emma 3")


async def test_equal_plans_share_one_query_and_one_run():
    world = World(rows=[EMMA])
    first = await world.engine.acquire(everything())
    second = await world.engine.acquire(everything())
    assert first is second
    assert world.runs == 1


async def test_listens_before_it_runs():
    world = World()
    world.may_run.clear()
    task = asyncio.create_task(world.engine.acquire(everything()))
    await world.running.wait()
    assert world.listened == [BOOKS]
    world.may_run.set()
    await task


async def test_decidable_changes_ask_nothing():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    world.commit(world.change(102, "I", [book(2, "Persuasion")]))
    world.commit(world.change(103, "D", [EMMA_2]))
    assert titles(query) == {"2": "Persuasion"}
    assert world.runs == 1


async def test_a_row_moves_between_queries():
    world = World(rows=[EMMA])
    first = await world.engine.acquire(by_author(1))
    second = await world.engine.acquire(by_author(2))
    world.commit(world.change(101, "U", [book(1, "Emma", 2), EMMA]))
    assert titles(first) == {}
    assert titles(second) == {"1": "Emma"}


async def test_changes_during_the_run_are_applied_if_its_snapshot_does_not_see_them():
    world = World(rows=[EMMA_2], snapshot="101:103:102")
    world.may_run.clear()
    task = asyncio.create_task(world.engine.acquire(everything()))
    await world.running.wait()
    world.commit(world.change(100, "U", [EMMA_2, EMMA]))
    world.commit(world.change(102, "I", [book(2, "Persuasion")]))
    world.commit(world.change(103, "U", [EMMA_3, EMMA_2]))
    world.may_run.set()
    assert titles(await task) == {"1": "Emma 3", "2": "Persuasion"}


async def test_changes_while_results_are_compared_are_applied_too():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    comparing, may_end = asyncio.Event(), asyncio.Event()
    compare = world.engine._compare

    async def compare_slowly(old, new):
        comparing.set()
        await may_end.wait()
        return await compare(old, new)

    world.engine._compare = compare_slowly
    world.rows, world.snapshot = [EMMA_2], "102:102:"
    world.commit(world.bulk(101))
    await comparing.wait()
    world.commit(world.change(102, "U", [EMMA_3, EMMA_2]))
    may_end.set()
    await world.engine.settled([query])
    assert titles(query) == {"1": "Emma 3"}


async def test_changes_that_the_snapshot_sees_are_not_applied_again():
    world = World(rows=[EMMA_3], snapshot="200:200:")
    query = await world.engine.acquire(everything())
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    assert titles(query) == {"1": "Emma 3"}
    assert world.told == [{query: {b'"1"': (None, query.documents[b'"1"'])}}]


async def test_a_bulk_change_runs_the_query_again():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    world.rows, world.snapshot = [EMMA_2], "102:102:"
    world.commit(world.bulk(101))
    await world.engine.settled([query])
    assert titles(query) == {"1": "Emma 2"}
    assert world.runs == 2


async def test_a_query_that_python_cannot_decide_runs_again_when_any_of_its_tables_changes():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(asking(BOOKS, "bookstore_author"))
    world.rows, world.snapshot = [EMMA_2], "102:102:"
    world.commit(world.change(101, "U", [{"id": 9}, {"id": 9}], table="bookstore_author"))
    await world.engine.settled([query])
    assert titles(query) == {"1": "Emma 2"}


async def test_changes_during_a_run_cause_another_only_if_not_seen():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(asking(BOOKS))
    world.may_run.clear()
    world.running.clear()
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    world.rows, world.snapshot = [EMMA_2], "103:103:"
    await world.running.wait()
    world.commit(world.change(102, "U", [EMMA_2, EMMA]))
    world.may_run.set()
    await world.engine.settled([query])
    assert world.runs == 2


async def test_nested_writes_split_over_two_reads_end_right():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    world.commit(world.change(101, "U", [EMMA_3, EMMA_2]))
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    assert titles(query) == {"1": "Emma 3"}


async def test_a_row_born_and_gone_in_one_split_transaction_leaves_no_ghost():
    world = World()
    query = await world.engine.acquire(everything())
    world.commit(world.change(101, "I", [EMMA]))
    world.snapshot = "102:102:"
    world.commit(world.change(101, "D", [EMMA]))
    await world.engine.settled([query])
    assert titles(query) == {}


async def test_a_row_passing_through_a_query_in_a_split_transaction_leaves_it():
    world = World(rows=[EMMA])
    passing = await world.engine.acquire(by_author(2))
    world.commit(world.change(101, "U", [book(1, "Emma", 2), EMMA]))
    assert titles(passing) == {"1": "Emma"}
    world.commit(world.change(101, "U", [book(1, "Emma", 3), book(1, "Emma", 2)]))
    assert titles(passing) == {}


async def test_a_transaction_larger_than_its_limit_is_queried_again():
    world = World()
    query = await world.engine.acquire(everything())
    world.rows, world.snapshot = [book(pk) for pk in range(20)], "102:102:"
    world.commit(*[world.change(101, "I", [book(pk)]) for pk in range(20)])
    await world.engine.settled([query])
    assert len(query.documents) == 20
    assert world.runs == 2


async def test_fences_follow_the_changes_before_them():
    world = World(rows=[EMMA])
    await world.engine.acquire(everything())
    order = []
    world.engine._deliver = lambda effects: order.append("data")
    world.engine._on_fence = order.append
    world.commit(world.change(101, "U", [EMMA_2, EMMA]), Fence("7"))
    assert order == ["data", "7"]


async def test_after_a_loss_everything_is_run_again():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    world.rows, world.snapshot = [EMMA_3], "109:109:"
    world.engine.resync()
    await world.engine.settled([query])
    assert titles(query) == {"1": "Emma 3"}


async def test_nothing_is_settled_between_a_loss_and_what_it_has_missed():
    """The new link may bring a fence before the queries are run again."""
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    world.rows, world.snapshot = [EMMA_3], "109:109:"
    world.engine.lost()
    settled = asyncio.create_task(world.engine.settled([query]))
    await asyncio.sleep(0)
    world.engine.resync()
    await settled
    assert titles(query) == {"1": "Emma 3"}


async def test_a_loss_during_the_first_run_makes_it_run_again():
    world = World(rows=[EMMA])
    world.may_run.clear()
    task = asyncio.create_task(world.engine.acquire(everything()))
    await world.running.wait()
    world.engine.resync()
    world.rows, world.snapshot = [EMMA_3], "109:109:"
    world.may_run.set()
    assert titles(await task) == {"1": "Emma 3"}


async def test_a_failed_run_is_told_to_everyone_waiting_and_forgotten():
    world = World(rows=[EMMA])

    async def fail(plan):
        raise RuntimeError("the database says no")

    run, world.engine._run = world.engine._run, fail
    outcomes = await asyncio.gather(
        *(world.engine.acquire(everything()) for _ in range(2)), return_exceptions=True
    )
    assert [str(outcome) for outcome in outcomes] == ["the database says no"] * 2
    world.engine._run = run
    assert titles(await world.engine.acquire(everything())) == {"1": "Emma"}


async def test_a_failed_run_later_is_tried_again(caplog):
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    run, failed = world.engine._run, asyncio.Event()

    async def fail_once(plan):
        world.engine._run = run
        failed.set()
        raise RuntimeError("not now")

    world.engine._run = fail_once
    world.rows, world.snapshot = [EMMA_2], "102:102:"
    world.commit(world.bulk(101))
    await failed.wait()
    await world.engine.settled([query], also_failing=True)
    assert titles(query) == {"1": "Emma 2"}
    assert "not now" in caplog.text


async def test_nobody_waits_for_a_query_that_the_database_refuses(caplog, monkeypatch):
    monkeypatch.setattr(engine, "RETRY_SECONDS", (1000.0,))
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    refused = asyncio.Event()

    async def refuse(plan):
        refused.set()
        raise RuntimeError("division by zero")

    world.engine._run = refuse
    world.commit(world.bulk(101))
    await refused.wait()
    for _ in range(3):
        await world.engine.settled([query])
        world.commit(world.bulk(102))
    world.engine.release(query)


async def test_nobody_joins_a_query_that_the_database_refuses(caplog, monkeypatch):
    """Its documents stand still: it is not live, so nobody may be told that it is ready."""
    monkeypatch.setattr(engine, "RETRY_SECONDS", (1000.0,))
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    run, refused = world.engine._run, asyncio.Event()

    async def refuse(plan):
        refused.set()
        raise RuntimeError("division by zero")

    world.engine._run = refuse
    world.commit(world.bulk(101))
    await refused.wait()
    await world.engine.settled([query])
    with pytest.raises(RuntimeError, match="division by zero"):
        await world.engine.acquire(everything())
    world.engine.release(query)
    assert world.engine.queries == []
    world.engine._run = run
    assert titles(await world.engine.acquire(everything())) == {"1": "Emma"}


async def test_the_last_release_ends_a_query():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(everything())
    await world.engine.acquire(everything())
    world.engine.release(query)
    assert world.engine.queries == [query]
    world.engine.release(query)
    assert world.engine.queries == []
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    assert titles(query) == {"1": "Emma"}


async def test_giving_up_while_it_loads_leaves_nothing():
    world = World()
    world.may_run.clear()
    task = asyncio.create_task(world.engine.acquire(everything()))
    await world.running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.engine.queries == []


async def test_who_waits_for_a_query_goes_on_when_it_ends():
    """A call has been unblocked, and its client leaves while the database is being asked."""
    world = World(rows=[EMMA])
    query = await world.engine.acquire(asking(BOOKS))
    world.may_run.clear()
    world.running.clear()
    world.commit(world.bulk(101))
    await world.running.wait()
    settled = asyncio.create_task(world.engine.settled([query]))
    await asyncio.sleep(0)
    assert not settled.done()
    world.engine.release(query)
    await settled
