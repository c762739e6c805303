"""Live queries that are asked about with others of their shape."""

import asyncio

from fakes import World, asked_together, book, titles

EMMA, EMMA_2 = book(1), book(1, "Emma 2")


async def until_asked(world, times):
    while world.asked < times:
        await asyncio.sleep(0)


async def test_a_changed_row_is_asked_about():
    world = World(rows=[EMMA])
    query = await world.engine.acquire(asked_together())
    world.rows = [EMMA_2]
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    world.may_answer.release()
    await world.engine.settled([query])
    assert titles(query) == {"1": "Emma 2"}
    assert world.runs == 1


async def test_whoever_waits_for_a_query_waits_for_what_it_kept_during_a_question():
    """It was run by itself without seeing a change, while the group was asked about that."""
    world = World(rows=[EMMA])
    query = await world.engine.acquire(asked_together())
    world.may_run.clear()
    world.running.clear()
    world.engine.resync()
    await world.running.wait()
    world.rows = [EMMA_2]
    world.commit(world.change(101, "U", [EMMA_2, EMMA]))
    await until_asked(world, 1)
    world.may_run.set()
    while query.refreshing is not None:
        await asyncio.sleep(0)
    assert titles(query) == {"1": "Emma"}

    settled = asyncio.create_task(world.engine.settled([query]))
    world.may_answer.release()
    await until_asked(world, 2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not settled.done()
    world.may_answer.release()
    await settled
    assert titles(query) == {"1": "Emma 2"}
