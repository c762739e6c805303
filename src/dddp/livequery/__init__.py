"""Querysets kept live: analysed once, shared between subscribers, moved on by every commit.

Lifecycle of a live query: `analysis` turns a queryset into a `QueryPlan`; the `Engine` loads it
(rows and snapshot in one statement), then applies every later transaction to it, or runs it
again where the rows of a change alone cannot decide. All state is touched by the event loop's
thread only; SQL runs in worker threads that get a plan and give back a `Loaded`.

`predicates`, `values`, `document`, `index`, `netting`, `transaction`, `tables`, `plan` and `query`
know neither Django nor asyncio.
"""
