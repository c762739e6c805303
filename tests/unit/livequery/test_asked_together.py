"""Live queries that are asked about with others of their shape."""

import asyncio

from fakes import World, asked_together, book, titles

from tools.feed import until

EMMA, EMMA_2 = book(1), book(1, "Emma 2")


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
    await until(lambda: world.asked == 1)
    world.may_run.set()
    await until(lambda: query.refreshing is None)
    assert titles(query) == {"1": "Emma"}

    settled = asyncio.create_task(world.engine.settled([query]))
    world.may_answer.release()
    await until(lambda: world.asked == 2)
    for _ in range(5):
        await asyncio.sleep(0)  # whoever is woken too early has its turn
    assert not settled.done()
    world.may_answer.release()
    await settled
    assert titles(query) == {"1": "Emma 2"}
