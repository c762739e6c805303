"""Ready means live: whoever subscribes while the change feed is away waits for it."""

import asyncio

from tools.feed import outage, until
from tools.inprocess import InProcess, sql
from zoo.models import Keyed

CAUGHT_UP = {"1": {"value": "missed"}}
MISS = "INSERT INTO zoo_keyed (key, value) VALUES ('1', 'missed')"


async def shown_when_ready(client):
    await client.subscribe("Shown", "q")
    return dict(client.collections["zoo.keyed"])


async def join(hub, client):
    """Subscribe to what is live already, up to the point where that is known."""
    (query,) = hub.engine.queries
    joining = asyncio.create_task(shown_when_ready(client))
    await until(lambda: query.users == 2 or joining.done())
    return joining


async def test_joining_a_live_query_waits_for_the_change_feed(hub, client, show):
    show("q", Keyed.objects.all())
    await client.subscribe("Shown", "q")
    async with InProcess(hub) as other:
        async with outage(hub):
            await sql(MISS)
            joining = await join(hub, other)
        assert await joining == CAUGHT_UP


async def test_joining_a_live_query_waits_for_it_to_catch_up(hub, client, show):
    show("q", Keyed.objects.all())
    await client.subscribe("Shown", "q")
    run, may_run = hub.engine._run, asyncio.Event()

    async def run_later(plan):
        await may_run.wait()
        return await run(plan)

    hub.engine._run = run_later
    async with outage(hub):
        await sql(MISS)
    async with InProcess(hub) as other:
        joining = await join(hub, other)
        may_run.set()
        assert await joining == CAUGHT_UP
